// What no well-meaning client says, over a session held by hand: a clear code, no crash, and nobody else notices.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

let stage, stream, caster, viewer, hand;
let streams = 0;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());

beforeEach(async () => {
  stream = `hostile-${(streams += 1)}`;
  caster = await stage.broadcaster(stream, { source: "red" });
  viewer = await stage.viewer(stream);
});

/** Whatever was said, the broadcaster goes on and its viewer sees it, over the connection of before. */
afterEach(async () => {
  await viewer.shows(10);
  await viewer.seesColour("red");
  assert.deepEqual([await caster.do(() => cast.state), await viewer.do(() => view.state)], ["live", "live"]);
  assert.deepEqual(await viewer.connections(), { made: 1, open: 1 });
  assert.deepEqual(await viewer.do(() => view.told.state.filter(({ state }) => state !== "live" && state !== "connecting")), []);
  await stage.clear();
});

/** A page with a session held by hand, `raw`, in the room of the stream: as somebody with this role. */
async function byHand(role, of = stream) {
  hand = await stage.seat(role);
  await hand.do(async ([token, of]) => void (window.raw = await rawSession(token, of)), [hand.token, of]);
  return hand;
}

const call = (method, payload, seat = hand) => seat.do(([method, payload]) => raw.call(method, payload), [`live/${method}`, payload]);

/** The codes of many calls. */
async function codes(calls) {
  const told = {};
  for (const [name, method, payload] of calls) {
    const { code, error, value } = await call(method, payload);
    told[name] = code ?? value;
    assert.ok(!error || error.message.length > 10, `${name} is told what was wrong: ${error?.message}`);
  }
  return told;
}

const offer = (sdp = "v=0\r\n", round = 1) => ({ type: "offer", round, sdp });
const answer = (sdp = "v=0\r\n", round = 1) => ({ type: "answer", round, sdp });
const candidates = (...list) => ({ type: "candidates", candidates: list.map((candidate) => ({ candidate, sdpMid: "0" })) });

describe("who is no broadcaster", () => {
  test("may do nothing that is the broadcaster's, and address nobody else", async () => {
    await byHand("viewer");
    const other = await viewer.do(() => view.viewerId);
    const { value } = await call("watch", { stream });
    const { viewer: own, negotiation } = value;
    assert.notEqual(own, other);
    assert.deepEqual(
      await codes([
        ["start", "start", { stream }],
        ["take over", "start", { stream, takeover: true }],
        ["stop", "stop", { stream }],
        ["end", "end", { stream }],
        ["peers", "peers", { stream }],
        ["forged viewer", "signal", { stream, viewer: other, negotiation, message: answer() }],
        ["invented viewer", "signal", { stream, viewer: "v_0123456789abcdef", negotiation, message: answer() }],
        ["renegotiate for another", "renegotiate", { stream, viewer: other, negotiation }],
        ["report for another", "report", { stream, viewer: other, summary: {} }],
        ["another negotiation", "signal", { stream, negotiation: negotiation + 1_000, message: answer() }],
        ["another stream", "signal", { stream: "elsewhere", negotiation, message: answer() }],
        ["no stream", "signal", { negotiation, message: answer() }],
        ["no name", "watch", { stream: "no name" }],
        ["watch elsewhere", "watch", { stream: "elsewhere" }],
      ]),
      {
        start: "forbidden",
        "take over": "forbidden",
        stop: "forbidden",
        end: "forbidden",
        peers: "forbidden",
        "forged viewer": "forbidden",
        "invented viewer": "forbidden",
        "renegotiate for another": "forbidden",
        "report for another": "forbidden",
        "another negotiation": "stale-negotiation",
        "another stream": "not-joined",
        "no stream": "bad-params",
        "no name": "bad-params",
        "watch elsewhere": "not-joined",
      },
    );
    await until("the broadcaster has a connection for it", async () => (await caster.connections()).made === 2);
    await hand.do(() => raw.close());
  });

  test("cannot speak in the room itself", async () => {
    await byHand("viewer");
    await call("watch", { stream });
    const room = `live:${stream}`;
    const told = await hand.do(async (room) => {
      const told = {};
      const tries = [["publish", { name: "stream_ended", payload: {} }], ["publish", { name: "state", patch: { viewer_count: 9_999 } }], ["send", { to: { role: "broadcaster" }, name: "viewer_joined", payload: {} }]];
      for (const [method, params] of tries) told[`${method} ${params.name}`] = (await raw.call(`rooms/${method}`, { room, ...params })).code;
      raw.say({ type: "cast", room, name: "stream_ended", payload: {} });
      told.cast = (await raw.hears("error", (frame) => frame.room === room)).error.code;
      return told;
    }, room);
    assert.deepEqual(told, { "publish stream_ended": "forbidden", "publish state": "forbidden", "send viewer_joined": "forbidden", cast: "forbidden" });
    const { state, viewer_count } = await stage.record(stream);
    assert.deepEqual({ state, viewer_count }, { state: "live", viewer_count: 2 });
  });
});

