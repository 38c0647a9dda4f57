// One broadcaster with a camera and three viewers, in browsers of their own: what a broadcast is, point by point.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

const STREAM = "9c23f06d-2f69-46d6-8a81-3057e5d90a32";

let stage, caster, ids;
const viewers = [];

before(async () => {
  stage = await LiveStage.start();
  caster = await stage.seat("broadcaster", { user: "provider" });
});
after(async () => {
  try {
    await stage?.clear();
  } finally {
    await stage?.end();
  }
});

/** What tells one end of a connection from all others. */
const ufrag = (sdp) => /a=ice-ufrag:(\S+)/.exec(sdp)[1];

/** Which ends each open connection of a page joins: `[{ here, there }]`. */
const ends = async (seat) => {
  const found = await seat.do(() => openConnections().map(({ localDescription, remoteDescription }) => [localDescription.sdp, remoteDescription.sdp]));
  return found.map(([here, there]) => ({ here: ufrag(here), there: ufrag(there) }));
};

/** The description of this type that a page sent first; the broadcaster's, to this viewer. */
const sent = (seat, type, id) => seat.calls("live/signal").find(({ viewer, message }) => message.type === type && viewer === id).message.sdp;

/** What the call with this method is answered, the first one of the page. */
async function answered(seat, method) {
  const { frames } = seat.trace;
  const answer = () => {
    const call = frames.find((frame) => frame.type === "call" && frame.method === method);
    return call && frames.find((frame) => frame.type === "result" && frame.id === call.id);
  };
  await until(`${method} is answered`, () => answer());
  return answer().payload;
}

