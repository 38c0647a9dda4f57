// The one state that people are shown of a watch, as the wasm makes it of all that is known.
import { SamewireError } from "../error.js";
import { enter } from "../load.js";

export class View {
  record;
  #wasm;
  #part;

  constructor(glue, part) {
    this.#part = part;
    this.#wasm = enter(() => new glue.View("viewer"));
  }

  link(up) {
    this.#take("link", up);
  }

  told(record) {
    this.record = record;
    this.#take("record", record);
  }

  peer(state, error) {
    this.#take("peer", { state, failure: error && plain(error) });
  }

  frames(count) {
    this.#take("frames", count);
  }

  failed(error) {
    this.#take("failed", plain(error));
  }

  retry() {
    this.#take("retry", null);
  }

  free() {
    const wasm = this.#wasm;
    this.#wasm = undefined;
    if (wasm) enter(() => wasm.free());
  }

  #take(kind, value) {
    const wasm = this.#wasm;
    if (!wasm) return;
    const { state, what, reason, waiting, failure } = enter(() => wasm.take(kind, value));
    this.#part.turn(state, { what, reason, waiting, error: failure && new SamewireError(failure.code, failure.message, failure) });
  }
}

function plain({ code = "internal", message, retryable = false }) {
  return { code, message, retryable };
}
