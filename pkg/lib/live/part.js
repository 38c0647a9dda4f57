// A part that this client has in a stream, as the app sees it: where it stands, and what works behind it.
import { SamewireError } from "../error.js";
import { Handle, loaded } from "./handle.js";

export class Part extends Handle {
  #shown = { state: "connecting", what: undefined, reason: undefined, waiting: false, error: undefined };
  #place;
  #load;
  /** Whether its client's place in the stream is its own. */
  #held;
  #working;
  /** Whether what works behind it is being made. */
  #making;
  #worker;
  #ending;

  /**
   * `place`: `take()` throws where there is another part, and resolves when the one before this is out of the way; `hold(part)` and
   * `free(ended)` hear that this one is there, and that it is over.
   * `load()` resolves with the function that makes what works behind it.
   */
  constructor(client, stream, place, load) {
    const before = place.take();
    super(client, stream);
    this.#place = place;
    this.#load = load;
    this.#begin(before);
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
  turn(state, why) {
    if (!this.#ending) this.#say(state, why);
  }

  /** Ends it, and says so last: whoever hears of it may begin again at once. */
  finish(state, why) {
    if (this.#ending) return this.#ending;
    this.#ending = Promise.resolve(this.#worker?.end()).finally(() => this.leave());
    this.over();
    this.#free(this.#ending);
    if (state) this.#say(state, why);
    return this.#ending;
  }

  /** What a part gives back when it has ended. */
  over() {}

  /** Tries again: what works behind it where that can go on, or else another one in the room joined anew. */
  again() {
    if (this.#ending || this.#making) return;
    if (this.#worker && this.room.status !== "left") return void this.#worker.retry();
    try {
      const before = this.#held ? undefined : this.#place.take();
      this.#worker?.end();
      this.#worker = undefined;
      this.turn("connecting");
      this.enter();
      this.#begin(before);
    } catch (error) {
      this.turn("failed", { error });
    }
  }

  async diagnose() {
    const [{ diagnose }, worker] = await Promise.all([loaded(import("./diagnosing.js")), this.worker().catch(() => undefined)]);
    return diagnose(this.client, this.stream, worker);
  }

  /** Ends it. Resolves when the server has heard of it, or cannot hear. */
  stop() {
    return this.state === "ended" || this.state === "failed" ? this.finish() : this.finish("ended", { reason: "left" });
  }

  #say(state, { what, reason, waiting = false, error } = {}) {
    const shown = { state, what, reason, waiting, error };
    const before = this.#shown;
    if (Object.keys(shown).every((name) => shown[name] === before[name])) return;
    this.#shown = shown;
    this.emit("state", shown);
  }

  #begin(before) {
    this.#place.hold(this);
    this.#held = this.#making = true;
    this.#working = Promise.all([loaded(this.#load()), before]).then(async ([make]) => {
      const worker = this.#ending ? undefined : await make();
      // It may have been stopped while it was made.
      if (this.#ending) await worker?.end();
      else this.#worker = worker;
    });
    this.#working
      .finally(() => (this.#making = false))
      .catch((error) => {
        // Nothing works behind it, and it keeps nobody from its place.
        this.leave();
        this.#free();
        this.turn("failed", { error });
      });
  }

  #free(ended = Promise.resolve()) {
    if (this.#held) this.#place.free(ended);
    this.#held = false;
  }
}
