// What a watch makes of what the server refuses, and of what it does not know any more. Neither a browser nor a server is needed for that.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";

import { Client, part, refusal, settled, watching } from "./support/watching.mjs";

const { IceServers } = await part("lib/live/ice.js");
const { Live } = await part("lib/live/live.js");
const { Part } = await part("lib/live/part.js");

/** Longer than it takes until a call that was refused is made again, however often. */
const AGES = 120_000;

const ICE = { ice_servers: [] };
const admitted = (viewer = "v_1", negotiation = 1) => ({ viewer, negotiation, ice: ICE });

globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
globalThis.RTCPeerConnection ??= class {};

let ended = [];
beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] }));
afterEach(() => {
  for (const end of ended.splice(0)) end();
  mock.timers.reset();
});

/** A watch that ends with the test. */
async function begun(options) {
  const made = await watching(options);
  ended.push(() => made.watch.end());
  return made;
}

/** So much time passes, a second at a time, and what is due is done. */
async function pass(millis) {
  for (let passed = 0; passed < millis; passed += 1_000) {
    mock.timers.tick(1_000);
    await settled();
  }
}

describe("a retry", () => {
  test("joins the room again that the server refused, and asks to be let in", async () => {
    const client = new Client();
    client.answer = () => ({ waiting: true, ice: ICE });
    const watch = new Live(client).watch("shop");
    ended.push(() => watch.stop());
    await settled();
    client.rooms[0].turn("left", { error: refusal("room-full", true) });
    assert.deepEqual([watch.state, watch.error.code], ["failed", "room-full"]);
    watch.retry();
    watch.retry();
    assert.deepEqual([watch.state, watch.error, client.rooms.length], ["connecting", undefined, 2]);
    await settled();
    client.rooms[1].joins("offline");
    await settled();
    assert.equal(client.called("live/watch").length, 1);
    assert.deepEqual([watch.state, watch.waiting, watch.record.state], ["connecting", true, "offline"]);
  });

  test("watches anew where the server put it out, and its second failure is told like the first", async () => {
    let answer = () => admitted();
    const { watch, client, room, peers, states } = await begun({ answer: (...call) => answer(...call) });
    room.joins();
    await settled();
    room.says("refused", { code: "forbidden", message: "the grant to watch this stream has ended" });
    assert.deepEqual([states.at(-1), peers[0].closed], ["failed:forbidden", true]);
    answer = () => Promise.reject(refusal("forbidden"));
    for (let time = 0; time < 2; time += 1) {
      states.length = 0;
      watch.retry();
      await settled();
      assert.equal(states.at(-1), "failed:forbidden");
    }
    answer = () => admitted("v_2", 5);
    watch.retry();
    await settled();
    assert.deepEqual(peers[1].begun.map(([negotiation]) => negotiation), [5]);
    assert.equal(client.called("live/watch").length, 4);
  });

  test("of what goes on asks for another connection, and as somebody else where the server knows it no more", async () => {
    const told = [admitted("v_1", 1), admitted("v_1", 2), admitted("v_2", 7)];
    const { watch, client, room, peers } = await begun({ answer: () => told.shift() });
    room.joins();
    await settled();
    for (let time = 0; time < 2; time += 1) {
      watch.retry();
      await settled();
    }
    assert.deepEqual(client.called("live/watch").map(({ anew }) => anew), [true, true, true]);
    assert.deepEqual(peers.map(({ begun }) => begun.map(([negotiation]) => negotiation)), [[1, 2], [7]]);
  });

  test("while there is no link is made when there is one, and once", async () => {
    let negotiation = 0;
    const { watch, client, room, peers } = await begun({ answer: (_, { anew }) => admitted("v_1", anew ? (negotiation += 1) : negotiation) });
    room.joins();
    await settled();
    room.turn("away");
    watch.retry();
    await settled();
    assert.equal(client.called("live/watch").length, 1);
    for (let time = 0; time < 2; time += 1) {
      room.turn("joined");
      await settled();
      room.turn("away");
    }
    assert.deepEqual(client.called("live/watch").map(({ anew }) => anew), [true, true, false]);
    assert.deepEqual(peers[0].begun.map(([negotiation]) => negotiation), [1, 2]);
  });
});

