import { report } from "./error.js";

export class Events {
  #listeners = new Map();

  on(type, listener) {
    if (typeof listener !== "function") throw new TypeError("a listener is a function");
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener));
    return () => void all.delete(listener);
  }

  listeners(type) {
    return [...(this.#listeners.get(type) ?? [])];
  }

  emit(type, make) {
    for (const listener of this.listeners(type)) {
      try {
        listener(make());
      } catch (error) {
        report(error);
      }
    }
  }
}

/** What one reader reads in its own time: `for await (const value of inbox)`. */
export class Inbox {
  #waiting;
  #wake;
  #end;

  constructor(waiting = []) {
    this.#waiting = waiting;
  }

  get size() {
    return this.#waiting.length;
  }

  push(value) {
    this.#waiting.push(value);
    this.#wake?.();
  }

  /** Takes the oldest out. */
  shift() {
    return this.#waiting.shift();
  }

  /** Nothing follows what waits; where there is an error, but that. */
  end(error) {
    this.#end = { error };
    this.#wake?.();
  }

  /** `off` runs when the reader stops. */
  async *read(off) {
    try {
      for (;;) {
        while (this.#waiting.length > 0) yield this.#waiting.shift();
        if (this.#end?.error) throw this.#end.error;
        if (this.#end) return;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    } finally {
      off();
    }
  }
}

/** Calls `aborted` when the signal aborts. Returns the function that stops listening. */
export function onAbort(signal, aborted) {
  const listener = () => aborted(signal.reason);
  signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}
