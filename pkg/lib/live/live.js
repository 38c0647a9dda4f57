// `client.live`. What the app holds is made here at once; what works behind it is loaded when it is first needed.
import { SamewireError } from "../error.js";
import { Broadcast } from "./broadcast.js";
import { loaded } from "./handle.js";
import { Observer } from "./observer.js";
import { Watch } from "./watch.js";

export class Live {
  #client;
  /** The part that this client has in each stream: a session has one at most. */
  #parts = new Map();
  /** Parts that tell the server of their end, by stream. */
  #ending = new Map();

  /** `client`: its public face is all that live video needs. */
  constructor(client) {
    this.#client = client;
  }

  broadcast(stream, media, options = {}) {
    return new Broadcast(this.#client, stream, this.#place(stream), media, options);
  }

  watch(stream, options = {}) {
    return new Watch(this.#client, stream, this.#place(stream), options);
  }

  observe(stream) {
    return new Observer(this.#client, stream);
  }

  list(page = {}) {
    return this.#client.call("live/list", page);
  }

  get(stream) {
    return this.#client.call("live/get", { stream });
  }

  async end(stream) {
    await this.#client.call("live/end", { stream });
  }

  async diagnose({ stream } = {}) {
    // What is under way tells more than what would be begun only to look.
    const part = stream === undefined ? [...this.#parts.values()].at(-1) : this.#parts.get(stream);
    if (part) return part.diagnose();
    const { diagnose } = await loaded(import("./diagnosing.js"));
    return diagnose(this.#client, stream);
  }

  #place(stream) {
    return {
      take: () => {
        if (this.#parts.has(stream)) {
          const hint = "stop that first, or use another client";
          throw new SamewireError("conflict", `this client broadcasts or watches ${JSON.stringify(stream)} already; ${hint}`);
        }
        return this.#ending.get(stream);
      },
      hold: (part) => this.#parts.set(stream, part),
      free: (ended) => {
        this.#parts.delete(stream);
        const ending = ended.catch(() => {}).then(() => void (this.#ending.get(stream) === ending && this.#ending.delete(stream)));
        this.#ending.set(stream, ending);
      },
    };
  }
}
