// One way from a broadcaster to a viewer, as the wasm drives it: both ends in one page, with nothing but a pair of hands between them.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { open } from "./support/browser.mjs";
import { LiveStage } from "./support/live.mjs";

describe("a peer", () => {
  let stage;
  let page;
  let trace;

  before(async () => (stage = await LiveStage.start()));
  after(() => stage?.end());
  beforeEach(async () => {
    ({ page, trace } = await open(stage.browser, `${stage.server.url}/live.html`));
    await page.waitForFunction(() => window.ready);
    await page.evaluate(() => import("/live-pair.js"));
  });
  afterEach(async () => {
    assert.deepEqual(trace.problems, []);
    await page.context().close();
  });

  /** A pair that shows a picture of this colour. */
  const show = (colour = "#c03030", options = {}) =>
    page.evaluate(
      async ([colour, options]) => {
        window.pair = await Pair.make({ media: painted(colour), options, show: true });
        await pair.begin();
        await pair.connected();
        await pair.viewer.video.eye.more(4);
      },
      [colour, options],
    );
  const said = () => page.evaluate(() => pair.ends.map(({ said }) => said.length));
  const more = (frames = 6) => page.evaluate((frames) => pair.viewer.video.eye.more(frames), frames);

  test("shows the picture, tells of its tracks once, and measures", async () => {
    await show("#c03030", { contentHint: "motion", degradationPreference: "maintain-framerate", encodings: [{ maxBitrate: 400_000 }] });
    const seen = await page.evaluate(async () => {
      const [sent, seen] = [[], []];
      for (let second = 0; second < 7; second += 1) {
        const told = await Promise.all(pair.ends.map(({ peer }) => peer.stats()));
        sent.push(told[0]);
        seen.push(told[1]);
        await pause(1_000);
      }
      const { states, tracks } = pair.viewer;
      return { sent, seen, states, kinds: tracks.map(({ kind }) => kind) };
    });
    assert.deepEqual([seen.states, seen.kinds], [["connecting", "connected"], ["video"]]);
    for (const told of [seen.sent, seen.seen]) {
      const { stats } = told.at(-1);
      assert.ok(stats.bitrate > 1_000 && stats.fps > 1 && stats.frames > 20, JSON.stringify(stats));
      assert.deepEqual([stats.width, stats.height, stats.relay], [320, 180, false]);
      assert.ok(stats.round_trip_ms >= 0);
      const summaries = told.filter(({ summary }) => summary);
      assert.equal(summaries.length, 1);
      assert.ok(summaries[0].summary.connected_ms > 0 && summaries[0].summary.frames > 10, JSON.stringify(summaries));
    }
    assert.ok(["none", "bandwidth", "cpu"].includes(seen.sent.at(-1).stats.limited_by));
  });

  test("gives way or stands firm when both ends make an offer at once", async () => {
    await show();
    for (let round = 0; round < 5; round += 1) {
      await page.evaluate(async () => {
        pair.hold();
        const before = pair.ends.map(({ said }) => said.length);
        for (const { peer } of pair.ends) peer.restart();
        while (pair.ends.some(({ said }, at) => said.length === before[at])) await pause(5);
        pair.release();
      });
      await more();
    }
    const seen = await page.evaluate(() => ({ states: pair.ends.map(({ state }) => state), open: openConnections().length, made: connections.length }));
    assert.deepEqual(seen, { states: ["connected", "connected"], open: 2, made: 2 });
  });

  test("looks for another way without a new connection, from either end", async () => {
    await show();
    for (const end of ["broadcaster", "viewer"]) {
      const users = () => page.evaluate(() => connections.map((one) => /ice-ufrag:(\S+)/.exec(one.currentLocalDescription.sdp)[1]));
      const before = await users();
      await page.evaluate((end) => pair[end].peer.restart(), end);
      await page.waitForFunction((before) => connections.every((one, at) => one.signalingState === "stable" && !one.currentLocalDescription.sdp.includes(before[at])), before);
      await more();
    }
    assert.equal(await page.evaluate(() => connections.length), 2);
  });

  test("goes on with other servers when there are some, and looks for the next way with them", async () => {
    await show();
    const seen = await page.evaluate(async () => {
      const server = { urls: ["turn:127.0.0.1:9"], username: "later", credential: "secret" };
      const names = () => connections.map((one) => one.getConfiguration().iceServers.map(({ username }) => username).join());
      const before = names();
      const begun = connections.length;
      for (const { peer } of pair.ends) peer.configure({ ice_servers: [server] });
      const after = names();
      pair.viewer.peer.restart();
      await pair.viewer.video.eye.more(6);
      // What is closed takes none, and is no reason to stop.
      connections[0].close();
      for (const { peer } of pair.ends) peer.configure({ ice_servers: [] });
      return { begun, made: connections.length, before, after, last: names()[1] };
    });
    assert.deepEqual(seen, { begun: 2, made: 2, before: ["", ""], after: ["later", "later"], last: "" });
  });

  test("makes another connection before it breaks the one there is", async () => {
    await show();
    const seen = await page.evaluate(async () => {
      const { eye } = pair.viewer.video;
      const before = pair.viewer.tracks;
      // The one of the viewer that shows the picture: what there was in its place when it was closed.
      const [shown] = connections.filter((one) => one.getReceivers().some(({ track }) => track.kind === "video" && !track.muted));
      const there = new Promise((resolve) => {
        shown.close = () => {
          resolve(connections.slice(2).map((one) => [one.connectionState, one.getReceivers().every(({ track }) => !track.muted)]));
          RTCPeerConnection.prototype.close.call(shown);
        };
      });
      await pair.begin();
      await pair.viewer.becomes(({ tracks }) => tracks !== before);
      await eye.more(6);
      const instead = await there;
      while (openConnections().length > 2) await pause(20);
      await eye.more(6);
      return { instead, made: connections.length, states: pair.viewer.states };
    });
    assert.equal(seen.made, 4);
    assert.deepEqual(seen.states, ["connecting", "connected"]);
    assert.ok(seen.instead.some(([state, flows]) => state === "connected" && flows), JSON.stringify(seen.instead));
  });

  test("sends another track without a word to the other end, also over connections that are made later", async () => {
    await show("#c03030");
    const before = await said();
    const colours = await page.evaluate(async () => {
      const { eye } = pair.viewer.video;
      const [track] = painted("#3030c0").getVideoTracks();
      await pair.broadcaster.peer.replaceTrack("video", track);
      await eye.sees(({ colour: [red, , blue] }) => blue > 2 * red);
      const messages = pair.ends.map(({ said }) => said.length);
      await pair.begin();
      await eye.more(10);
      while (openConnections().length > 2) await pause(20);
      await eye.more(4);
      return { messages, after: eye.colour };
    });
    assert.deepEqual(colours.messages, before);
    assert.ok(colours.after[2] > 2 * colours.after[0], String(colours.after));
  });

  test("says its offer again when it was lost, and its answer", async () => {
    await page.evaluate(async () => {
      window.pair = await Pair.make({ media: painted("#30c030"), show: true });
      const lost = new Set(["offer", "answer"]);
      pair.lost = (_, { type }) => lost.delete(type);
      await pair.begin();
      await pair.connected();
      await pair.viewer.video.eye.more(4);
    });
  });

  test("holds what it has to say while the session is away, and leaves the picture alone", async () => {
    await show();
    const before = await said();
    await page.evaluate(async () => {
      for (const { peer } of pair.ends) peer.link(false);
      pair.viewer.peer.restart();
      await pair.viewer.video.eye.more(10);
    });
    assert.deepEqual(await said(), before);
    await page.evaluate(async () => {
      for (const { peer } of pair.ends) peer.link(true);
      await pair.viewer.video.eye.more(6);
      while (pair.viewer.said.length === 1) await pause(20);
    });
    assert.equal(await page.evaluate(() => connections.length), 2);
  });

  test("gives up in words what the browser does not take", async () => {
    const seen = await page.evaluate(async () => {
      const pair = await Pair.make({ media: painted("#303030"), options: { encodings: [{ scaleResolutionDownBy: 0.5 }] } });
      await pair.begin();
      await pair.broadcaster.becomes(({ state }) => state === "failed");
      const { code, message } = pair.broadcaster.error;
      pair.close();
      return { code, message, open: openConnections().length };
    });
    assert.match(seen.message, /scale_?resolution_?down_?by/i);
    assert.equal(seen.open, 0);
  });

  test("dozens come and go, and none is left open", async () => {
    const seen = await page.evaluate(async () => {
      const media = painted("#c0c030");
      for (let at = 0; at < 36; at += 6) {
        const pairs = await Promise.all(Array.from({ length: 6 }, () => Pair.make({ media })));
        for (const pair of pairs) await pair.begin();
        await Promise.all(pairs.slice(0, 4).map((pair) => pair.connected()));
        // Some are closed while they are being made.
        for (const pair of pairs) pair.close();
      }
      return { made: connections.length, open: openConnections().length };
    });
    assert.deepEqual(seen, { made: 72, open: 0 });
  });

  test("a thousand come and go, and neither the page nor the wasm holds anything of them", async (t) => {
    const seen = await page.evaluate(async () => {
      const made = hollowOut();
      const media = painted("#30c0c0");
      const round = async (times) => {
        for (let at = 0; at < times; at += 10) {
          const pairs = await Promise.all(Array.from({ length: 10 }, () => Pair.make({ media })));
          for (const pair of pairs) await pair.begin();
          await Promise.all(pairs.map((pair) => pair.connected()));
          await Promise.all(pairs.flatMap(({ ends }) => ends.map(({ peer }) => peer.stats())));
          // A few get another connection first, and some are closed with a report under way.
          await pairs[0].begin();
          pairs[1].viewer.peer.stats();
          for (const pair of pairs) pair.close();
        }
        await pause(50);
      };
      await round(100);
      const early = await wasmHeld();
      await round(1_000);
      const late = await wasmHeld();
      return { early, late, made: made.length, held: made.filter(({ held }) => held).length };
    });
    t.diagnostic(`${seen.made} connections; ${JSON.stringify(seen.early)} before, ${JSON.stringify(seen.late)} after`);
    assert.ok(seen.made >= 2_200);
    assert.equal(seen.held, 0);
    assert.equal(seen.late.objects, seen.early.objects);
    // A KiB of each would be 15 pages more.
    assert.ok(seen.late.pages <= seen.early.pages + 1, `${seen.early.pages} pages of memory became ${seen.late.pages}`);
  });
});