describe("a part that could not be loaded", () => {
  /** A part of which something is loaded: `load` is asked for it. */
  const make = (client, places, load) => {
    const place = {
      take: () => {
        if (places.size > 0) throw refusal("conflict");
      },
      hold: (part) => places.add(part),
      free: () => places.clear(),
    };
    const part = new Part(client, "shop", place, load);
    part.states = [];
    part.on("state", ({ state, error }) => part.states.push([state, error?.code].filter(Boolean).join(":")));
    return part;
  };
  const worker = { retry() {}, end() {} };
  const works = async () => async () => worker;
  const fails = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module"));

  test("frees its place, and loads again when it is asked to", async () => {
    const [client, places] = [new Client(), new Set()];
    let load = fails;
    const one = make(client, places, () => load());
    await settled();
    assert.deepEqual([one.states, places.size, client.rooms[0].status], [["failed:module-unavailable"], 0, "left"]);
    assert.ok(one.error.retryable);
    const other = make(client, places, works);
    one.again();
    assert.equal(one.states.at(-1), "failed:conflict");
    await other.stop();
    one.again();
    await settled();
    assert.equal(one.states.at(-1), "failed:module-unavailable", "it is told again");
    load = works;
    one.again();
    assert.equal(await one.worker(), worker);
    assert.deepEqual([one.state, [...places], client.rooms.at(-1).status], ["connecting", [one], "joining"]);
    await one.stop();
    assert.equal(places.size, 0);
  });

  test("that makes nothing is the same, also where it is tried again at once", async () => {
    const [client, places] = [new Client(), new Set()];
    let tries = 0;
    const part = make(client, places, async () => async () => ((tries += 1) === 1 ? Promise.reject(refusal("wasm-unavailable", true)) : worker));
    part.on("state", ({ state }) => state === "failed" && part.again());
    await settled();
    assert.equal(await part.worker(), worker);
    assert.deepEqual([part.states, [...places]], [["failed:wasm-unavailable", "connecting"], [part]]);
  });
});

describe("once it was let in", () => {
  test("what is seen is seen on until there is something else, however often it comes back as somebody else", async () => {
    let viewer = 1;
    const { room, peers } = await begun({ answer: () => admitted(`v_${viewer}`, viewer) });
    for (; viewer <= 4; viewer += 1) {
      room.joins();
      await settled();
      if (viewer === 1) peers[0].listener.media([]);
      room.turn("away");
    }
    assert.deepEqual(peers.map(({ closed }) => closed), [false, true, true, false]);
    peers[3].listener.media([]);
    assert.deepEqual(peers.map(({ closed }) => closed), [true, true, true, false]);
  });

  test("a watch that does not wait goes on with a server that knows nothing of the stream yet", async () => {
    const { client, room, peers, states } = await begun({ wait: false, answer: (_, { wait }) => (known ? admitted() : wait ? { waiting: true, ice: ICE } : Promise.reject(refusal("live-not-found"))) });
    let known = true;
    room.joins();
    await settled();
    known = false;
    room.turn("away");
    room.joins("offline");
    await settled();
    assert.deepEqual(client.called("live/watch"), [{ wait: false, anew: true }, { wait: true, anew: false }]);
    assert.deepEqual([peers[0].closed, peers[0].last("configure")], [false, undefined], "whoever waits is given no credentials");
    assert.ok(!states.some((state) => state.startsWith("failed")), String(states));
    room.says("watching", { viewer: "v_2", negotiation: 9 });
    await settled();
    assert.equal(peers[1].begun[0][0], 9);
  });

  test("and its stream ended meanwhile, that is all there is to tell", async () => {
    const { client, room, states } = await begun({ wait: false, answer: () => admitted() });
    room.joins();
    await settled();
    room.turn("away");
    room.joins("ended");
    await settled();
    assert.deepEqual([client.called("live/watch").length, states.at(-1)], [1, "ended"]);
  });

  test("a server that is too busy is asked again until it has time, and the connection is kept", async () => {
    let busy = false;
    const { client, room, peers, states } = await begun({ answer: () => (busy ? Promise.reject(refusal("overloaded", true)) : admitted()) });
    room.joins();
    await settled();
    peers[0].listener.state("connected");
    busy = true;
    room.turn("away");
    room.joins();
    await pass(AGES);
    const asked = client.called("live/watch").length;
    assert.ok(asked > 12 && asked < 80, String(asked));
    assert.deepEqual([peers.length, peers[0].closed, peers[0].last("link")], [1, false, false]);
    assert.ok(!states.some((state) => state.startsWith("failed")), String(states));
    busy = false;
    await pass(AGES);
    assert.equal(peers[0].last("link"), true);
    const settledOn = client.called("live/watch").length;
    await pass(AGES);
    assert.equal(client.called("live/watch").length, settledOn);
  });

  test("or waits for a stream, a server that is too busy is asked again", async () => {
    let busy = false;
    const { client, room, states } = await begun({ answer: () => (busy ? Promise.reject(refusal("rate-limited", true)) : { waiting: true, ice: ICE }) });
    room.joins("offline");
    await settled();
    busy = true;
    room.turn("away");
    room.joins("offline");
    await pass(AGES);
    busy = false;
    const asked = client.called("live/watch").length;
    await pass(AGES);
    assert.deepEqual([client.called("live/watch").length, states.at(-1)], [asked + 1, "connecting"]);
  });

  test("or waits, and is refused for now, that is what it hears", async () => {
    const { room, errors } = await begun({ answer: () => ({ waiting: true, ice: ICE }) });
    room.joins("offline");
    await settled();
    room.says("refused", { code: "live-full", message: "as many watch as may" });
    assert.deepEqual([errors.at(-1).code, errors.at(-1).retryable], ["live-full", true]);
  });

  test("a stream that is full is no place for who sees nothing of it", async () => {
    let full = false;
    const { room, peers, states } = await begun({ answer: () => (full ? Promise.reject(refusal("live-full", true)) : admitted()) });
    room.joins();
    await settled();
    peers[0].listener.state("connected");
    full = true;
    room.turn("away");
    room.joins();
    await pass(AGES);
    assert.equal(peers[0].closed, false);
    peers[0].listener.state("reconnecting");
    await pass(AGES);
    assert.deepEqual([peers[0].closed, states.at(-1)], [true, "failed:live-full"]);
  });
});

