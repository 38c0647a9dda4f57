// The room behind the page: what its state means, what a controller does to it, and who is typing.

/** A person is typing for so long after the last key, in milliseconds. */
const TYPING = 2_500;
/** How often the others are told of it at most. */
const TELL_EVERY = 1_000;

export class PortalRoom {
  /** Whoever types now: the time at which it ends, by user. */
  typing = new Map();
  #client;
  #typingChanged = [];

  constructor(client, view) {
    this.#client = client;
    this.room = client.join(`portal:${view}`, { info: { touch: matchMedia("(pointer: coarse)").matches } });
    this.room.on("event", ({ name, user, own }) => {
      if (name === "typing" && !own) this.#typed(user);
    });
    // Who is away hears nobody type.
    this.room.on("status", () => this.#stop(...this.typing.keys()));
    this.room.on("presence", ({ left }) => this.#stop(...left.map(({ id }) => id)));
  }

  /** Who this window is. */
  get user() {
    return this.#client.identity;
  }

  /** Whether this window may change what is shown. */
  get controls() {
    return this.room.role === "controller";
  }

  /** The items in their order: `[{ id, title, caption, health }]`. */
  get items() {
    const items = Object.entries(this.room.state?.items ?? {});
    return items
      .map(([id, { title, health, position = 0, data }]) => ({ id: Number(id), title, health, position, caption: data?.caption ?? "" }))
      .sort((one, other) => one.position - other.position || one.id - other.id);
  }

  /** What is shown, with its place in the order; undefined where nothing is. */
  get current() {
    const { items } = this;
    const at = items.findIndex(({ id }) => id === this.room.state?.currentItem);
    return at < 0 ? undefined : { ...items[at], at, of: items.length };
  }

  show(item) {
    return this.room.patch({ currentItem: item }, { name: "portal-view-update" });
  }

  /** Shows the item so many places further on. */
  step(by) {
    const { items, current } = this;
    if (items.length === 0) return undefined;
    const at = ((current?.at ?? -1) + by + items.length) % items.length;
    return this.show(items[at].id);
  }

  showHealth(shown) {
    return this.room.patch({ showHealth: shown }, { name: "portal-view-update" });
  }

  /** Each letter is a patch; those that are typed while one is under way go together. */
  setCaption(item, caption) {
    this.room.cast("typing", { item }, { every: TELL_EVERY });
    return this.room.patch({ items: { [item]: { data: { caption } } } }, { name: "item-update" });
  }

  onTyping(listener) {
    this.#typingChanged.push(listener);
  }

  #typed(user) {
    const known = this.typing.get(user);
    clearTimeout(known);
    this.typing.set(user, setTimeout(() => this.#stop(user), TYPING));
    if (known === undefined) this.#tell();
  }

  #stop(...users) {
    for (const user of users) {
      clearTimeout(this.typing.get(user));
      this.typing.delete(user);
    }
    this.#tell();
  }

  #tell() {
    for (const listener of this.#typingChanged) listener();
  }
}
