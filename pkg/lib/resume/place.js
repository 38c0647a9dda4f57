// A session that goes on after a reload of its page: the ticket lies in the tab's own storage, where no other tab sees it.
import { hold } from "./lock.js";

export class Place {
  #key;
  #session;
  #release;

  /** `server`: the address of the session's WebSocket. */
  constructor(server) {
    this.#key = `samewire session ${server}`;
  }

  /** The ticket of the page before this one. None where that page is still there: a copied tab has a copy of the storage. */
  async take() {
    const { ticket, session } = this.#read() ?? {};
    if (typeof ticket !== "string" || !globalThis.navigator?.locks) return undefined;
    if (session === this.#session) return ticket;
    this.#release = await hold(`samewire session ${session}`);
    if (!this.#release) return undefined;
    this.#session = session;
    return ticket;
  }

  /** The session is live. */
  async keep(session, ticket) {
    const moved = session !== this.#session;
    this.#session = session;
    if (moved) {
      this.#release?.();
      this.#release = undefined;
      const release = await hold(`samewire session ${session}`);
      if (session !== this.#session) return release?.();
      this.#release = release;
    }
    this.#write(JSON.stringify({ session, ticket }));
  }

  /** The session was ended by the app. */
  leave() {
    this.#write(undefined);
    this.#release?.();
    this.#session = this.#release = undefined;
  }

  #read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key));
    } catch {
      // A worker has no such storage, and a page may be denied it.
    }
  }

  #write(text) {
    try {
      text === undefined ? sessionStorage.removeItem(this.#key) : sessionStorage.setItem(this.#key, text);
    } catch {
      // Then a reload begins a new session.
    }
  }
}
