// What works behind a watch: its place as a viewer, the one connection to the broadcaster, and what people are told of them.
import { IceServers } from "./ice.js";
import { Line } from "./line.js";
import { onNetwork } from "./network.js";
import { Peer } from "./peer.js";
import { Pulse } from "./pulse.js";
import { View } from "./view.js";

/** How long a server that is too busy for a watch that goes on is left alone, at first and at most, in milliseconds. */
const [PAUSE, LONGEST] = [2_000, 60_000];

export class Watching {
  #glue;
  #part;
  #room;
  #playing;
  #wait;
  #line;
  #ice;
  #view;
  #peer;
  /** The one of before, which plays on until there is something else to be seen. */
  #last;
  #viewer;
  /** Whether the connection that counts stands. */
  #connected = false;
  /** Whether the server has let it in to this run of the stream, or has it wait for one: so it goes on, whatever becomes of the server. */
  #admitted = false;
  #ended = false;
  #over = false;
  /** Whether the server is to be told that no connection from before counts. */
  #anew = true;
  /** How often it was asked in vain to be let in again. */
  #tries = 0;
  /** Rises with each question of being let in: an answer to an earlier one counts no longer. */
  #asked = 0;
  #undo = [];

  static async begin(part, playing, options) {
    return new Watching(await Peer.load(), part, playing, options);
  }

  constructor(glue, part, playing, { wait = true }) {
    this.#glue = glue;
    this.#part = part;
    this.#room = part.room;
    this.#playing = playing;
    this.#wait = wait;
    this.#line = new Line(part.client, part.room, part.stream);
    this.#ice = new IceServers(this.#line, (servers) => this.#peer?.configure(servers));
    this.#view = new View(glue, part);
    const pulse = new Pulse(() => this.#measure());
    this.#undo.push(
      () => pulse.end(),
      onNetwork(() => this.#peer?.restart()),
      () => this.#view.free(),
      this.#room.on("status", (status) => this.#moved(status)),
      this.#room.on("signal", ({ name, data }) => this.#heard(name, data)),
      this.#room.on("state", (record) => this.#told(record)),
    );
    this.#moved(this.#room.status);
  }

  /** Tries again: to be let in, and by a new connection. */
  retry() {
    if (this.#over) return;
    this.#view.retry();
    this.#told(this.#room.state);
    this.#anew = true;
    this.#tries = 0;
    if (this.#line.up) this.#enter();
  }

  /** Ends it, and tells the server where that can be done. */
  end() {
    if (this.#over) return undefined;
    this.#over = true;
    for (const undo of this.#undo.splice(0)) undo();
    this.#dismiss();
    return this.#line.farewell("leave");
  }

  ice() {
    return this.#ice.fresh();
  }

  /** What a diagnosis wants to know. */
  get observed() {
    return { side: "viewer", state: this.#part.state, stats: this.#part.stats };
  }

  #moved(status) {
    if (status === "left") {
      this.#view.failed(this.#room.error);
      return this.#dismiss();
    }
    this.#view.link(status === "joined");
    if (status === "joined") {
      const admitted = this.#admitted;
      this.#told(this.#room.state);
      // Whoever does not wait has seen it to its end.
      if (this.#wait || this.#admitted || !admitted) this.#enter();
    } else {
      this.#peer?.link(false);
    }
  }

  #told(record) {
    if (!record) return;
    const ended = record.state === "ended";
    const over = ended && !this.#ended;
    this.#ended = ended;
    this.#view.record(record);
    this.#peer?.away(record.state === "paused");
    if (!over) return;
    this.#admitted = false;
    // Nothing comes over this connection any more. The next broadcast begins with another one.
    if (!this.#viewer) return;
    this.#dismiss();
    if (this.#wait && this.#line.up) this.#enter();
  }

  /** Asks to be let in. Whoever is in already is answered the same. */
  async #enter() {
    const asked = (this.#asked += 1);
    try {
      const { viewer, negotiation, ice } = await this.#line.ask("watch", { wait: this.#wait || this.#admitted, anew: this.#anew });
      if (this.#over || asked !== this.#asked) return;
      this.#anew = false;
      this.#tries = 0;
      this.#admitted = true;
      // One that the server does not know any more may play on, with what it has, but there is nobody to speak to.
      if (viewer || !this.#peer) this.#ice.take(ice);
      if (!viewer) return;
      this.#admit(viewer, negotiation);
      this.#peer.link(true);
    } catch (error) {
      if (this.#over || asked !== this.#asked) return;
      // A full stream has no place for who sees nothing of it.
      const passing = error.retryable && (error.code !== "live-full" || this.#connected);
      if (this.#admitted && passing) this.#later(asked);
      else this.#refused(error);
    }
  }

  /** Asks again after a while. Media that flows is not touched meanwhile. */
  #later(asked) {
    const pause = Math.min(PAUSE * 2 ** this.#tries, LONGEST) * (1 + Math.random());
    this.#tries += 1;
    setTimeout(() => !this.#over && asked === this.#asked && this.#line.up && this.#enter(), pause);
  }

  #refused(error) {
    this.#asked += 1;
    this.#admitted = false;
    this.#dismiss();
    this.#view.failed(error);
  }

  #heard(name, data) {
    if (name === "watching") this.#admit(data.viewer, data.negotiation);
    else if (name === "refused") this.#refused(data);
    else if (data?.viewer !== this.#viewer) return;
    else if (name === "peer") this.#begin(data.negotiation);
    else this.#peer?.hear(name, data);
  }

  #admit(viewer, negotiation) {
    this.#admitted = true;
    if (viewer !== this.#viewer) {
      // Where there is one of before, nothing was seen over the present one yet.
      if (this.#last) this.#peer?.close();
      else this.#last = this.#peer;
      this.#last?.link(false);
      this.#viewer = viewer;
      this.#part.admitted(viewer);
      this.#peer = this.#connect();
    }
    this.#begin(negotiation);
  }

  #connect() {
    const present = () => peer === this.#peer;
    const peer = new Peer(this.#glue, "viewer", {
      ask: (method, params) => this.#line.ask(method, params),
      begin: (negotiation) => present() && this.#begin(negotiation),
      opened: (connection) => this.#playing.expect(connection),
      state: (state, error) => {
        if (!present()) return;
        this.#connected = state === "connected";
        this.#view.peer(state, error);
      },
      media: (tracks) => present() && this.#show(tracks),
      crashed: (error) => this.#view.failed(error),
    });
    peer.away(this.#room.state?.state === "paused");
    return peer;
  }

  #show(tracks) {
    this.#playing.show(tracks);
    this.#view.shown();
    this.#last?.close();
    this.#last = undefined;
  }

  async #begin(negotiation) {
    try {
      await this.#peer?.begin(negotiation, this.#ice);
    } catch (error) {
      if (!this.#over) this.#view.failed(error);
    }
  }

  /** Gives the connection up. The last frame stays on the screen. */
  #dismiss() {
    const peers = [this.#last, this.#peer];
    this.#last = this.#peer = this.#viewer = undefined;
    this.#connected = false;
    for (const peer of peers) peer?.close();
  }

  async #measure() {
    this.#ice.tend();
    // While another connection comes about, what is seen comes over the one of before.
    const { stats, summary } = (await (this.#last ?? this.#peer)?.stats()) ?? {};
    if (this.#over) return;
    this.#view.flow(stats);
    if (stats) this.#part.measured(stats);
    if (summary && this.#viewer && this.#line.up) this.#line.tell("report", { summary });
  }
}
