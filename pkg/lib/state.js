// JSON merge patches (RFC 7396): a room's state is told by them.

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** The value with the patch on it. Neither is changed; what the patch does not name is shared. */
export function merge(value, patch) {
  if (!isObject(patch)) return patch;
  // A Map, because `__proto__` is a name like any other here.
  const merged = new Map(isObject(value) ? Object.entries(value) : []);
  for (const [name, part] of Object.entries(patch)) {
    if (part === null) merged.delete(name);
    else merged.set(name, merge(merged.get(name), part));
  }
  return Object.fromEntries(merged);
}

/** The one patch that does what two do, one after the other. Undefined where there is none: a patch cannot say "this whole object". */
export function compose(first, second) {
  if (!isObject(second)) return second;
  if (!isObject(first)) return undefined;
  const both = new Map(Object.entries(first));
  for (const [name, part] of Object.entries(second)) {
    const composed = both.has(name) ? compose(both.get(name), part) : part;
    if (composed === undefined) return undefined;
    both.set(name, composed);
  }
  return Object.fromEntries(both);
}

/** Sends patches one after the other. Those that come while one is under way become one. */
export class Patches {
  #send;
  #waiting = [];
  #sending = false;

  /** `send(patch, name)` resolves when the patch is in the state. */
  constructor(send) {
    this.#send = send;
  }

  /** Resolves with the answer to the patch that this one went in. */
  add(patch, name) {
    const last = this.#waiting.at(-1);
    const both = last?.name === name ? compose(last.patch, patch) : undefined;
    if (both !== undefined) {
      last.patch = both;
      return last.done;
    }
    const entry = { patch, name };
    entry.done = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    this.#waiting.push(entry);
    this.#run();
    return entry.done;
  }

  async #run() {
    if (this.#sending) return;
    this.#sending = true;
    // Patches of the same task go together.
    await undefined;
    for (let entry; (entry = this.#waiting.shift()); ) {
      await this.#send(entry.patch, entry.name).then(entry.resolve, entry.reject);
    }
    this.#sending = false;
  }
}
