import { report } from "./error.js";

export class Events {
  #listeners = new Map();

  on(type, listener) {
    if (typeof listener !== "function") throw new TypeError("a listener is a function");
    const all = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, all.add(listener));
    return () => void all.delete(listener);
  }

  emit(type, make) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(make());
      } catch (error) {
        report(error);
      }
    }
  }
}

/** Calls `aborted` when the signal aborts. Returns the function that stops listening. */
export function onAbort(signal, aborted) {
  const listener = () => aborted(signal.reason);
  signal?.addEventListener("abort", listener, { once: true });
  return () => signal?.removeEventListener("abort", listener);
}
