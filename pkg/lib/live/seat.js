// The place of one viewer in a broadcast. What goes wrong in it stays in it.
import { report } from "../error.js";
import { Peer } from "./peer.js";

/** How long a connection that the server knows nothing of may be without a way, in milliseconds. */
const RETIREMENT = 15_000;

export class Seat {
  /** What the app sees; another object after each change. */
  shown;
  /** What the server is to know of the last seconds, where it is time for that. */
  summary;
  #peer;
  #ice;
  #needs;
  /** Who hears of the end of one that has retired. */
  #retired;
  /** The timer of its end, while there is no way. */
  #waning;

  constructor(glue, id, user, { line, ice, source, options, changed }) {
    this.shown = { id, user, state: "connecting", error: undefined, stats: undefined };
    this.#ice = ice;
    this.#needs = { changed };
    this.#guard(() => {
      this.#peer = new Peer(glue, "broadcaster", {
        ask: (method, params) => line.ask(method, { viewer: id, ...params }),
        begin: (negotiation) => this.begin(negotiation),
        state: (state, error) => this.#turn({ state, error }),
        crashed: (error) => this.#turn({ state: "failed", error }),
      });
      const { encodings, contentHint, degradationPreference } = options;
      this.#peer.setMedia(source.stream, { encodings, contentHint, degradationPreference });
    });
  }

  async begin(negotiation) {
    try {
      await this.#peer?.begin(negotiation, this.#ice);
    } catch (error) {
      this.#turn({ state: "failed", error });
    }
  }

  hear(name, data) {
    if (name === "peer") this.begin(data.negotiation);
    else this.#guard(() => this.#peer?.hear(name, data));
  }

  link(up) {
    this.#guard(() => this.#peer?.link(up));
  }

  configure(servers) {
    this.#guard(() => this.#peer?.configure(servers));
  }

  restart() {
    this.#guard(() => this.#peer?.restart());
  }

  async replaceTrack(track) {
    await this.#peer?.replaceTrack(track.kind, track);
  }

  /** What was sent to it in the last second. */
  async measure() {
    try {
      const told = await this.#peer?.stats();
      if (!told) return;
      this.summary = told.summary;
      this.shown = { ...this.shown, stats: told.stats };
    } catch {
      // Of a connection that is being closed nothing can be known.
    }
  }

  /**
   * Goes on for as long as media flows: the viewer sees it on, comes back under another name, and ends it itself when it has something
   * else to see. `closed` hears of the end.
   */
  retire(closed) {
    this.#retired = closed;
    this.link(false);
    this.#peer?.onHungUp(() => this.close());
    this.#wane();
  }

  close() {
    clearTimeout(this.#waning);
    this.#retired?.();
    const peer = this.#peer;
    this.#peer = undefined;
    this.shown = { ...this.shown, state: "closed" };
    try {
      peer?.close();
    } catch (error) {
      report(error);
    }
  }

  #turn(change) {
    if (this.shown.state === "closed") return;
    this.shown = { ...this.shown, ...change };
    if (this.#retired) this.#wane();
    else this.#needs.changed();
  }

  /** One that has retired ends with its way, which may come back by itself. */
  #wane() {
    clearTimeout(this.#waning);
    const { state } = this.shown;
    if (state === "reconnecting") this.#waning = setTimeout(() => this.close(), RETIREMENT);
    else if (state !== "connected") this.close();
  }

  #guard(work) {
    try {
      work();
    } catch (error) {
      this.#turn({ state: "failed", error });
    }
  }
}
