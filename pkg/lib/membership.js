// A client's membership of a room: one, however many handles the app has.
import { bytesOf, randomHex } from "./bytes.js";
import { SamewireError } from "./error.js";
import { Patches, merge } from "./state.js";

/** How long a publication waits for a room that is joined or joined again, in milliseconds. */
const PATIENCE = 30_000;

export class Membership {
  status = "joining";
  role;
  member;
  epoch;
  offset = 0;
  state;
  presence = { entries: new Map(), users: 0, members: 0 };
  recovered;
  error;
  handles = new Set();
  patches = new Patches((patch, name) => this.publish(name, undefined, { patch }));
  #client;
  #session;
  /** The numbers that this membership had in this epoch. */
  #own = new Set();
  #casts = new Map();
  /** Whoever waits for something to happen. */
  #listening = [];
  #entering;
  #enter;

  /** `client`: session() resolves with the session, call(…) makes a call on it, left(membership) hears that it is over. */
  constructor(client, name, { presence, info }) {
    this.#client = client;
    this.name = name;
    this.wanted = { presence, info };
    this.#wait();
    this.#begin();
  }

  /** Resolves when the room is joined; rejects when it cannot be. */
  get ready() {
    return this.#entering;
  }

  /** Resolves when the event is taken, and this membership has heard it: then the state shows it. */
  async publish(name, data, { key = randomHex(8), patch, state, expected, ...options } = {}) {
    const answer = await this.call("publish", { name, patch, state, key, expected }, data, { idempotent: true, ...options });
    while (this.status === "joined" && this.epoch === answer.epoch && this.offset < answer.offset) {
      await new Promise((resolve) => this.#listening.push(resolve));
    }
    return answer;
  }

  /** Calls a method of rooms; `data` is its payload, or bytes that go beside it. */
  async call(method, params, data, options) {
    await this.#joined();
    const attachment = bytesOf(data);
    const payload = attachment ? undefined : data;
    return this.#client.call(`rooms/${method}`, { room: this.name, ...params, payload }, { timeout: PATIENCE, ...options, attachment });
  }

  cast(name, data, { key, every = 0 } = {}) {
    const slot = JSON.stringify([name, key]);
    const held = this.#casts.get(slot);
    if (held) return void (held.next = [name, data, { key, every }]);
    if (this.status !== "joined") return;
    const bytes = bytesOf(data);
    this.#session.cast(this.name, name, bytes || data === undefined ? undefined : JSON.stringify(data), key, bytes);
    if (!(every > 0)) return;
    const release = () => {
      const { next } = this.#casts.get(slot);
      this.#casts.delete(slot);
      if (next) this.cast(...next);
    };
    this.#casts.set(slot, { timer: setTimeout(release, every) });
  }

  /** A handle is no longer used. The last one takes the membership with it. */
  drop(handle) {
    this.handles.delete(handle);
    if (this.handles.size > 0 || this.status === "left") return;
    this.#session?.leave(this);
    this.end();
  }

  /** It is over: left, refused, or taken away. */
  end(error) {
    if (this.status === "left") return;
    this.error = error;
    if (this.status === "joined") this.#wait();
    for (const { timer } of this.#casts.values()) clearTimeout(timer);
    this.#casts.clear();
    this.#client.left(this);
    this.#turn("left");
    this.#enter.reject(error ?? new SamewireError("not-joined", `the room ${this.name} was left`));
  }

  // What the session says.

  away() {
    if (this.status !== "joined") return;
    this.#wait();
    this.#turn("away");
  }

  /** What the server says: one frame, or one event of several in a frame. */
  hear(kind, frame, attachment) {
    if (kind === "joined") this.#heardJoined(frame);
    else if (kind === "event") this.#heardEvent(frame, attachment);
    else if (kind === "signal") this.#tell("signal", this.message(frame, attachment));
    else if (kind === "presence") this.#heardPresence(frame);
    else if (kind === "skipped") {
      this.offset = frame.offset;
      this.#reset(frame);
      this.#tell("recovery", { recovered: false, lost: frame.count });
    }
  }

  /** An event or signal as the app sees it. */
  message({ type, room, payload, ...frame }, attachment) {
    return { ...frame, data: attachment ?? payload, own: this.#own.has(frame.from) };
  }

  async #begin() {
    try {
      const session = await this.#client.session();
      if (this.status === "left") return;
      session.join(this);
      this.#session = session;
    } catch (error) {
      this.end(error);
    }
  }

  #heardJoined({ member, role, epoch, offset, recovered, missed, presence, ...frame }) {
    const again = this.epoch !== undefined;
    if (epoch !== this.epoch) this.#own.clear();
    this.#own.add(member);
    Object.assign(this, { member, role, epoch, offset, recovered: again ? recovered : undefined });
    if (!recovered) this.#reset(frame);
    if (presence) this.#heardPresence({ ...presence, set: presence.entries ?? [] }, true);
    this.#turn("joined");
    this.#enter.resolve();
    if (again) this.#tell("recovery", { recovered, lost: recovered ? 0 : (missed ?? null) });
  }

  #heardEvent(frame, attachment) {
    this.offset = frame.offset ?? this.offset;
    const changed = "state" in frame || "patch" in frame;
    if (changed) this.state = "state" in frame ? frame.state : merge(this.state, frame.patch);
    const event = this.message(frame, attachment);
    this.#tell("event", event);
    if (changed) this.#tell("state", this.state);
  }

  #heardPresence({ set = [], gone = [], users, members }, whole) {
    const before = this.presence.entries;
    const entries = new Map(whole ? [] : before);
    for (const entry of set) entries.set(entry.id, entry);
    for (const id of gone) entries.delete(id);
    this.presence = { entries, users, members };
    const left = [...before.values()].filter(({ id }) => !entries.has(id));
    const joined = set.filter(({ id }) => !before.has(id));
    const updated = set.filter(({ id }) => before.has(id));
    this.#tell("presence", { ...this.presence, joined, left, updated });
  }

  /** The whole state, where the room has one. */
  #reset(frame) {
    if (!("state" in frame)) return;
    this.state = frame.state;
    this.#tell("state", this.state);
  }

  #wait() {
    this.#entering = new Promise((resolve, reject) => (this.#enter = { resolve, reject }));
    // Whoever does not ask does not want to hear of it as an unhandled rejection.
    this.#entering.catch(() => {});
  }

  #joined() {
    if (this.status === "joined") return;
    let timer;
    const late = new Promise((_, reject) => {
      const error = () => new SamewireError("deadline-exceeded", `the room ${this.name} is not joined yet`, { retryable: true });
      timer = setTimeout(() => reject(error()), PATIENCE);
    });
    return Promise.race([this.#entering, late]).finally(() => clearTimeout(timer));
  }

  #turn(status) {
    this.status = status;
    this.#tell("status", status);
  }

  #tell(type, value) {
    for (const resolve of this.#listening.splice(0)) resolve();
    for (const handle of [...this.handles]) handle.hear(type, value);
  }
}
