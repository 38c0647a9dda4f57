// One peer connection, as the wasm drives it. The wasm calls the methods that are marked so.
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
   * `hooks`: send(negotiation, message) and rebuild(negotiation) resolve when the server has heard of it; state(state, error), tracks(tracks),
   * crashed(error).
   */
  constructor(glue, side, hooks) {
    this.#hooks = hooks;
    this.#wasm = enter(() => new glue.Peer(side, this));
    this.#unwatch = watch(this);
  }

  // What the orchestration commands. After the end all of it does nothing.

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

  setMedia(stream, options) {
    this.#enter((wasm) => wasm.setMedia(stream, options));
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

  restart() {
    this.#enter((wasm) => wasm.restart());
  }

  async replaceTrack(kind, track) {
    await this.#enter((wasm) => wasm.replaceTrack(kind, track));
  }

  async stats() {
    return this.#enter((wasm) => wasm.stats());
  }

  close() {
    const wasm = this.#detach();
    if (wasm) enter(() => (wasm.close(), wasm.free()));
  }

  // What the wasm tells. None of these may throw.

  opened(connection) {
    this.#open = [...this.#open.slice(-1), new WeakRef(connection)];
  }

  send(negotiation, message) {
    this.#hooks.send(negotiation, message).catch((error) => this.#refused(negotiation, error));
  }

  rebuild(negotiation) {
    this.#hooks.rebuild(negotiation).catch((error) => this.#refused(negotiation, error));
  }

  state(state, failure) {
    this.#hooks.state(state, failure && errorOf(failure));
  }

  media(tracks) {
    this.#hooks.tracks(tracks);
  }

  /** The instance is lost, and with it the connection. */
  crashed(error) {
    this.#detach();
    for (const connection of this.#open) connection.deref()?.close();
    this.#hooks.crashed(error);
  }

  #refused(negotiation, error) {
    this.#enter((wasm) => wasm.refused(negotiation, error));
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

function errorOf({ code, message, ...rest }) {
  return new SamewireError(code, message, rest);
}
