// One end of the way between a broadcaster and a viewer, as the wasm drives it. The wasm calls the methods that are marked so.
import { SamewireError } from "../error.js";
import { enter, start, watch } from "../load.js";

export class Peer {
  /** The highest number that was asked for, and the one that was begun. */
  #wanted = 0;
  #begun = 0;
  #early = [];
  /** The browser's own connections, two at most: nobody else closes them when the instance of the wasm is lost. */
  #open = [];
  #wasm;
  #hooks;
  #unwatch;

  /** Loads what peers need. */
  static async load() {
    if (!globalThis.RTCPeerConnection) {
      throw new SamewireError("no-webrtc", "this browser has no WebRTC, or it is switched off: use another one, or allow it in its settings");
    }
    return start();
  }

  /**
   * `hooks`: ask(method, params) calls a method about this peer, begin(negotiation) hears of another connection that counts; opened(connection)
   * where the browser's own is of interest; state(state, error), media(tracks), crashed(error).
   */
  constructor(glue, side, hooks) {
    this.#hooks = hooks;
    this.#wasm = enter(() => new glue.Peer(side, this));
    this.#unwatch = watch(this);
  }

  // What the package commands. After the end all of it does nothing.

  /** What a broadcaster sends. */
  setMedia(stream, options) {
    this.#enter((wasm) => wasm.setMedia(stream, options));
  }

  /** Begins the connection with this number, in place of one with a lower number. */
  async begin(negotiation, ice) {
    if (this.#wanted >= negotiation) return;
    this.#wanted = negotiation;
    const servers = await ice.fresh();
    if (negotiation !== this.#wanted) return;
    this.#begun = negotiation;
    this.#enter((wasm) => wasm.begin(negotiation, servers));
    for (const [name, data] of this.#early.splice(0)) this.hear(name, data);
  }

  /** A signal of the room that is for this peer. */
  hear(name, data) {
    // The other end may know of a connection before this one does.
    if (!(data.negotiation <= this.#begun)) this.#early.push([name, data]);
    else this.#enter((wasm) => wasm.hear(name, data));
  }

  link(up) {
    this.#enter((wasm) => wasm.link(up));
  }

  away(away) {
    this.#enter((wasm) => wasm.away(away));
  }

  /** Servers in place of those that it was begun with. */
  configure(servers) {
    this.#enter((wasm) => wasm.configure(servers));
  }

  restart() {
    this.#enter((wasm) => wasm.restart());
  }

  /** From now on it is heard when the other end has hung up: it says so on the way itself. */
  onHungUp(heard) {
    const transports = this.#open.flatMap((connection) => connection.deref()?.getSenders().map(({ transport }) => transport) ?? []);
    const look = () => transports.every((transport) => !transport || transport.state === "closed") && heard();
    for (const transport of transports) transport?.addEventListener("statechange", look);
  }

  async replaceTrack(kind, track) {
    await this.#enter((wasm) => wasm.replaceTrack(kind, track));
  }

  /** Resolves with `{ stats, summary }` where there is a connection. */
  async stats() {
    return this.#enter((wasm) => wasm.stats());
  }

  close() {
    const wasm = this.#detach();
    try {
      if (wasm) enter(() => (wasm.close(), wasm.free()));
    } catch {
      this.#abandon();
    }
  }

  // What the wasm tells. None of these may throw.

  opened(connection) {
    this.#open = [...this.#open.slice(-1), new WeakRef(connection)];
    this.#hooks.opened?.(connection);
  }

  send(negotiation, message) {
    this.#ask("signal", { negotiation, message });
  }

  /** The connection is to be replaced. */
  rebuild(negotiation) {
    this.#ask("renegotiate", { negotiation });
  }

  state(state, failure) {
    if (this.#wasm) this.#hooks.state(state, failure && new SamewireError(failure.code, failure.message, failure));
  }

  media(tracks) {
    if (this.#wasm) this.#hooks.media(tracks);
  }

  /** The instance is lost, and with it what drove the connections. */
  crashed(error) {
    this.#detach();
    this.#abandon();
    this.#hooks.crashed(error);
  }

  async #ask(method, params) {
    try {
      const { negotiation } = await this.#hooks.ask(method, params);
      if (negotiation !== undefined) this.#hooks.begin(negotiation);
    } catch (error) {
      this.#enter((wasm) => wasm.refused(params.negotiation, error));
    }
  }

  #abandon() {
    for (const connection of this.#open) connection.deref()?.close();
  }

  #enter(work) {
    return this.#wasm && enter(() => work(this.#wasm));
  }

  #detach() {
    const wasm = this.#wasm;
    this.#wasm = undefined;
    this.#unwatch();
    return wasm;
  }
}
