// What failed for a reason that is gone by now, and is tried again.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { LiveStage } from "./support/live.mjs";

let stage;
let streams = 0;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(() => stage.clear());

const fresh = () => `retry-${(streams += 1)}`;

const failure = (seat, handle) => seat.do(async (handle) => {
  await becomes(window[handle], ({ state }) => state === "failed");
  const { code, message, retryable } = window[handle].error;
  return { code, message, retryable };
}, handle);

test("a watch whose client was closed goes on once that is connected again", async () => {
  const stream = fresh();
  await stage.broadcaster(stream, { source: "red" });
  const viewer = await stage.viewer(stream);
  await viewer.do(() => client.close());
  assert.equal((await failure(viewer, "view")).code, "session-closed");
  await viewer.do(() => void (view.told.state.length = 0));
  await viewer.do(() => view.retry());
  await viewer.do(() => becomes(view, ({ told }) => told.state.length === 2));
  assert.match((await failure(viewer, "view")).message, /connect it again/);
  await viewer.do(() => client.connect());
  await viewer.do(() => view.retry());
  await viewer.shows(5);
  await viewer.reaches("view", "live");
  await viewer.seesColour("red");
  assert.deepEqual([(await viewer.connections()).open, (await stage.record(stream)).viewer_count], [1, 1]);
});

test("a watch goes on after a fault in the wasm", async () => {
  const stream = fresh();
  await stage.broadcaster(stream, { source: "red" });
  const viewer = await stage.viewer(stream);
  await viewer.do(async () => {
    const { enter } = await import("/pkg/lib/load.js");
    await outcome((async () => enter(() => { throw new WebAssembly.RuntimeError("unreachable"); }))());
  });
  assert.equal((await failure(viewer, "view")).code, "internal");
  await viewer.do(() => client.connect());
  await viewer.do(() => view.retry());
  await viewer.shows(5);
  await viewer.reaches("view", "live");
  assert.equal((await viewer.connections()).open, 1);
});

test("a watch whose code could not be loaded frees its place, and loads it when it is tried again", async () => {
  const stream = fresh();
  await stage.broadcaster(stream, { source: "red" });
  const viewer = await stage.seat("viewer");
  await viewer.page.route("**/live/watching.js", (route) => route.abort());
  await viewer.watch(stream);
  const { code, retryable } = await failure(viewer, "view");
  assert.deepEqual([code, retryable], ["module-unavailable", true]);
  const second = await viewer.do(async (stream) => {
    const second = watch(stream);
    await becomes(second, ({ state }) => state === "failed");
    await second.stop();
    return second.error.code;
  }, stream);
  assert.equal(second, "module-unavailable", "the place is free");
  await viewer.page.unroute("**/live/watching.js");
  await viewer.do(() => view.retry());
  await viewer.shows(5);
  await viewer.reaches("view", "live");
});

test("a broadcast whose code could not be loaded is over, and another one can begin", async () => {
  const stream = fresh();
  const caster = await stage.seat("broadcaster");
  await caster.page.route("**/live/broadcasting.js", (route) => route.abort());
  const refused = await caster.do(async (stream) => {
    window.media = painted("blue");
    window.cast = broadcast(stream, media);
    return (await outcome(cast.ready)).error.code;
  }, stream);
  assert.equal(refused, "module-unavailable");
  await caster.page.unroute("**/live/broadcasting.js");
  await caster.do(async (stream) => {
    window.cast = broadcast(stream, media);
    await cast.ready;
  }, stream);
  const viewer = await stage.viewer(stream);
  await viewer.seesColour("blue");
});