test("who comes during a pause knows that nobody answers, until somebody does", async () => {
  const { room, peers } = await begun({ answer: () => admitted() });
  room.joins("paused");
  await settled();
  assert.equal(peers[0].last("away"), true);
  room.becomes("live");
  assert.equal(peers[0].last("away"), false);
});

test("pictures of before are no pictures of another try", async () => {
  const { watch, room, peers, states } = await begun({ answer: (method) => (method === "live/watch" ? admitted() : { negotiation: 2 }) });
  room.joins();
  await settled();
  peers[0].listener.state("connected");
  peers[0].measured = { frames: 500, bitrate: 800_000 };
  await pass(1_000);
  assert.equal(states.at(-1), "live");
  peers[0].measured = undefined;
  peers[0].listener.state("failed", refusal("connection-lost"));
  await pass(3_000);
  watch.retry();
  await settled();
  peers[0].listener.state("connecting");
  // Of the new connection nothing was decoded yet; what was before is counted on.
  peers[0].measured = { frames: 500, bitrate: 0 };
  states.length = 0;
  await pass(3_000);
  assert.deepEqual(states.filter((state) => state !== "connecting"), []);
  peers[0].measured = { frames: 501, bitrate: 0 };
  await pass(1_000);
  assert.equal(states.at(-1), "live");
});

describe("credentials of ICE servers", () => {
  const HOUR = 3_600_000;
  /** What the server gives: for an hour, by a clock that is wrong. */
  const given = (number) => ({ ice_servers: [{ urls: ["turn:t"], username: String(number) }], expires_at: 5, expires_in: HOUR });

  test("are renewed before their end, counted from when they came, and connections that stand go on with them", async () => {
    let number = 0;
    const { client, room, peers } = await begun({ answer: (method) => (method === "live/ice" ? given((number += 1)) : { ...admitted(), ice: given(0) }) });
    room.joins();
    await settled();
    await pass(HOUR - 120_000);
    assert.equal(client.called("live/ice").length, 0);
    await pass(120_000);
    assert.equal(client.called("live/ice").length, 1);
    assert.deepEqual(peers[0].last("configure"), given(1));
    await pass(HOUR);
    assert.deepEqual([client.called("live/ice").length, peers[0].last("configure")], [2, given(2)]);
  });

  test("that came with the answer after a cut are those of the next path", async () => {
    let number = 0;
    const { room, peers } = await begun({ answer: () => ({ ...admitted(), ice: given((number += 1)) }) });
    room.joins();
    await settled();
    room.turn("away");
    room.joins();
    await settled();
    const configured = peers[0].said.findLastIndex(([name]) => name === "configure");
    assert.deepEqual(peers[0].said[configured][1], given(2));
    assert.ok(configured < peers[0].said.findLastIndex(([name, up]) => name === "link" && up), "before it may look for one");
  });

  test("are renewed before a broadcaster that was away for long looks for ways again", async () => {
    const { Broadcasting } = await part("lib/live/broadcasting.js");
    let asked = 0;
    const peer = (id) => ({ viewer: id, negotiation: 1 });
    const { client, room, peers } = await begun({
      answer: (method) => (method === "live/ice" ? given((asked += 1)) : { peers: [peer("v_1")], ice: method === "live/start" ? given(0) : undefined }),
      make: (glue, face) => new Broadcasting(glue, face, { kinds: {}, stream: {} }, {}),
    });
    room.joins();
    await settled();
    assert.deepEqual(peers[0].begun, [[1, given(0)]]);
    room.turn("away");
    await pass(2 * HOUR);
    room.joins();
    await settled();
    assert.equal(client.called("live/ice").length, 1);
    const configured = peers[0].said.findLastIndex(([name, ice]) => name === "configure" && ice.ice_servers[0].username === "1");
    assert.ok(configured >= 0 && configured < peers[0].said.findLastIndex(([name, up]) => name === "link" && up));
  });

  test("that hold for a moment only are not asked for all the time, and are better than none", async () => {
    let [asked, busy] = [0, false];
    const line = { up: true, ask: async () => (busy ? Promise.reject(refusal("overloaded", true)) : { number: (asked += 1), expires_in: 60_000 }) };
    const ice = new IceServers(line, () => {});
    assert.deepEqual([(await ice.fresh()).number, (await ice.fresh()).number], [1, 1]);
    mock.timers.tick(31_000);
    assert.equal((await ice.fresh()).number, 2);
    mock.timers.tick(31_000);
    busy = true;
    assert.equal((await ice.fresh()).number, 2);
  });
});
