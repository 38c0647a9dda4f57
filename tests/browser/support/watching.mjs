// A watch without a browser and without a server: its room, its calls and its connections are at the hands of a test.

import { pathToFileURL } from "node:url";

import { PACKAGE } from "./environment.mjs";

/** A module of the package, as it was packed. */
export const part = (path) => import(pathToFileURL(`${PACKAGE}/${path}`));

// From here on the wasm is read from the disk.
await part("node.js");
const { Events } = await part("lib/events.js");
const { SamewireError } = await part("lib/error.js");
const { start } = await part("lib/load.js");
const { Watching } = await part("lib/live/watching.js");
const { View } = await start();

/** Lets go what waits for promises alone. */
export async function settled() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/** What a server refuses with. */
export const refusal = (code, retryable = false) => new SamewireError(code, `the server says ${code}`, { retryable });

/** A stream's record. */
export const record = (state) => ({ stream_id: "shop", state, media: { audio: true, video: true } });

export class Room extends Events {
  status = "joining";
  state;
  error;

  turn(status, { state = this.state, error } = {}) {
    Object.assign(this, { status, state, error });
    this.emit("status", () => status);
  }

  joins(state = "live") {
    this.turn("joined", { state: record(state) });
  }

  says(name, data) {
    this.emit("signal", () => ({ name, data }));
  }

  becomes(state) {
    this.state = record(state);
    this.emit("state", () => this.state);
  }

  leave() {
    if (this.status !== "left") this.turn("left");
  }
}

/** What an app's client is for live video. `answer(method, params)` stands for the server. */
export class Client {
  state = "live";
  rooms = [];
  /** What was called, as `[method, params]`. */
  calls = [];
  wsTransport = {
    call: async (method, { stream, ...params }) => {
      this.calls.push([method, params]);
      return this.answer(method, params);
    },
  };

  answer = () => ({});

  join() {
    this.rooms.push(new Room());
    return this.rooms.at(-1);
  }

  /** What a method was called with. */
  called(method) {
    return this.calls.filter(([name]) => name === method).map(([, params]) => params);
  }
}

/** What the wasm is told of one connection, in place of the wasm. */
class HollowPeer {
  begun = [];
  said = [];
  closed = false;

  constructor(side, listener) {
    this.listener = listener;
    for (const name of ["setMedia", "hear", "link", "away", "refused", "configure", "restart"]) this[name] = (...what) => void this.said.push([name, ...what]);
  }

  begin(negotiation, ice) {
    this.begun.push([negotiation, ice]);
  }

  async stats() {
    return this.measured && { stats: this.measured };
  }

  close() {
    this.closed = true;
  }

  free() {}

  /** The last that was said of this. */
  last(name) {
    return this.said.findLast(([own]) => own === name)?.[1];
  }
}

/** A watch in a room, or what else `make` makes: what it makes of what it hears is in `states` and `errors`, and its connections in `peers`. */
export async function watching({ answer, wait, make = (glue, face) => new Watching(glue, face, { show() {} }, { wait }) } = {}) {
  const [client, peers, states, errors] = [new Client(), [], [], []];
  if (answer) client.answer = answer;
  const Peer = class extends HollowPeer {
    constructor(...given) {
      super(...given);
      peers.push(this);
    }
  };
  const room = client.join();
  const face = Object.assign(new Events(), {
    client,
    room,
    stream: "shop",
    turn: (state, { error, what } = {}) => {
      states.push([state, error?.code ?? what].filter(Boolean).join(":"));
      if (error) errors.push(error);
    },
    admitted() {},
    measured() {},
    show() {},
    finish: (...said) => face.turn(...said),
    stop() {},
  });
  const watch = make({ View, Peer }, face);
  return { watch, client, room, peers, states, errors };
}
