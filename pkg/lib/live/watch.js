import { Part } from "./part.js";
import { Playing } from "./playing.js";

/** A stream that this client watches. */
export class Watch extends Part {
  #playing;
  #viewerId;
  #stats;

  constructor(client, stream, place, options) {
    const playing = new Playing(options, (type, value) => this.emit(type, value));
    super(client, stream, place, () => import("./watching.js").then(({ Watching }) => () => Watching.begin(this, playing, options)));
    this.#playing = playing;
  }

  get viewerId() {
    return this.#viewerId;
  }

  get mediaStream() {
    return this.#playing.shown;
  }

  get stats() {
    return this.#stats;
  }

  get playbackBlocked() {
    return this.#playing.blocked;
  }

  resumePlayback() {
    return this.#playing.resume();
  }

  retry() {
    this.again();
  }

  over() {
    this.#playing.end();
  }

  /** What the worker tells. */
  admitted(viewer) {
    this.#viewerId = viewer;
  }

  measured(stats) {
    this.#stats = stats;
    this.emit("stats", stats);
  }
}
