// A part that this client has in a stream, as the app sees it: where it stands, and what works behind it.
import { SamewireError } from "../error.js";
import { Handle, loaded } from "./handle.js";

export class Part extends Handle {
  #shown = { state: "connecting", what: undefined, reason: undefined, waiting: false, error: undefined };
  #place;
  #working;
  #worker;
  #ending;

  /**
   * `place`: `take()` throws where there is another part, and resolves when the one before this is out of the way; `hold(part)` and
   * `free(ended)` hear that this one is there, and that it is over.
   * `load` resolves with the function that makes what works behind it.
   */
  constructor(client, stream, place, load) {
    const before = place.take();
    super(client, stream);
    this.client = client;
    this.#place = place;
    place.hold(this);
    this.#working = Promise.all([loaded(load), before]).then(
      async ([make]) => {
        const worker = this.#ending ? undefined : await make();
        // It may have been stopped while it was made.
        if (this.#ending) await worker?.end();
        else this.#worker = worker;
      },
    );
    this.#working.catch((error) => this.turn("failed", { error }));
  }

  get state() {
    return this.#shown.state;
  }

  get what() {
    return this.#shown.what;
  }

  get reason() {
    return this.#shown.reason;
  }

  get waiting() {
    return this.#shown.waiting;
  }

  get error() {
    return this.#shown.error;
  }

  /** What works behind it, once that is loaded. */
  async worker() {
    await this.#working;
    if (this.#worker && !this.#ending) return this.#worker;
    throw this.error ?? new SamewireError("canceled", `${JSON.stringify(this.stream)} was stopped`);
  }

  /** Says where it stands, unless that is what was said last. */
  turn(state, { what, reason, waiting = false, error } = {}) {
    const shown = { state, what, reason, waiting, error };
    const before = this.#shown;
    if (this.#ending || Object.keys(shown).every((name) => shown[name] === before[name])) return;
    this.#shown = shown;
    this.emit("state", shown);
  }

  async diagnose() {
    const [{ diagnose }, worker] = await Promise.all([loaded(import("./diagnosing.js")), this.worker().catch(() => undefined)]);
    return diagnose(this.client, this.stream, worker);
  }

  /** Ends it. Resolves when the server has heard of it, or cannot hear. */
  stop() {
    if (!this.#ending) {
      if (this.state !== "ended" && this.state !== "failed") this.turn("ended", { reason: "left" });
      this.#ending = Promise.resolve(this.#worker?.end()).finally(() => this.leave());
      this.#place.free(this.#ending);
    }
    return this.#ending;
  }
}
