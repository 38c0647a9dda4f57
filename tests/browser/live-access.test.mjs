// Who may broadcast and who may watch, how many, and when.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

let stage;
let streams = 0;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(() => stage.clear());

const fresh = () => `access-${(streams += 1)}`;

/** How a broadcast by this page ends that is refused. */
const refusedBroadcast = (seat, stream, options) =>
  seat.do(async ([stream, options]) => (await outcome(broadcast(stream, painted("blue"), options).ready)).error, [stream, options]);

/** How a watch by this page fails. */
const refusedWatch = (seat, stream, options) =>
  seat.do(async ([stream, options]) => {
    window.view = watch(stream, options);
    await becomes(view, ({ state }) => state === "failed");
    const { code, message, retryable } = view.error;
    return { code, message, retryable };
  }, [stream, options]);

describe("a second broadcaster", () => {
  test("is told that the stream is taken, and nobody notices", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const rival = await stage.seat("broadcaster");
    const error = await refusedBroadcast(rival, stream);
    assert.equal(error.code, "live-taken");
    assert.ok(error.ours && /takeover/.test(error.message), error.message);
    await viewer.shows(10);
    await viewer.seesColour("red");
    assert.deepEqual(await viewer.connections(), { made: 1, open: 1 });
    assert.equal(await caster.do(() => cast.state), "live");
  });

  test("that takes over is seen by all viewers, and the first one is told", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewers = [await stage.viewer(stream), await stage.viewer(stream)];
    const rival = await stage.broadcaster(stream, { source: "blue", options: { takeover: true } });
    await Promise.all(viewers.map((seat) => seat.seesColour("blue")));
    await caster.reaches("cast", "ended");
    assert.equal(await caster.do(() => cast.reason), "superseded");
    await until("the first one's connections are closed", async () => (await caster.connections()).open === 0);
    const { broadcaster, state, viewer_count } = await stage.record(stream);
    assert.deepEqual({ broadcaster, state, viewer_count }, { broadcaster: rival.user, state: "live", viewer_count: 2 });
  });

  test("of the same user takes its place without asking", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { user: "twice", source: "red" });
    const viewer = await stage.viewer(stream);
    await stage.broadcaster(stream, { user: "twice", source: "green" });
    await viewer.seesColour("green");
    await caster.reaches("cast", "ended");
    assert.equal(await caster.do(() => cast.reason), "superseded");
  });
});

describe("a stream that is not there", () => {
  test("is waited for", async () => {
    const stream = fresh();
    const viewer = await stage.viewer(stream, { frames: 0 });
    await until("the viewer has asked", () => viewer.calls("live/watch").length === 1);
    assert.equal(await viewer.do(() => view.state), "connecting");
    const caster = await stage.broadcaster(stream, { source: "red" });
    await viewer.shows(10);
    await caster.do(() => cast.stop());
    await viewer.reaches("view", "ended");
    assert.equal(await viewer.do(() => view.reason), "stopped");
    assert.equal((await caster.connections()).open, 0);
    await caster.broadcast(stream, { source: "green" });
    await viewer.seesColour("green");
    await viewer.reaches("view", "live");
  });

  test("is refused at once to who does not want to wait", async () => {
    const stream = fresh();
    const viewer = await stage.seat("viewer");
    const error = await refusedWatch(viewer, stream, { wait: false });
    assert.equal(error.code, "live-not-found");
    await stage.broadcaster(stream, { source: "red" });
    await viewer.do(() => view.retry());
    await viewer.shows(10);
  });
});

describe("a stream that is full", () => {
  test("says so, and lets the next one in when somebody leaves", async () => {
    const stream = fresh();
    await stage.broadcaster(stream, { source: "red", options: { maxViewers: 1 } });
    const first = await stage.viewer(stream);
    const second = await stage.seat("viewer");
    const error = await refusedWatch(second, stream);
    assert.deepEqual([error.code, error.retryable], ["live-full", true]);
    assert.match(error.message, /\b1\b/);
    const { viewer_count, max_viewers } = await stage.record(stream);
    assert.deepEqual({ viewer_count, max_viewers }, { viewer_count: 1, max_viewers: 1 });
    await first.shows(10);
    await first.do(() => view.stop());
    await until("the place is free", async () => (await stage.record(stream)).viewer_count === 0);
    await second.do(() => view.retry());
    await second.shows(10);
  });
});

describe("who has no right to it", () => {
  test("cannot broadcast as a viewer, and cannot watch as audience", async () => {
    const stream = fresh();
    await stage.broadcaster(stream, { source: "red" });
    const [viewer, audience] = await Promise.all([stage.seat("viewer"), stage.seat("audience")]);
    assert.equal((await refusedBroadcast(viewer, stream)).code, "forbidden");
    assert.equal((await refusedWatch(audience, stream)).code, "forbidden");
    const watching = await stage.viewer(stream);
    await watching.shows(5);
    assert.equal((await stage.record(stream)).viewer_count, 1);
  });

  test("hears the counts as audience, the present ones at once, and is not counted", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    await stage.viewer(stream);
    const audience = await stage.seat("audience");
    const early = await audience.do(async (stream) => {
      window.view = observe(stream);
      await view.ready;
      return view.record;
    }, stream);
    assert.deepEqual([early.state, early.viewer_count, early.peak_viewers], ["live", 1, 1]);
    const second = await stage.viewer(stream);
    await second.do(() => view.stop());
    await audience.do(() => becomes(view, ({ told }) => told.event.filter(({ name }) => name === "viewer_count_changed").length === 2));
    await caster.do(() => cast.stop());
    await audience.do(() => becomes(view, ({ record }) => record.state === "ended"));
    const told = await audience.do(() => view.told.event);
    const counts = told.filter(({ name }) => name === "viewer_count_changed").map(({ data }) => [data.stream_id, data.viewer_count, data.peak_viewers]);
    assert.deepEqual(counts.slice(0, 2), [[stream, 2, 2], [stream, 1, 2]]);
    assert.ok(told.every(({ data }) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(data.timestamp)));
    assert.deepEqual(told.filter(({ name }) => name === "stream_ended").map(({ data }) => data.reason), ["stopped"]);
    const { peak_viewers, end_reason } = await stage.record(stream);
    assert.deepEqual({ peak_viewers, end_reason }, { peak_viewers: 2, end_reason: "stopped" });
  });

  test("sees its broadcast ended by somebody who may, and is told why", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const other = await stage.seat("broadcaster");
    assert.equal((await viewer.do((stream) => outcome(client.live.end(stream)), stream)).error.code, "forbidden");
    await other.do((stream) => client.live.end(stream), stream);
    await Promise.all([caster.reaches("cast", "ended"), viewer.reaches("view", "ended")]);
    assert.deepEqual([await caster.do(() => cast.reason), await viewer.do(() => view.reason)], Array(2).fill("ended-by-operator"));
    assert.deepEqual([(await caster.connections()).open, (await viewer.connections()).open], [0, 0]);
  });
});
