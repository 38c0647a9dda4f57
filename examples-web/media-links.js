// Addresses for <video>, <img> and downloads, which cannot send a token: the server signs them, and they are good for a while.

/** One that ends within so many milliseconds is asked for anew. */
const SOON = 60_000;

export class Links {
  #client;
  #known = new Map();

  constructor(client) {
    this.#client = client;
  }

  /** The address of a file, or of one of its parts, and until when it is good: `{ url, expires }`. */
  async ask(id, part) {
    const key = `${id}/${part ?? ""}`;
    const known = await this.#known.get(key)?.catch(() => undefined);
    if (known?.expires > Date.now() + SOON) return known;
    const asked = this.#client.api.files.link(part === undefined ? { id } : { id, part });
    this.#known.set(key, asked);
    return asked;
  }

  async of(id, part) {
    return (await this.ask(id, part)).url;
  }

  /** An address at which a browser saves what it finds. */
  async toSave(id, part) {
    const url = new URL(await this.of(id, part), location.origin);
    url.searchParams.set("download", "");
    return url.href;
  }
}
