// One stream to the server, from its id to its end.
import { randomHex } from "./bytes.js";
import { SamewireError } from "./error.js";

/** How often what moves is told at most, in milliseconds. */
export const TELL_EVERY = 100;

export class Sending {
  /** Whoever opens a stream draws its id, so it can be named before there is a connection. */
  id;
  /** The id at first: what remembers uploads may find that this is one that has another. */
  alias;
  state = "idle";
  /** Bytes that the server has made durable. */
  durable = 0;
  /** Bytes that were handed to the session. */
  sent = 0;
  /** Resolves with { id, size, digest } when the server has all of it, verified. */
  done;
  #client;
  #source;
  #changed;
  #memory;
  #starting;
  #session;
  #no;
  #paused = false;
  #settle;
  #timer;

  /**
   * `client`: session() resolves with the session, tell(event) takes activity, begun(sending) and settled(sending) hear that it is
   * there and that it is over. `changed(type, value)` hears "state", "durable" and "progress". `memory`: prepare(sending) resolves with
   * the id of the stream, progress(durable) and end(state, error) hear how it goes.
   */
  constructor(client, source, { id, name, media, size }, changed, memory) {
    this.#client = client;
    this.#source = source;
    this.#changed = changed;
    this.#memory = memory;
    this.id = this.alias = id ?? `st_${randomHex(16)}`;
    this.name = name || undefined;
    this.media = media || undefined;
    this.size = size;
    this.done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    // Who does not ask how it ended does not want to hear of it as an unhandled rejection either.
    this.done.catch(() => {});
    client.begun(this);
  }

  /** Opens the stream, the first time. */
  upload() {
    this.start();
    return this.done;
  }

  /** Resolves when the session has it, or it is over. */
  start() {
    return (this.#starting ??= this.#start());
  }

  async #start() {
    if (this.state !== "idle") return;
    this.#enter(this.#paused ? "paused" : "uploading");
    try {
      if (this.#memory) this.id = await this.#memory.prepare(this);
      const session = await this.#client.session();
      if (!this.#settle) return;
      this.#no = session.open(this, this.#paused);
      this.#session = session;
      if (this.#memory) this.#tell();
    } catch (error) {
      this.#end("failed", error);
    }
  }

  pause(paused) {
    if (!this.#settle || paused === this.#paused) return;
    this.#paused = paused;
    this.#session?.pause(this.#no, paused);
    if (this.state !== "idle") this.#enter(paused ? "paused" : "uploading");
  }

  /** Gives the stream up: the server drops what it has, and `done` rejects with the reason. */
  abort(reason, state = "canceled") {
    if (!this.#settle) return;
    const told = reason instanceof SamewireError ? reason : { code: "canceled", message: "the sender gave the stream up" };
    this.#session?.abort(this.#no, told);
    this.#end(state, reason);
  }

  get seekable() {
    return this.#source.seekable;
  }

  // What the source says.

  provide(offset, bytes) {
    const taken = this.#settle && this.#session.provide(this.#no, offset, bytes);
    if (taken) this.sent = Math.max(this.sent, offset + bytes.length);
    return taken;
  }

  provideEnd() {
    if (this.#settle) this.#session.end(this.#no);
  }

  // What the session says.

  want(offset, max) {
    this.#source.want(this, offset, max).catch((cause) => {
      if (cause instanceof SamewireError) return this.abort(cause, "failed");
      const text = `the source changed or can no longer be read (${cause?.message ?? cause}); choose it again`;
      this.abort(new SamewireError("source-unreadable", text, { cause }), "failed");
    });
  }

  progress(durable) {
    this.durable = durable;
    this.sent = Math.max(this.sent, durable);
    this.#memory?.progress(durable);
    this.#changed?.("durable", durable);
    this.#timer ??= setTimeout(() => this.#tell(), TELL_EVERY);
  }

  finished(size, digest) {
    this.durable = this.sent = size;
    this.#end("finished", undefined, { id: this.id, size, digest });
  }

  aborted(error) {
    this.#end("failed", error);
  }

  #end(state, error, result) {
    if (!this.#settle) return;
    const { resolve, reject } = this.#settle;
    this.#settle = undefined;
    this.#client.settled(this);
    this.#memory?.end(state, error);
    if (result) {
      resolve(result);
    } else {
      this.#source.cancel(error);
      reject(error);
    }
    this.#enter(state, error);
  }

  #enter(state, error) {
    this.state = state;
    this.#changed?.("state", state);
    this.#tell(error);
  }

  #tell(error) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#changed?.("progress");
    // Before that it may not have its name yet.
    if (this.#memory && this.#settle && !this.#session) return;
    this.#client.tell({ ...activity(this, "up", this.durable, error) });
  }
}

/** What the activity says of a stream. */
export function activity({ id, name, size, state }, direction, offset, error) {
  return { kind: "stream", id, name, direction, wire: "session", state, offset, size, code: error?.code };
}
