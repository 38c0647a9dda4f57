import { SamewireError } from "./error.js";
import { Events, onAbort } from "./events.js";
import { Memory } from "./lasting.js";
import { Sending } from "./sending.js";
import { sourceOf } from "./source.js";

/** The span that the rate is measured over, in milliseconds, and how many measurements it takes. */
const RATE_SPAN = 3_000;
const RATE_STEPS = 30;

export class Uploader {
  #sending;
  #events = new Events();
  #samples = [];
  #measured = false;

  /** `remembered`: what is known of it from a page before this one. */
  constructor(client, input, { signal, name, media, size, resume, handle } = {}, remembered) {
    const { source, ...known } = sourceOf(input);
    if (resume && !(input instanceof Blob)) throw new TypeError("only a File or a Blob can be gone on with after a reload");
    const spec = { id: remembered?.id, name: name ?? known.name, media: media ?? known.media, size: known.size ?? size };
    const memory = resume ? new Memory(client.lasting, input, handle, remembered) : undefined;
    this.#sending = new Sending(client, source, spec, (type, value) => {
      if (type === "state" && value === "uploading") this.#samples = [this.#sample()];
      if (type === "durable") this.#measure(memory);
      else this.#events.emit(type, () => (type === "state" ? value : this.progress));
    }, memory);
    if (signal?.aborted) this.#sending.abort(signal.reason);
    else this.#sending.done.catch(() => {}).finally(onAbort(signal, (reason) => this.#sending.abort(reason)));
  }

  get id() {
    return this.#sending.id;
  }

  get name() {
    return this.#sending.name;
  }

  get size() {
    return this.#sending.size;
  }

  get state() {
    return this.#sending.state;
  }

  get progress() {
    const { sent, durable, size: total, state } = this.#sending;
    const rate = state === "uploading" ? this.#rate() : 0;
    return { sent, durable, total, rate, timeLeft: rate > 0 && total !== undefined ? (total - durable) / rate : undefined };
  }

  on(type, listener) {
    return this.#events.on(type, listener);
  }

  upload() {
    return this.#sending.upload();
  }

  pause() {
    this.#sending.pause(true);
  }

  resume() {
    this.#sending.pause(false);
  }

  cancel() {
    this.#sending.abort(new SamewireError("canceled", "the upload was canceled"));
  }

  /** In the params of a call an uploader stands for its stream. */
  toJSON() {
    return this.id;
  }

  #sample() {
    return { at: performance.now(), durable: this.#sending.durable };
  }

  #measure(memory) {
    const sample = this.#sample();
    // What a page before this one sent says nothing of how quick this one is.
    if (memory && !this.#measured) this.#samples = [sample];
    this.#measured = true;
    if (sample.at - this.#samples.at(-1).at > RATE_SPAN / RATE_STEPS) this.#samples.push(sample);
  }

  /** Bytes a second over the last few seconds, those without progress included. */
  #rate() {
    const now = this.#sample();
    while (this.#samples.length > 1 && this.#samples[1].at < now.at - RATE_SPAN) this.#samples.shift();
    const from = this.#samples[0];
    return now.at > from.at ? Math.max(0, ((now.durable - from.durable) * 1_000) / (now.at - from.at)) : 0;
  }
}
