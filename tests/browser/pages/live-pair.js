// Both ends of a way from a broadcaster to a viewer in one page. What they tell each other is passed by hand, as a server would pass it.

import { Peer } from "/pkg/lib/live/peer.js";

/** Both ends are in one network. */
const ICE = { ice_servers: [] };

class End {
  state;
  error;
  states = [];
  /** What this end has sent, but for its candidates. */
  said = [];
  #waiting = [];

  constructor(glue, side, pair) {
    this.side = side;
    this.peer = new Peer(glue, side, {
      ask: (method, { negotiation, message }) => (method === "signal" ? pair.pass(this, negotiation, message) : pair.renegotiate(negotiation)),
      // Both ends hear of it from the pair.
      begin: () => {},
      state: (state, error) => {
        Object.assign(this, { state, error });
        this.states.push(state);
        this.changed();
      },
      media: (tracks) => {
        this.tracks = tracks;
        if (this.video) this.video.srcObject = new MediaStream(tracks);
        this.changed();
      },
      crashed: (error) => Object.assign(this, { crash: error }),
    });
  }

  changed() {
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => !wanted(this) || resolve());
  }

  /** Resolves once this holds after some news. */
  becomes(wanted) {
    return new Promise((resolve) => {
      this.#waiting.push({ wanted, resolve });
      this.changed();
    });
  }
}

export class Pair {
  negotiation = 0;
  /** Whether a message gets lost: `lost(end, message)`. */
  lost = () => false;
  /** Messages that wait while this is set. */
  #held;

  static async make({ media, options = {}, show = false } = {}) {
    const pair = new Pair(await Peer.load());
    if (media) pair.broadcaster.peer.setMedia(media, options);
    if (show) pair.viewer.video = screen();
    return pair;
  }

  constructor(glue) {
    this.broadcaster = new End(glue, "broadcaster", this);
    this.viewer = new End(glue, "viewer", this);
  }

  get ends() {
    return [this.broadcaster, this.viewer];
  }

  /** Begins a connection, in place of the one before. */
  async begin() {
    const negotiation = (this.negotiation += 1);
    await Promise.all(this.ends.map(({ peer }) => peer.begin(negotiation, { fresh: async () => ICE })));
  }

  async connected() {
    await Promise.all(this.ends.map((end) => end.becomes(({ state }) => state === "connected")));
  }

  async renegotiate(negotiation) {
    if (negotiation === this.negotiation) await this.begin();
    return { negotiation: this.negotiation };
  }

  async pass(end, negotiation, message) {
    const { type, ...told } = message;
    if (type !== "candidates") end.said.push(message);
    if (this.lost(end, message)) return {};
    if (negotiation !== this.negotiation) {
      throw Object.assign(new Error("another one counts now"), { code: "stale-negotiation", data: { negotiation: this.negotiation } });
    }
    const other = end === this.viewer ? this.broadcaster : this.viewer;
    const deliver = () => other.peer.hear(type, { negotiation, ...JSON.parse(JSON.stringify(told)) });
    if (this.#held) this.#held.push(deliver);
    else setTimeout(deliver);
    return {};
  }

  /** Keeps all messages back until `release`. */
  hold() {
    this.#held ??= [];
  }

  release() {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }

  close() {
    for (const { peer, video } of this.ends) {
      peer.close();
      video?.remove();
    }
  }
}

Object.assign(window, { Pair });