describe("a viewer that does not play along", () => {
  test("says things of a wrong shape or size, and is told what is wrong", async () => {
    await byHand("viewer");
    const { negotiation } = (await call("watch", { stream })).value;
    const say = (name, message) => [name, "signal", { stream, negotiation, message }];
    const told = await codes([
      say("no description", { type: "answer", round: 1 }),
      say("an empty one", answer("")),
      say("none at all", answer("hello")),
      say("another type", { type: "bye" }),
      say("no message", null),
      say("no list", { type: "candidates", candidates: "all" }),
      say("1 MB", answer(`v=0\r\n${"x".repeat(1_000_000)}`)),
      say("a long candidate", candidates(`candidate:${"1".repeat(2_000)}`)),
      say("many candidates", candidates(...Array(33).fill("candidate:1 1 udp 1 127.0.0.1 9 typ host"))),
      ["a word for a number", "signal", { stream, negotiation: "1", message: answer() }],
    ]);
    assert.deepEqual(told, {
      "no description": "bad-params",
      "an empty one": "bad-params",
      "none at all": "bad-params",
      "another type": "bad-params",
      "no message": "bad-params",
      "no list": "bad-params",
      "1 MB": "too-big",
      "a long candidate": "too-big",
      "many candidates": "too-big",
      "a word for a number": "bad-params",
    });
    assert.equal(await hand.do(() => raw.closed), undefined, "its session goes on");
    // Nothing of all that came to the broadcaster.
    assert.deepEqual(caster.signals("answer").filter(({ sdp }) => !sdp.startsWith("v=0\r\no=")), []);
  });

  test("says nonsense in the right shape, out of order, and offers by itself: its own connection suffers", async () => {
    await byHand("viewer");
    const { negotiation } = (await call("watch", { stream })).value;
    const { round } = await hand.do(() => raw.signal("offer"));
    const say = (message) => call("signal", { stream, negotiation, message });
    const messages = [
      candidates("candidate:1 1 udp 1 127.0.0.1 9 typ host", "nonsense", ""),
      answer("v=0\r\nnonsense\r\n", round + 7),
      offer("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", round),
      offer("v=0\r\nnonsense\r\n", round + 1),
      answer("v=0\r\nnonsense\r\n", round),
      answer("v=0\r\nnonsense\r\n", round),
      { ...candidates(), end: true },
      candidates("candidate:2 1 udp 1 127.0.0.1 9 typ host"),
    ];
    for (const message of messages) {
      const { code } = await say(message);
      assert.ok([undefined, "stale-negotiation"].includes(code), code);
    }
    const late = await stage.viewer(stream);
    await late.shows(10);
    await hand.do(() => raw.close());
  });

  test("never answers: it is offered again, and its connection goes when it does", async () => {
    await byHand("viewer");
    await call("watch", { stream });
    const late = await stage.viewer(stream);
    await hand.do(async () => {
      await raw.signal("offer");
      while (raw.signals("offer").length + raw.signals("peer").length < 2) await pause(50);
    });
    const states = await caster.do(() => [...cast.viewers.values()].map(({ state }) => state));
    assert.equal(states.filter((state) => state === "connected").length, 2);
    await late.shows(5);
    await call("leave", { stream });
    await until("only the viewers' connections are open", async () => (await caster.connections()).open === 2);
    assert.equal((await stage.record(stream)).viewer_count, 2);
  });

  test("leaves and comes, again and again", async () => {
    await byHand("viewer");
    const ids = [];
    for (let times = 0; times < 20; times += 1) {
      ids.push((await call("watch", { stream })).value.viewer);
      assert.equal((await call("watch", { stream })).value.viewer, ids.at(-1), "asked again it is the same viewer");
      assert.deepEqual((await call("leave", { stream })).value, {});
    }
    assert.deepEqual((await call("leave", { stream })).value, {});
    assert.equal(new Set(ids).size, 20);
    await until("none of its connections is open", async () => (await caster.connections()).open === 1);
    const { viewer_count, peak_viewers } = await stage.record(stream);
    assert.deepEqual({ viewer_count, peak_viewers }, { viewer_count: 1, peak_viewers: 2 });
  });
});

describe("a broadcaster that does not play along", () => {
  test("has viewers that hear nonsense and go on when there is sense", async () => {
    const own = `${stream}-own`;
    await byHand("broadcaster", own);
    assert.equal((await call("start", { stream: own })).code, undefined);
    const victim = await stage.viewer(own, { frames: 0 });
    const { viewer: id, negotiation } = await hand.do(() => raw.signal("viewer_joined"));
    const say = (message, to = id) => call("signal", { stream: own, viewer: to, negotiation, message });
    for (const message of [
      candidates("candidate:1 1 udp 1 127.0.0.1 9 typ host", "nonsense"),
      answer(),
      offer("v=0\r\nnonsense\r\n"),
      offer("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", 2),
      answer("v=0\r\nnonsense\r\n", 2),
    ]) {
      assert.equal((await say(message)).code, undefined);
    }
    assert.deepEqual(
      await codes([
        ["nobody", "signal", { stream: own, viewer: "v_0123456789abcdef", negotiation, message: offer() }],
        ["no viewer", "signal", { stream: own, negotiation, message: offer() }],
        ["a viewer of another stream", "signal", { stream: own, viewer: await viewer.do(() => view.viewerId), negotiation, message: offer() }],
        ["another's stream", "signal", { stream, viewer: id, negotiation, message: offer() }],
        ["stop another's", "stop", { stream }],
      ]),
      { nobody: "peer-not-found", "no viewer": "bad-params", "a viewer of another stream": "peer-not-found", "another's stream": "not-joined", "stop another's": "not-joined" },
    );
    await stage.broadcaster(own, { source: "green", options: { takeover: true } });
    await victim.seesColour("green");
    assert.deepEqual(await hand.do(() => raw.signals("superseded").length), 1);
    assert.equal((await say(offer())).code, "forbidden");
  });
});
