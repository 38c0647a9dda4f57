// The wasm session as JavaScript wants it: promises for calls, objects for streams. The wasm calls the methods that are marked so.
import { SamewireError, report } from "./error.js";
import { onAbort } from "./events.js";
import { enter, watch } from "./load.js";

export class Session {
  #wasm;
  #socket;
  #calls = new Map();
  #streams = new Map();
  #rooms = new Map();
  #hooks;
  /** What has to be undone at the end. */
  #endings = [];

  /**
   * `hooks`: state({ state, retryIn, error }), welcomed(session, continuity, identity), offered(offer), trouble(error),
   * renew(reason) resolves with a token, crashed(error).
   */
  constructor(glue, url, token, ticket, hooks) {
    this.#hooks = hooks;
    this.#wasm = enter(() => new glue.Session(url, token, ticket, this));
    this.#endings.push(watch(this));
    this.#watchPage();
  }

  // What the client commands. After the end all of it does nothing.

  connect() {
    this.#enter((wasm) => wasm.connect());
  }

  /** Ends the session for good. What is under way fails on its own, a moment later. */
  close() {
    this.#enter((wasm) => wasm.close());
    this.#detach()?.free();
  }

  cut(stay) {
    this.#enter((wasm) => wasm.cut(stay));
  }

  setToken(token) {
    this.#enter((wasm) => wasm.setToken(token));
  }

  get ticket() {
    return this.#enter((wasm) => wasm.ticket());
  }

  /** Resolves with the result. `params` is JSON text; `timeout` in milliseconds, or undefined for none. */
  call(method, params, { timeout, idempotent, signal, attachment, ...heard }) {
    return new Promise((resolve, reject) => {
      const id = this.#enter((wasm) => wasm.call(method, params, timeout, idempotent, attachment));
      if (id === undefined) return reject(over());
      const unlisten = onAbort(signal, (reason) => {
        this.#calls.delete(id);
        this.#enter((wasm) => wasm.cancel(id));
        reject(reason);
      });
      const settle = (done) => (value) => {
        unlisten();
        done(value);
      };
      this.#calls.set(id, { resolve: settle(resolve), reject: settle(reject), ...heard });
    });
  }

  /** Opens a stream to the server. `stream` hears want(offset, max), progress(durable), finished(size, digest), aborted(error). */
  open(stream, paused) {
    const { id, name, media, size, seekable } = stream;
    const no = this.#enter((wasm) => wasm.openStream(id, name, media, size, seekable, paused));
    if (no === undefined) throw over();
    this.#streams.set(no, stream);
    return no;
  }

  /** False when the bytes are not wanted now; they will be wanted again. */
  provide(no, offset, bytes) {
    return this.#enter((wasm) => wasm.provide(no, offset, bytes));
  }

  end(no) {
    this.#enter((wasm) => wasm.end(no));
  }

  pause(no, paused) {
    this.#enter((wasm) => wasm.pause(no, paused));
  }

  abort(no, { code, message }) {
    this.#enter((wasm) => wasm.abort(no, code, message));
  }

  consume(no, offset) {
    this.#enter((wasm) => wasm.consume(no, offset));
  }

  /** Joins a room, now and after each reconnect. The membership hears hear(kind, frame, attachment), away() and end(error). */
  join(membership) {
    const { name, wanted } = membership;
    const { presence = true, info } = wanted;
    const joined = this.#enter((wasm) => wasm.join(name, presence, info === undefined ? undefined : JSON.stringify(info)));
    if (joined === undefined) throw over();
    if (!joined) throw new SamewireError("room-not-found", `${JSON.stringify(name)} is no room's name: write kind:name`);
    this.#rooms.set(name, membership);
  }

