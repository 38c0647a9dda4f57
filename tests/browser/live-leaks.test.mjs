// Viewers that come and go leave nothing behind, in either page.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

/** Pages that watch at once, and how often each of them comes and goes. */
const [PAGES, TIMES] = [4, 25];
/** Connections in name only, one after another. */
const HOLLOW = 1_000;

let stage;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(() => stage.clear());

/** Comes, sees a frame and goes, so many times. */
const comeAndGo = (seat, stream, times) =>
  seat.do(async ([stream, times]) => {
    for (let time = 0; time < times; time += 1) {
      const view = watch(stream);
      await view.eye.more(1);
      view.stop();
      view.video.remove();
    }
  }, [stream, times]);

test(`${PAGES * TIMES} viewers come and go for real`, async (t) => {
  const stream = "leaks";
  const caster = await stage.broadcaster(stream, { source: "red" });
  const seats = [];
  for (let n = 0; n < PAGES; n += 1) seats.push(await stage.seat("viewer"));
  const left = async () => {
    await until("all connections are closed", async () => (await Promise.all([caster, ...seats].map((seat) => seat.connections()))).every(({ open }) => open === 0));
    return Promise.all([caster, seats[0]].map((seat) => seat.do(() => wasmHeld())));
  };
  await Promise.all(seats.map((seat) => comeAndGo(seat, stream, 2)));
  const before = await left();
  await Promise.all(seats.map((seat) => comeAndGo(seat, stream, TIMES - 2)));
  const after = await left();
  assert.equal((await caster.connections()).made, PAGES * TIMES);
  assert.equal(await caster.do(() => cast.viewers.size), 0);
  const { viewer_count, peak_viewers } = await stage.record(stream);
  assert.equal(viewer_count, 0);
  assert.ok(peak_viewers >= 1 && peak_viewers <= PAGES, String(peak_viewers));
  t.diagnostic(`held by the broadcaster's and a viewer's module: ${JSON.stringify(before)}, later ${JSON.stringify(after)}`);
  for (const [at, { pages, objects }] of after.entries()) {
    assert.ok(pages <= before[at].pages + 2, `memory grew from ${before[at].pages} to ${pages} pages`);
    // One of each viewer would be as many as came to this page, or more.
    assert.ok(objects <= before[at].objects + 4, `objects grew from ${before[at].objects} to ${objects}`);
  }
});

/** What a page holds whose connections are hollow: of the wasm, and of those connections. */
const hollowHeld = (seat) => seat.do(async () => ({ ...(await wasmHeld()), made: hollow.length, held: hollow.filter(({ held }) => held).length }));

/** A thousand connections have left no more than the first few did. */
function assertNothingLeft(t, whose, before, after) {
  t.diagnostic(`held by ${whose} page after ${before.made} and ${after.made} connections: ${JSON.stringify([before, after])}`);
  assert.equal(after.made - before.made, HOLLOW);
  assert.equal(after.held, before.held, "connections are open, or listened to");
  assert.ok(after.objects <= before.objects + 16, `objects grew from ${before.objects} to ${after.objects}`);
  assert.ok(after.pages <= before.pages + 2, `memory grew from ${before.pages} to ${after.pages} pages`);
}

test(`${HOLLOW} viewers come and go at one broadcaster's, which has no memory of them`, async (t) => {
  const stream = "hollow-viewers";
  const caster = await stage.seat("broadcaster");
  await caster.do(() => void (window.hollow = hollowOut()));
  await caster.broadcast(stream, { source: "red" });
  const crowd = await stage.seat("viewer");
  const come = (times) =>
    crowd.do(async ([token, stream, times]) => {
      const session = await rawSession(token, stream);
      for (let time = 0; time < times; time += 1) {
        const { value, error } = await session.call("live/watch", { stream });
        if (error?.retryable) {
          // A session is let in so often a second, and no more.
          await pause(100);
          time -= 1;
          continue;
        }
        const { negotiation, round } = await session.hears("signal", ({ name, payload }) => name === "offer" && payload.viewer === value.viewer).then(({ payload }) => payload);
        await session.call("live/signal", { stream, negotiation, message: { type: "answer", round, sdp: "v=0\r\n" } });
        await session.call("live/leave", { stream });
        session.frames.length = 0;
      }
      session.close();
    }, [crowd.token, stream, times]);
  const left = async () => {
    await until("all are gone", () => caster.do(() => cast.viewers.size === 0 && hollow.every(({ held }) => !held)));
    return hollowHeld(caster);
  };
  await come(50);
  const before = await left();
  await Promise.all(Array.from({ length: 4 }, () => come(HOLLOW / 4)));
  assertNothingLeft(t, "the broadcaster's", before, await left());
});

test(`${HOLLOW} times a viewer comes and goes, and its page has no memory of it`, async (t) => {
  const stream = "hollow-watches";
  const [hand, viewer] = [await stage.seat("broadcaster"), await stage.seat("viewer")];
  await hand.do(async ([token, stream]) => {
    window.raw = await rawSession(token, stream);
    await raw.call("live/start", { stream });
    raw.heed(({ name, payload }) => {
      if (name !== "viewer_joined") return;
      const { viewer, negotiation } = payload;
      raw.call("live/signal", { stream, viewer, negotiation, message: { type: "offer", round: 1, sdp: "v=0\r\n" } });
      raw.frames.length = 0;
    });
  }, [hand.token, stream]);
  const come = (times) =>
    viewer.do(async ([stream, times]) => {
      window.hollow ??= hollowOut();
      for (let time = 0; time < times; time += 1) {
        const already = hollow.length;
        const view = client.live.watch(stream);
        while (hollow.length === already || hollow.at(-1).connectionState !== "connected") await pause(0);
        await view.stop();
      }
    }, [stream, times]);
  const left = async () => {
    await until("all are closed", () => viewer.do(() => hollow.every(({ held }) => !held)));
    return hollowHeld(viewer);
  };
  await come(50);
  const before = await left();
  // A session is let in so often a second, and a page answers in time or not at all.
  for (let part = 0; part < 5; part += 1) await come(HOLLOW / 5);
  assertNothingLeft(t, "the viewer's", before, await left());
});
