// The view behind the page, made and shared over HTTP as any app would: a library of your own, a portal view in it, viewers as members.

import { SamewireError } from "./samewire.js";

const LIBRARY = "Portal demo";

/** What there is to show, in the order of the pictures. */
const ITEMS = [
  ["Harbour at dusk", 82, "The last boats come home before the wind turns."],
  ["North ridge", 64, "Snow above the second saddle."],
  ["Eleven at night", 37, "Half of the lights are still on."],
  ["Caravan", 91, "Five of them, and a day ahead of plan."],
  ["Fir wood", 73, "Fog until noon."],
  ["Winter light", 55, "Seen from the hut, for an hour."],
];

export class Library {
  #token;
  #id;

  constructor(token) {
    this.#token = token;
  }

  /** The number of the demo's view: the one that is there already, else a new one. */
  async view() {
    const { libraries } = await this.#ask("GET", "/api/libraries");
    const known = libraries.find(({ name, role }) => name === LIBRARY && role === "OWNER");
    this.#id = (known ?? (await this.#ask("POST", "/api/libraries", { name: LIBRARY }))).id;
    const { portalViews } = await this.#ask("GET", `/api/libraries/${this.#id}/portal-views`);
    if (portalViews.length > 0) return String(portalViews[0].id);
    const items = ITEMS.map(([title, health, caption]) => ({ title, health, data: { caption } }));
    const made = await this.#ask("POST", `/api/libraries/${this.#id}/portal-views`, { name: "A walk", currentItem: 1, items });
    return String(made.id);
  }

  /** Lets somebody see a view of yours. */
  async invite(view, user) {
    this.#id ??= (await this.#ask("GET", `/api/portal-views/${view}`)).library;
    await this.#ask("PUT", `/api/libraries/${this.#id}/members/${encodeURIComponent(user)}`, { role: "VIEWER" });
  }

  async #ask(method, path, body) {
    const headers = { "content-type": "application/json", authorization: `Bearer ${this.#token}` };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const told = await answer.json().catch(() => ({}));
    if (answer.ok) return told;
    throw new SamewireError(told.code ?? `http-${answer.status}`, told.detail ?? `The server answered ${answer.status}.`, { status: answer.status });
  }
}
