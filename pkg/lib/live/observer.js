import { Handle } from "./handle.js";

/** Follows a stream's record and events. */
export class Observer extends Handle {
  constructor(client, stream) {
    super(client, stream);
    this.ready = this.room.ready;
    this.room.on("status", (status) => this.emit("status", status));
  }

  get error() {
    return this.room.error;
  }

  stop() {
    this.leave();
  }
}
