// The one state that people are shown of a watch, as the wasm makes it of all that is known.
import { SamewireError } from "../error.js";
import { enter } from "../load.js";

export class View {
  #wasm;
  #part;

  constructor(glue, part) {
    this.#part = part;
    this.#wasm = enter(() => new glue.View());
  }

  link(up) {
    this.#take("link", up);
  }

  record(record) {
    this.#take("record", record);
  }

  peer(state, failure) {
    this.#take("peer", { state, failure });
  }

  /** A connection has begun to show what arrives. */
  shown() {
    this.#take("shown");
  }

  /** What was measured, where there is a connection. To be told each second: what flowed long ago counts no longer. */
  flow(stats) {
    this.#take("flow", stats);
  }

  failed(error) {
    this.#take("failed", error);
  }

  retry() {
    this.#take("retry");
  }

  free() {
    const wasm = this.#wasm;
    this.#wasm = undefined;
    if (wasm) enter(() => wasm.free());
  }

  #take(kind, value) {
    const wasm = this.#wasm;
    if (!wasm) return;
    try {
      const { state, failure, ...more } = enter(() => wasm.take(kind, value));
      this.#part.turn(state, { ...more, error: failure && new SamewireError(failure.code, failure.message, failure) });
    } catch (error) {
      // The instance is lost, and what is left to be said needs none.
      this.#wasm = undefined;
      this.#part.turn("failed", { error: kind === "failed" ? value : error });
    }
  }
}
