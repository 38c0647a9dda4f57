import { SamewireError } from "./error.js";

/** The client's token: what the app gave, and what it gives when another one is wanted. */
export class Tokens {
  #given;
  #events;
  #known;
  #asking;

  /** `given`: a token, or a function that gives one. Listeners to "token" are asked before it. */
  constructor(given, events) {
    this.#given = given;
    this.#events = events;
    if (typeof given === "string") this.#known = given;
  }

  /** The token, asked for where there is none yet. */
  async present() {
    return this.#known ?? this.renew("first");
  }

  /** A new token, or undefined. Asked for once, however many want one at that time. */
  renew(reason) {
    return (this.#asking ??= this.#ask({ reason }).finally(() => (this.#asking = undefined)));
  }

  async #ask(wanted) {
    try {
      for (const give of this.#events.listeners("token").concat(this.#given ?? [])) {
        const token = typeof give === "function" ? await give(wanted) : wanted.reason === "first" && give;
        if (token) return (this.#known = token);
      }
    } catch (cause) {
      throw new SamewireError("token-unavailable", `no token could be had: ${cause?.message ?? cause}`, { retryable: true, cause });
    }
  }
}
