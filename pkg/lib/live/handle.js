// What the app's handles of a stream have in common: its room, its record and its events.
import { SamewireError } from "../error.js";
import { Events } from "../events.js";

/** A part of live video that is loaded when it is first needed. */
export function loaded(module) {
  return module.catch((cause) => {
    throw new SamewireError("module-unavailable", `a part of the SDK could not be loaded (${cause.message})`, { retryable: true, cause });
  });
}

export class Handle {
  #events = new Events();

  constructor(client, stream) {
    this.client = client;
    this.stream = stream;
    this.enter();
  }

  /** Joins the stream's room; again where it was left, or the server refused it. */
  enter() {
    this.room = this.client.join(`live:${this.stream}`, { presence: false });
    // Those who are told by the record alone would not see what was between two of them.
    this.room.on("event", ({ name, data }) => {
      // What goes on in the record alone is told as that.
      if (name === "quality_measured") return;
      this.emit("event", { name, data });
      if (name === "quality_changed") this.emit("quality", data.quality);
    });
    this.room.on("state", () => this.record && this.emit("record", this.record));
  }

  get record() {
    return this.room.state ?? undefined;
  }

  on(type, listener) {
    return this.#events.on(type, listener);
  }

  emit(type, value) {
    this.#events.emit(type, () => value);
  }

  leave() {
    this.room.leave();
  }

  [Symbol.dispose ?? Symbol("dispose")]() {
    this.stop();
  }
}
