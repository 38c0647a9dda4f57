// What outlives a page. Its code is loaded when an app first asks for it, so that the others do not pay for it.
import { SamewireError } from "./error.js";

/** What remembers one upload: see Remembering. */
export class Memory {
  #loaded;

  constructor(...what) {
    this.#loaded = loading(import("./resume/remembering.js")).then(({ Remembering }) => new Remembering(...what));
    // Whoever starts the upload hears of it.
    this.#loaded.catch(() => {});
  }

  async prepare(sending) {
    return (await this.#loaded).prepare(sending);
  }

  progress(durable) {
    this.#loaded.then((remembering) => remembering.progress(durable));
  }

  end(state, error) {
    this.#loaded.then((remembering) => remembering.end(state, error)).catch(() => {});
  }
}

/** The uploads that a client may go on with. */
export async function rememberedBy(client) {
  const { remembered } = await loading(import("./resume/remembered.js"));
  return remembered(client);
}

/** Where the ticket of a session is kept. */
export async function placeOf(server) {
  const { Place } = await loading(import("./resume/place.js"));
  return new Place(server);
}

function loading(module) {
  return module.catch((cause) => {
    throw new SamewireError("module-unavailable", `a part of the SDK could not be loaded (${cause.message})`, { retryable: true, cause });
  });
}
