import { apiOf } from "./api.js";
import { bytesOf } from "./bytes.js";
import { SamewireError } from "./error.js";
import { Events, Inbox } from "./events.js";
import { post } from "./http.js";
import { placeOf, rememberedBy } from "./lasting.js";
import { Live } from "./live/live.js";
import { start } from "./load.js";
import { Membership } from "./membership.js";
import { addressesOf, pathOf } from "./options.js";
import { Receiving } from "./receiving.js";
import { Room } from "./room.js";
import { Session } from "./session.js";
import { streamOf } from "./stream.js";
import { Tokens } from "./tokens.js";
import { Uploader } from "./uploader.js";

/** What the contracts of the built-in methods say, as the wasm knows them. */
const SESSION_ONLY = 1;
const IDEMPOTENT = 2;
const DEFAULT_TIMEOUT = 30_000;

export class Client {
  /** `client.api.files.list()` is `client.call("files/list")`. */
  api = apiOf((...call) => this.call(...call), "");
  wsTransport = { call: (...call) => this.#call("session", ...call) };
  httpTransport = { call: (...call) => this.#call("http", ...call) };
  #options;
  #events = new Events();
  #tokens;
  #state = { state: "idle" };
  #welcome = {};
  #closed = false;
  #opening;
  #session;
  /** Where the session's ticket is kept for a page after this one. */
  #place;
  #waiters = [];
  #calls = 0;
  /** Methods that the server answered over HTTP with "not here". */
  #misdirected = new Set();
  /** Streams to the server until they are settled: calls may name them. */
  #outgoing = new Set();
  /** Streams from the server that the app may still ask for, by id. */
  #incoming = new Map();
  /** Memberships that are not over, by the room's name. */
  #rooms = new Map();
  #live;

  constructor(options = {}) {
    this.#options = options;
    this.#tokens = new Tokens(options.token, this.#events);
    // Node and other places without a page connect when they first need to: constructing a client there does nothing.
    if (options.autoConnectWebSocket !== false && globalThis.WebSocket && globalThis.location) {
      queueMicrotask(() => this.#closed || this.connect().catch((error) => this.#trouble(error)));
    }
  }

  get state() {
    return this.#state.state;
  }

  get session() {
    return this.#welcome.session;
  }

  get continuity() {
    return this.#welcome.continuity;
  }

  get identity() {
    return this.#welcome.identity;
  }

  on(type, listener) {
    return this.#events.on(type, listener);
  }

  states() {
    const inbox = new Inbox([this.#state]);
    return inbox.read(this.on("state", (state) => inbox.push(state)));
  }

  async connect() {
    this.#closed = false;
    const known = this.#session;
    const session = await this.#open();
    if (this.state === "live") return;
    // A session that was there before has the token of then.
    if (session === known) session.setToken(await this.#tokens.renew("first"));
    const settled = new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    session.connect();
    return settled;
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    const session = this.#session;
    this.#session = this.#opening = undefined;
    session?.close();
    this.#place?.leave();
    const error = new SamewireError("session-closed", "the app closed the session");
    for (const membership of this.#rooms.values()) membership.end(error);
    this.#enter({ state: "closed", error });
  }

  [Symbol.dispose ?? Symbol("dispose")]() {
    this.close();
  }

  simulateCut({ stay = false } = {}) {
    this.#session?.cut(stay);
  }

  call(method, params, options) {
    return this.#call(undefined, method, params, options);
  }

  createBlobUploader(input, options) {
    return new Uploader(this.#streams, input, options);
  }

  rememberedUploads() {
    return rememberedBy(this.#streams.lasting);
  }

  createStream(spec = {}) {
    return streamOf(this.#streams, spec);
  }

  getStream(id) {
    return this.#receiving(id).readable();
  }

  join(name, options = {}) {
    let membership = this.#rooms.get(name);
    if (!membership) this.#rooms.set(name, (membership = new Membership(this.#joining, name, options)));
    return new Room(membership, options);
  }

  get live() {
    return (this.#live ??= new Live(this));
  }

  watchFile(id, options) {
    return this.join(`file:${id}`, options);
  }

  async fileUrl(id, { part, ttl } = {}) {
    const { url } = await this.call("files/link", { id, part, ttl });
    return new URL(url.replace(/^\/+/, ""), `${addressesOf(this.#options).api}/`).href;
  }

  async #call(forced, method, params, { signal, timeout, idempotent, onPart, onAttachment, attachment } = {}) {
    signal?.throwIfAborted();
    let text = params === undefined ? undefined : JSON.stringify(params);
    const glue = await start();
    signal?.throwIfAborted();
    const traits = glue.methodTraits(method);
    const names = text !== undefined && glue.namesStream(text);
    const named = names ? [...this.#outgoing].filter(({ id, alias }) => text.includes(id) || text.includes(alias)) : [];
    // The server has to know a stream before a call names it.
    await Promise.all(named.map((stream) => stream.start()));
    for (const stream of named) {
      if (stream.state === "failed" || stream.state === "canceled") await stream.done;
      text = text.replaceAll(stream.alias, stream.id);
    }
    signal?.throwIfAborted();
    if (timeout === undefined && !names) timeout = DEFAULT_TIMEOUT;
    const options = {
      signal,
      timeout: timeout === null || timeout === Infinity ? undefined : timeout,
      idempotent: idempotent ?? (traits & IDEMPOTENT) !== 0,
      onPart,
      onAttachment,
      attachment: attachment && bytesOf(attachment),
    };
    const session = names || onPart || onAttachment || attachment || this.#options.preferWebSocket || traits & SESSION_ONLY || this.#misdirected.has(method);
    const wire = forced ?? (session ? "session" : "http");
    if (wire === "session") return this.#overSession(method, text, names, options, named);
    try {
      return await this.#overHttp(method, text, names, options);
    } catch (error) {
      // Nothing ran: the server wants the call on the session that carries the stream.
      if (forced || error?.code !== "misdirected") throw error;
      this.#misdirected.add(method);
      return this.#overSession(method, text, names, options, named);
    }
  }

  #overSession(method, text, names, options, named) {
    return this.#shown(method, "session", text, names, async () => {
      try {
        return await (await this.#open()).call(method, text, options);
      } catch (error) {
        // The server does not know any more why a stream is gone; its sender does, and throws that.
        if (error?.code === "stream-not-found") await named.find(({ state }) => state === "failed" || state === "canceled")?.done;
        throw error;
      }
    });
  }

  #overHttp(method, text, names, options) {
    return this.#shown(method, "http", text, names, async () => {
      if (names) await this.connect();
      const url = `${addressesOf(this.#options).api}/rpc/${pathOf(method)}`;
      const send = (token) => post(url, text, { ...options, token, ticket: this.#session?.ticket });
      const token = await this.#tokens.present();
      try {
        return await send(token);
      } catch (error) {
        // Nothing ran, and the app may have another token by now.
        const reason = { "token-expired": "expired", "token-invalid": "refused" }[error?.code];
        const newer = reason && (await this.#tokens.renew(reason).catch((failed) => this.#trouble(failed)));
        if (!newer || newer === token) throw error;
        return send(newer);
      }
    });
  }

  /** Shows a call in the activity. */
  async #shown(method, wire, text, namesStream, call) {
    const began = performance.now();
    const stream = namesStream ? /st_[0-9a-f]{32}/.exec(text)?.[0] : undefined;
    const event = { kind: "call", id: ++this.#calls, name: method, wire, namesStream, stream };
    const tell = (end) => this.#tell(() => ({ ...event, ms: performance.now() - began, ...end }));
    this.#tell(() => ({ ...event, state: "sent" }));
    try {
      const result = await call();
      tell({ state: "ok" });
      return result;
    } catch (error) {
      tell({ state: "error", code: error?.code ?? error?.name });
      throw error;
    }
  }

  /** The session, made when it is first needed. It connects when it is first used. */
  #open() {
    if (this.#closed) return Promise.reject(new SamewireError("session-closed", "the client is closed; connect it again"));
    const opening = (this.#opening ??= this.#make().catch((error) => {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }));
    return opening;
  }

  async #make() {
    const { ws } = addressesOf(this.#options);
    if (!globalThis.WebSocket) {
      throw new SamewireError("no-websocket", "there is no WebSocket here: use Node 22 or later, or set globalThis.WebSocket");
    }
    if (this.#options.persist === "session") this.#place ??= await placeOf(ws);
    const [glue, token, ticket] = await Promise.all([start(), this.#tokens.present(), this.#place?.take()]);
    if (this.#closed) throw new SamewireError("session-closed", "the client was closed meanwhile");
    const session = new Session(glue, ws, token, ticket, {
      state: (state) => session === this.#session && this.#enter(state),
      welcomed: (id, continuity, identity) => {
        this.#welcome = { session: id, continuity, identity };
        this.#place?.keep(id, session.ticket);
      },
      offered: (offer) => {
        const receiving = this.#receiving(offer.id);
        receiving.offered(offer);
        return receiving;
      },
      trouble: (error) => this.#trouble(error),
      renew: (reason) => this.#tokens.renew(reason),
      crashed: (error) => {
        if (session !== this.#session) return;
        this.#session = this.#opening = undefined;
        this.#enter({ state: "closed", error });
      },
    });
    this.#session = session;
    return session;
  }

  /** Once the session is live: the server, and what tells its owner from others. Without a token that is the session, if it lasts. */
  async #whose() {
    await this.#open();
    if (this.state === "idle" || this.state === "closed") await this.connect();
    else if (this.state !== "live") await new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    const { identity, session } = this.#welcome;
    const lasts = identity !== undefined || this.#place !== undefined;
    return { server: addressesOf(this.#options).ws, owner: lasts ? `${identity === undefined ? "session" : "user"} ${identity ?? session}` : undefined };
  }

  #enter(state) {
    this.#state = state;
    if (state.state === "live" || state.state === "closed") {
      for (const { resolve, reject } of this.#waiters.splice(0)) state.state === "live" ? resolve() : reject(state.error);
    }
    this.#events.emit("state", () => state);
  }

  #receiving(id) {
    let receiving = this.#incoming.get(id);
    if (!receiving) this.#incoming.set(id, (receiving = new Receiving(this.#streams, id)));
    return receiving;
  }

  /** What streams need of the client. */
  #streams = {
    session: () => this.#open(),
    tell: (event) => this.#tell(() => event),
    begun: (sending) => this.#outgoing.add(sending),
    settled: (sending) => this.#outgoing.delete(sending),
    forget: (id) => this.#incoming.delete(id),
    /** What those need that outlive the page. */
    lasting: {
      whose: () => this.#whose(),
      digestOf: async () => (await start()).digestOf,
      upload: (input, options, remembered) => new Uploader(this.#streams, input, options, remembered),
      trouble: (error) => this.#trouble(error),
    },
  };

  /** What memberships need of the client. */
  #joining = {
    session: () => this.#open(),
    call: (...call) => this.#call("session", ...call),
    left: ({ name }) => this.#rooms.delete(name),
  };

  #tell(make) {
    this.#events.emit("activity", make);
  }

  #trouble(error) {
    if (error?.code !== "session-closed") this.#events.emit("error", () => error);
  }
}
