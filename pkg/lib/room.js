// The app's handle of a room.
import { SamewireError } from "./error.js";
import { Events, Inbox } from "./events.js";

/** How many events wait for an iterator that nobody reads. */
const MOST_WAITING = 1_024;

export class Room {
  lost = 0;
  #membership;
  #events = new Events();
  #echo;
  #left = false;
  #inboxes = new Set();
  /** What came before the app listens, which it may do only once the room is ready. */
  #early = [];

  constructor(membership, { echo = true } = {}) {
    this.#membership = membership;
    this.#echo = echo;
    this.ready = membership.ready;
    membership.handles.add(this);
  }

  get name() {
    return this.#membership.name;
  }

  get status() {
    return this.#left ? "left" : this.#membership.status;
  }

  get error() {
    return this.#membership.error;
  }

  get role() {
    return this.#membership.role;
  }

  get member() {
    return this.#membership.member;
  }

  get epoch() {
    return this.#membership.epoch;
  }

  get offset() {
    return this.#membership.offset;
  }

  get state() {
    return this.#membership.state;
  }

  get presence() {
    return this.#membership.presence;
  }

  get recovered() {
    return this.#membership.recovered;
  }

  on(type, listener) {
    if (type === "event") this.#early = undefined;
    return this.#events.on(type, listener);
  }

  [Symbol.asyncIterator]() {
    const inbox = new Inbox(this.#early);
    this.#early = undefined;
    this.#inboxes.add(inbox);
    if (this.status === "left") inbox.end(this.error);
    return inbox.read(() => this.#inboxes.delete(inbox));
  }

  async publish(name, data, options) {
    return this.#use().publish(name, data, options);
  }

  async patch(patch, { name = "state" } = {}) {
    return this.#use().patches.add(patch, name);
  }

  async replace(state, { name = "state", ...options } = {}) {
    return this.#use().publish(name, undefined, { ...options, state });
  }

  cast(name, data, options) {
    if (!this.#left) this.#membership.cast(name, data, options);
  }

  async send(to, name, data) {
    const whom = typeof to === "number" ? { member: to } : typeof to === "string" ? { user: to } : to;
    return this.#use().call("send", { to: whom, name }, data);
  }

  async history(page) {
    let bytes;
    let used = 0;
    const answer = await this.#use().call("history", page, undefined, { onAttachment: (all) => (bytes = all) });
    // What several events say in bytes comes in one piece.
    const events = answer.events.map(({ attached, ...event }) =>
      this.#membership.message(event, attached === undefined ? undefined : bytes?.subarray(used, (used += attached))),
    );
    return { ...answer, events };
  }

  leave() {
    if (this.status === "left") return;
    this.#left = true;
    this.#membership.drop(this);
    this.hear("status", "left");
  }

  /** `using room = client.join(…)` leaves it. */
  [Symbol.dispose ?? Symbol("dispose")]() {
    this.leave();
  }

  /** What the membership tells all handles. */
  hear(type, value) {
    if (type === "event") {
      if (value.own && !this.#echo) return;
      for (const inbox of this.#inboxes) {
        inbox.push(value);
        if (inbox.size > MOST_WAITING) {
          inbox.shift();
          this.hear("recovery", { recovered: false, lost: 1 });
        }
      }
      // Where as many are left alone, nobody is going to read them.
      if (this.#early?.push(value) > MOST_WAITING) this.#early = undefined;
    } else if (type === "recovery") {
      this.lost = value.lost === null || this.lost === null ? null : this.lost + value.lost;
    } else if (type === "status" && value === "left") {
      for (const inbox of this.#inboxes) inbox.end(this.error);
    }
    this.#events.emit(type, () => value);
  }

  #use() {
    if (this.#left) throw new SamewireError("not-joined", `this handle of the room ${this.name} was left`);
    return this.#membership;
  }
}
