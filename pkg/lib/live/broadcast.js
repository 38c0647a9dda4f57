import { SamewireError } from "../error.js";
import { Part } from "./part.js";
import { Source } from "./source.js";

/** A stream that this client broadcasts. */
export class Broadcast extends Part {
  #source;
  #viewers = new Map();
  #stats;

  constructor(client, stream, place, media, options) {
    const source = new Source(media, (event) => this.emit("device", event));
    super(client, stream, place, () => import("./broadcasting.js").then(({ Broadcasting }) => () => Broadcasting.begin(this, source, options)));
    this.#source = source.begin();
    this.ready = new Promise((resolve, reject) => {
      this.on("state", ({ state, error, reason }) => {
        if (state === "live") resolve();
        else if (state === "failed") this.stop(reject(error));
        else if (state === "ended") reject(new SamewireError("canceled", `the broadcast ended before viewers could come (${reason})`));
      });
    });
    // Whoever does not ask does not want to hear of it as an unhandled rejection.
    this.ready.catch(() => {});
  }

  get viewers() {
    return this.#viewers;
  }

  get stats() {
    return this.#stats;
  }

  get mediaStream() {
    return this.#source.stream;
  }

  get muted() {
    return this.#source.muted;
  }

  async replaceTrack(given) {
    const worker = await this.worker();
    const replaced = this.#source.replace(given);
    await Promise.all(replaced.map(async ({ track, release }) => {
      // What somebody may be sent still stays muted.
      if (await worker.replaceTrack(track)) release();
    }));
  }

  mute(what) {
    if (this.#source.mute(what)) this.emit("muted", this.muted);
  }

  over() {
    this.#source.end();
  }

  /** What the worker tells of its viewers and of what goes out. */
  show(type, value) {
    if (type === "viewers") this.#viewers = value;
    else this.#stats = value;
    this.emit(type, value);
  }
}