  leave(membership) {
    if (this.#take(this.#rooms, membership.name)) this.#enter((wasm) => wasm.leave(membership.name));
  }

  cast(room, name, payload, key, attachment) {
    const error = this.#enter((wasm) => wasm.cast(room, name, payload, key, attachment));
    if (error) throw error;
  }

  // What the wasm tells. None of these may throw.

  dialed(socket) {
    this.#socket = socket;
  }

  status(state, retryIn, error) {
    for (const room of this.#rooms.values()) state === "closed" ? room.end(error) : state !== "live" && room.away();
    if (state === "closed") this.#rooms.clear();
    this.#hooks.state({ state, retryIn, error });
  }

  welcomed(session, continuity, identity) {
    this.#hooks.welcomed(session, continuity, identity);
  }

  part(id, payload) {
    try {
      this.#calls.get(id)?.onPart?.(JSON.parse(payload));
    } catch (error) {
      report(error);
    }
  }

  result(id, payload, attachment) {
    const call = this.#take(this.#calls, id);
    if (attachment) call?.onAttachment?.(attachment);
    call?.resolve(JSON.parse(payload));
  }

  failed(id, error) {
    this.#take(this.#calls, id)?.reject(error);
  }

  want(no, offset, max) {
    this.#streams.get(no)?.want(offset, max);
  }

  progress(no, durable) {
    this.#streams.get(no)?.progress(durable);
  }

  offered(no, id, name, media, size) {
    this.#streams.set(no, this.#hooks.offered({ session: this, no, id, name, media, size }));
  }

  data(no, offset, bytes) {
    this.#streams.get(no)?.data(offset, bytes);
  }

  finished(no, size, digest) {
    this.#take(this.#streams, no)?.finished(size, digest);
  }

  aborted(no, error) {
    this.#take(this.#streams, no)?.aborted(error);
  }

  /** What the server says of a room, as it came. */
  news(room, kind, text, attachment) {
    try {
      this.#rooms.get(room)?.hear(kind, JSON.parse(text), attachment);
    } catch (error) {
      report(error);
    }
  }

  /** A room is over. Without an error the app left it, and may be about to join it again. */
  left(room, error) {
    if (error) this.#take(this.#rooms, room)?.end(error);
  }

  async tokenWanted(reason) {
    // The app was asked for the first one before there was a session; what it gave then is all there is.
    const token = reason === "first" ? undefined : await this.#hooks.renew(reason).catch((error) => this.trouble(error));
    this.#enter((wasm) => (token || reason === "first" ? wasm.setToken(token) : wasm.noToken()));
  }

  trouble(error) {
    this.#hooks.trouble(error);
  }

  error(code, message, retryable, ran, data) {
    return new SamewireError(code, message, { retryable, ran, data: data && JSON.parse(data) });
  }

  /** The instance is lost, and with it the session. */
  crashed(error) {
    this.#detach();
    // What it would tell would be told to the lost instance.
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    socket?.close();
    for (const call of this.#calls.values()) call.reject(error);
    for (const stream of this.#streams.values()) stream.aborted(error);
    for (const room of this.#rooms.values()) room.end(error);
    this.#hooks.crashed(error);
  }

  #enter(work) {
    return this.#wasm && enter(() => work(this.#wasm));
  }

  #take(map, key) {
    const value = map.get(key);
    map.delete(key);
    return value;
  }

  #detach() {
    const wasm = this.#wasm;
    this.#wasm = undefined;
    for (const end of this.#endings.splice(0)) end();
    return wasm;
  }

  /** What the browser knows of the network and of who is looking. In a worker there is no document, in Node neither. */
  #watchPage() {
    const page = globalThis.document;
    const network = (online) => () => this.#enter((wasm) => wasm.network(online));
    const shown = () => this.#enter((wasm) => wasm.visibility(!page.hidden));
    this.#listen(globalThis, "online", network(true));
    this.#listen(globalThis, "offline", network(false));
    this.#listen(globalThis, "pageshow", (event) => event.persisted && network(true)());
    this.#listen(page, "visibilitychange", shown);
    if (page?.hidden) shown();
  }

  #listen(target, type, listener) {
    target?.addEventListener?.(type, listener);
    this.#endings.push(() => target?.removeEventListener?.(type, listener));
  }
}

function over() {
  return new SamewireError("session-closed", "the session is over; connect the client again");
}