describe("a broadcast and its viewers", () => {
  test("1: the broadcaster starts, and its preview shows", async () => {
    await caster.broadcast(STREAM);
    const shown = await caster.do(async () => {
      const preview = screen(cast.mediaStream);
      await preview.eye.more(10);
      return { state: cast.state, ...preview.eye.told, size: [preview.videoWidth, preview.videoHeight] };
    });
    assert.equal(shown.state, "live");
    assert.deepEqual(shown.size, [640, 360]);
    assert.ok(shown.changes >= 5, JSON.stringify(shown));
  });

  test("2: the server hears that the broadcaster is ready", async () => {
    await answered(caster, "live/start");
    assert.equal(caster.calls("live/start")[0].stream, STREAM);
    const { state, broadcaster, media, viewer_count, started_at } = await stage.record(STREAM);
    assert.deepEqual({ state, broadcaster, media, viewer_count }, { state: "live", broadcaster: "provider", media: { audio: true, video: true }, viewer_count: 0 });
    assert.ok(Math.abs(Date.parse(started_at) - Date.now()) < 60_000, started_at);
  });

  test("3: a viewer opens the page, and the server hears that it joins", async () => {
    viewers.push(await stage.viewer(STREAM, { frames: 0, user: "customer-1" }));
    await until("the viewer is counted", async () => (await stage.record(STREAM)).viewer_count === 1);
    const { viewer, negotiation, record } = await answered(viewers[0], "live/watch");
    assert.equal(viewers[0].calls("live/watch")[0].stream, STREAM);
    assert.match(viewer, /^v_[0-9a-f]{16}$/);
    assert.ok(negotiation > 0);
    assert.equal(record.state, "live");
    await viewers[0].do((id) => becomes(view, ({ viewerId }) => viewerId === id), viewer);
    ids = [viewer];
  });

  test("4: the broadcaster hears who joined", async () => {
    await until("it hears of the viewer", () => caster.signals("viewer_joined").length === 1);
    const [{ viewer, user, negotiation }] = caster.signals("viewer_joined");
    assert.deepEqual([viewer, user], [ids[0], "customer-1"]);
    assert.equal(negotiation, (await answered(viewers[0], "live/watch")).negotiation);
  });

  test("5: the broadcaster creates a connection for this viewer", async () => {
    await caster.do((id) => becomes(cast, ({ viewers }) => viewers.has(id)), ids[0]);
    assert.deepEqual(await caster.connections(), { made: 1, open: 1 });
  });

  test("6: the viewer receives an offer that is for it", async () => {
    await until("the offer is there", () => viewers[0].signals("offer").length > 0);
    const [{ viewer, sdp, round }] = viewers[0].signals("offer");
    assert.equal(viewer, ids[0]);
    assert.match(sdp, /^v=0\r\n/);
    const sent = caster.calls("live/signal").find(({ message }) => message.type === "offer");
    assert.deepEqual([sent.viewer, sent.message.sdp, sent.message.round], [ids[0], sdp, round]);
  });

  test("7: the viewer sends an answer that bears its id", async () => {
    await until("the answer is there", () => caster.signals("answer").length > 0 && viewers[0].calls("live/signal").length > 0);
    const sent = viewers[0].calls("live/signal").find(({ message }) => message.type === "answer");
    const [{ viewer, sdp }] = caster.signals("answer");
    assert.deepEqual([viewer, sdp], [ids[0], sent.message.sdp]);
  });

  test("8: the broadcaster takes each answer for the right connection", async () => {
    for (const n of [2, 3]) viewers.push(await stage.viewer(STREAM, { user: `customer-${n}` }));
    ids = await Promise.all(viewers.map((seat) => seat.do(() => view.viewerId)));
    assert.equal(new Set(ids).size, 3);
    const joined = await ends(caster);
    for (const [at, seat] of viewers.entries()) {
      const [offer, answer] = [sent(caster, "offer", ids[at]), sent(seat, "answer")].map(ufrag);
      assert.deepEqual(joined.filter(({ here, there }) => here === offer || there === answer), [{ here: offer, there: answer }]);
    }
  });

  test("9: candidates go in both directions", async () => {
    for (const [at, seat] of viewers.entries()) {
      for (const [candidates, whose] of [[seat.signals("candidates"), "broadcaster"], [caster.signals("candidates").filter(({ viewer }) => viewer === ids[at]), "viewer"]]) {
        assert.ok(candidates.flatMap(({ candidates }) => candidates).some(({ candidate }) => / typ host/.test(candidate)), `none of the ${whose}`);
        assert.ok(candidates.every(({ viewer }) => viewer === ids[at]));
      }
    }
  });

  test("10: the connections become connected", async () => {
    await caster.do(() => becomes(cast, ({ viewers }) => viewers.size === 3 && [...viewers.values()].every(({ state }) => state === "connected")));
    for (const seat of [caster, ...viewers]) {
      const states = await seat.do(() => connections.map(({ connectionState }) => connectionState));
      assert.deepEqual(states, Array(seat === caster ? 3 : 1).fill("connected"));
    }
  });

  test("11: each viewer's video shows the broadcaster's picture", async () => {
    for (const seat of viewers) {
      await seat.shows(15);
      await seat.reaches("view", "live");
      const { told, decoded } = await seat.do(async () => {
        const stats = [...(await connections[0].getStats()).values()];
        return { told: view.eye.told, decoded: stats.find(({ type, kind }) => type === "inbound-rtp" && kind === "video").framesDecoded };
      });
      assert.ok(told.changes >= 7 && told.totalVideoFrames >= 15 && decoded >= 15, JSON.stringify({ told, decoded }));
    }
  });

  test("12: viewers come and go independently of each other", async () => {
    const [one, two, three] = viewers;
    await one.do(() => view.stop());
    await until("one is counted out", async () => (await stage.record(STREAM)).viewer_count === 2);
    await Promise.all([two.shows(15), three.shows(15)]);
    await one.watch(STREAM);
    await Promise.all(viewers.map((seat) => seat.shows(15)));
    ids[0] = await one.do(() => view.viewerId);
    const { viewer_count, peak_viewers } = await stage.record(STREAM);
    assert.deepEqual([viewer_count, peak_viewers], [3, 3]);
    assert.deepEqual(await Promise.all([two, three].map((seat) => seat.connections())), Array(2).fill({ made: 1, open: 1 }));
    const [gone] = caster.signals("viewer_left");
    assert.ok(!ids.includes(gone.viewer), "who comes again is another viewer");
  });

  test("13: the broadcaster has a connection of its own for each viewer", async () => {
    await until("it has closed the one of the viewer that left", async () => (await caster.connections()).open === 3);
    const joined = await ends(caster);
    assert.equal(new Set(joined.flatMap(({ here, there }) => [here, there])).size, 6, "no two of them share an end");
    const others = (await Promise.all(viewers.map(ends))).flat();
    assert.deepEqual(others.map(({ here, there }) => [there, here]).toSorted(), joined.map(({ here, there }) => [here, there]).toSorted());
    assert.deepEqual(await caster.do(() => [...cast.viewers.keys()]), [ids[1], ids[2], ids[0]]);
  });

  test("nobody hears what is for another viewer", () => {
    for (const seat of viewers) {
      const own = new Set(seat.trace.frames.filter(({ type, payload }) => type === "result" && payload?.viewer).map(({ payload }) => payload.viewer));
      const heard = ["offer", "answer", "candidates", "peer", "watching"].flatMap((name) => seat.signals(name));
      assert.ok(heard.length > 0 && heard.every(({ viewer }) => own.has(viewer)));
      assert.deepEqual(["viewer_joined", "viewer_left"].flatMap((name) => seat.signals(name)), []);
    }
  });
});
