// What works behind a broadcast: its place on the server, and a seat for each viewer.
import { IceServers } from "./ice.js";
import { Line } from "./line.js";
import { onNetwork } from "./network.js";
import { Peer } from "./peer.js";
import { Pulse } from "./pulse.js";
import { Seat } from "./seat.js";
import { totalOf } from "./total.js";

/** Reasons for which a stream that has ended is not begun again. */
const FINAL = ["stopped", "ended-by-operator", "grant-ended"];
/** How long a server that is too busy for a broadcast that goes on is left alone, in milliseconds. */
const PAUSE = 5_000;

export class Broadcasting {
  #glue;
  #part;
  #room;
  #line;
  #ice;
  #source;
  #options;
  #seats = new Map();
  /** Seats of viewers whom the server does not know, or no longer: they may still be watching. */
  #retired = new Set();
  #begun = false;
  #over = false;
  /** Rises with each question of who the viewers are: an answer to an earlier one counts no longer. */
  #asked = 0;
  /** Who came and who went while that is asked. */
  #meanwhile = { came: new Set(), went: new Set() };
  #showing = false;
  #undo = [];

  static async begin(part, source, options) {
    return new Broadcasting(await Peer.load(), part, source, options);
  }

  constructor(glue, part, source, options) {
    this.#glue = glue;
    this.#part = part;
    this.#room = part.room;
    this.#source = source;
    this.#options = options;
    this.#line = new Line(part.client, part.room, part.stream);
    this.#ice = new IceServers(this.#line, (servers) => this.#seats.forEach((seat) => seat.configure(servers)));
    const pulse = new Pulse(() => this.#measure());
    this.#undo.push(
      () => pulse.end(),
      onNetwork(() => this.#seats.forEach((seat) => seat.restart())),
      this.#room.on("status", (status) => this.#moved(status)),
      this.#room.on("signal", ({ name, data }) => this.#heard(name, data)),
      part.on("event", ({ name, data }) => name === "stream_ended" && this.#streamEnded(data.reason)),
    );
    this.#moved(this.#room.status);
  }

  /** Resolves with whether the track of before is sent to nobody any more. */
  async replaceTrack(track) {
    // One viewer whose connection is in trouble keeps the others from nothing.
    const replaced = await Promise.allSettled([...this.#seats.values(), ...this.#retired].map((seat) => seat.replaceTrack(track)));
    return replaced.every(({ status }) => status === "fulfilled");
  }

  /** Ends it, and tells the server where that can be done. */
  end() {
    if (this.#over) return undefined;
    this.#close();
    return this.#line.farewell("stop");
  }

  ice() {
    return this.#ice.fresh();
  }

  /** What a diagnosis wants to know. */
  get observed() {
    return { side: "broadcaster", peers: [...this.#seats.values()].map(({ shown }) => shown) };
  }

  #moved(status) {
    if (status === "joined") this.#return();
    else if (status === "left") this.#finish("failed", { error: this.#room.error });
    else if (status === "away" && this.#begun) this.#part.turn("reconnecting", { what: "signal" });
    if (status === "away") for (const seat of this.#seats.values()) seat.link(false);
  }

  /** Takes the place on the server, or takes it up again. */
  #return() {
    const { takeover } = this.#options;
    // In this place there may have been another one, whose connections are no more.
    this.#reconcile(() => (this.#begun ? this.#again() : this.#line.ask("start", { ...this.#said(), takeover, anew: true })));
  }

  async #again() {
    try {
      return await this.#line.ask("peers");
    } catch (error) {
      if (error.code !== "forbidden" && error.code !== "live-not-found") throw error;
    }
    // The server has somebody else in this place, or nobody.
    const { state, end_reason: reason } = this.#room.state ?? {};
    if (state === "ended" && FINAL.includes(reason)) return this.#finish("ended", { reason });
    if (state === "live") return this.#finish("ended", { reason: "superseded" });
    return this.#line.ask("start", this.#said());
  }

  #said() {
    const { maxViewers, title, info } = this.#options;
    return { max_viewers: maxViewers, title, info, media: this.#source.kinds };
  }

  /** Makes the seats those of the viewers that the server has: then there is nothing that keeps it from being live. */
  async #reconcile(ask) {
    const asked = (this.#asked += 1);
    const meanwhile = (this.#meanwhile = { came: new Set(), went: new Set() });
    try {
      const answer = await ask();
      if (!answer || this.#over || asked !== this.#asked) return;
      if (answer.ice) this.#ice.take(answer.ice);
      const there = new Set(answer.peers.map(({ viewer }) => viewer));
      for (const [id, seat] of this.#seats) if (!there.has(id) && !meanwhile.came.has(id)) this.#retire(id, seat);
      for (const viewer of answer.peers) if (!meanwhile.went.has(viewer.viewer)) this.#admit(viewer);
      this.#begun = true;
      // Ways that are looked for from now on take credentials that hold.
      await this.#ice.fresh().catch(() => {});
      if (this.#over || asked !== this.#asked) return;
      // Whoever is cut off again asks again.
      if (!this.#line.up) return;
      this.#part.turn("live");
      for (const seat of this.#seats.values()) seat.link(true);
    } catch (error) {
      if (this.#over || asked !== this.#asked) return;
      if (this.#begun && error.code === "live-taken") this.#finish("ended", { reason: "superseded" });
      // Those who watch have done nothing wrong, and see what is sent all the time.
      else if (this.#begun && error.retryable && this.#line.up) setTimeout(() => asked === this.#asked && !this.#over && this.#return(), PAUSE);
      else this.#finish("failed", { error });
    }
  }

  #heard(name, data) {
    const id = data?.viewer;
    if (name === "viewer_joined") {
      this.#meanwhile.came.add(id);
      this.#admit(data);
    } else if (name === "viewer_left") {
      this.#meanwhile.went.add(id);
      // A session that was lost says nothing of the way that the media takes.
      if (data.reason === "lost") this.#retire(id, this.#seats.get(id));
      else this.#remove(id, this.#seats.get(id));
    } else if (name === "peers_changed") {
      if (this.#begun) this.#reconcile(() => this.#again());
    } else if (name === "superseded") {
      this.#finish("ended", { reason: "superseded" });
    } else {
      this.#seats.get(id)?.hear(name, data);
    }
  }

  #streamEnded(reason) {
    // Where it ended because this end was away, it is begun again.
    if (this.#begun && FINAL.includes(reason)) this.#finish("ended", { reason });
  }

  #admit({ viewer, negotiation, user }) {
    let seat = this.#seats.get(viewer);
    if (!seat) {
      const needs = { line: this.#line, ice: this.#ice, source: this.#source, options: this.#options, changed: () => this.#show() };
      this.#seats.set(viewer, (seat = new Seat(this.#glue, viewer, user, needs)));
      this.#show();
    }
    seat.begin(negotiation);
  }

  #remove(id, seat) {
    if (!this.#seats.delete(id)) return;
    seat.close();
    this.#show();
  }

  #retire(id, seat) {
    if (!this.#seats.delete(id)) return;
    this.#retired.add(seat);
    seat.retire(() => this.#retired.delete(seat));
    this.#show();
  }

  /** Tells the app of the viewers, once however many have changed. */
  #show() {
    if (this.#showing) return;
    this.#showing = true;
    queueMicrotask(() => {
      this.#showing = false;
      this.#part.show("viewers", new Map([...this.#seats].map(([id, { shown }]) => [id, shown])));
    });
  }

  async #measure() {
    const seats = [...this.#seats.values()];
    this.#ice.tend();
    await Promise.all(seats.map((seat) => seat.measure()));
    if (this.#over) return;
    const { stats, summary } = totalOf(seats);
    this.#part.show("stats", stats);
    if (seats.length > 0) this.#show();
    if (summary && this.#line.up) this.#line.tell("report", { summary });
  }

  #finish(state, why) {
    if (this.#over) return;
    this.#close();
    this.#part.finish(state, why);
  }

  #close() {
    this.#over = true;
    for (const undo of this.#undo.splice(0)) undo();
    for (const [id, seat] of this.#seats) this.#remove(id, seat);
    for (const seat of this.#retired) seat.close();
  }
}
