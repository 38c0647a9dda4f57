// What becomes of a broadcast when links, roads, tabs and the server fail.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { Road } from "./support/road.mjs";
import { until } from "./support/wait.mjs";

/** For how long a broadcaster is away where that is to be long. */
const AWAY = 10_000;

let stage, roads;
let streams = 0;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(async () => {
  await stage.clear();
  for (const road of roads?.splice(0) ?? []) await road.close();
});

const fresh = () => `cut-${(streams += 1)}`;
const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

function newRoad() {
  const road = new Road();
  (roads ??= []).push(road);
  return road;
}

/** What the page's `view` or `cast` has said of its state. */
const states = (seat, handle) => seat.do((handle) => window[handle].told.state.map(({ state, what, reason }) => [state, what ?? reason].filter(Boolean).join(":")), handle);
const events = (seat) => seat.do(() => (window.view ?? window.cast).told.event.map(({ name }) => name));
const forget = (seat, handle) => seat.do((handle) => void (window[handle].told.state.length = window[handle].told.event.length = 0), handle);

describe("the link to the server", () => {
  test("is cut for a viewer, and frames go on over the same connection", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const [viewer, other] = [await stage.viewer(stream), await stage.viewer(stream)];
    const id = await viewer.do(() => view.viewerId);
    await Promise.all([viewer, other].map((seat) => forget(seat, "view")));
    viewer.sever();
    await viewer.do(() => new Promise((resolve) => client.state === "live" ? client.on("state", ({ state }) => state !== "live" && resolve()) : resolve()));
    await Promise.all([viewer.shows(30), other.shows(30)]);
    await viewer.heal();
    await viewer.shows(15);
    assert.deepEqual(await viewer.do(() => [view.state, view.viewerId]), ["live", id]);
    assert.deepEqual(await states(viewer, "view"), [], "flowing frames are live");
    assert.deepEqual(await Promise.all([viewer, caster].map((seat) => seat.connections())), [{ made: 1, open: 1 }, { made: 2, open: 2 }]);
    assert.deepEqual(caster.signals("viewer_left"), []);
    assert.equal((await stage.record(stream)).viewer_count, 2);
  });

  test("is cut for the broadcaster for ten seconds: viewers hear of a pause, and see frames all the time", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    await forget(viewer, "view");
    caster.sever();
    const severed = Date.now();
    await viewer.do(() => becomes(view, ({ told }) => told.event.some(({ name }) => name === "stream_paused")));
    const { state, hold_until, paused_at } = await stage.record(stream);
    assert.equal(state, "paused");
    assert.ok(Date.parse(hold_until) > Date.parse(paused_at) + AWAY);
    await viewer.shows(30);
    // Who comes meanwhile is counted, and sees something as soon as the broadcaster is back.
    const late = await stage.viewer(stream, { frames: 0 });
    await until("the late one is counted", async () => (await stage.record(stream)).viewer_count === 2);
    await pause(severed + AWAY - Date.now());
    assert.equal(await viewer.do(() => view.state), "live");
    await caster.heal();
    await Promise.all([viewer.shows(15), late.shows(15)]);
    await until("the stream is live", async () => (await stage.record(stream)).state === "live");
    await viewer.do(() => becomes(view, ({ told }) => told.event.some(({ name }) => name === "stream_resumed")));
    assert.deepEqual((await events(viewer)).filter((name) => name.startsWith("stream_")), ["stream_paused", "stream_resumed"]);
    assert.deepEqual(await states(viewer, "view"), []);
    assert.deepEqual(await Promise.all([viewer, caster].map((seat) => seat.connections())), [{ made: 1, open: 1 }, { made: 2, open: 2 }]);
  });

  test("is cut for all at once, and the server is started anew: all are connected again", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    await stage.server.kill();
    await viewer.shows(15);
    await stage.server.run();
    await Promise.all([caster, viewer].map((seat) => seat.do(() => client.connect())));
    await until("the stream is live with its viewer", async () => {
      const { state, viewer_count } = await stage.record(stream);
      return state === "live" && viewer_count === 1;
    });
    await caster.do(() => becomes(cast, ({ viewers }) => viewers.size === 1 && [...viewers.values()][0].state === "connected"));
    await viewer.shows(15);
    assert.equal(await viewer.do(() => view.state), "live");
    await until("the connections of before are closed", async () => (await Promise.all([caster, viewer].map((seat) => seat.connections()))).every(({ open }) => open === 1));
  });

  test("is back with a new server for who does not wait, before it is for the broadcaster: frames go on", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream, { options: { wait: false } });
    await forget(viewer, "view");
    caster.sever();
    await stage.server.kill();
    await stage.server.run();
    await viewer.do(() => client.connect());
    await until("the viewer has asked again", () => viewer.calls("live/watch").length > 1);
    await viewer.shows(15);
    await viewer.reaches("view", "live");
    assert.equal((await stage.record(stream)).state, "offline");
    await caster.heal();
    await until("the stream is live with its viewer", async () => {
      const { state, viewer_count } = await stage.record(stream);
      return state === "live" && viewer_count === 1;
    });
    await until("the connection of before is closed", async () => (await viewer.connections()).made === 2 && (await viewer.connections()).open === 1);
    await viewer.shows(15);
    assert.ok(!(await states(viewer, "view")).includes("failed"));
  });
});

describe("the way of the media", () => {
  test("is broken for one viewer, and is found anew by a restart of ICE, while the other one notices nothing", async () => {
    const stream = fresh();
    const [caster, viewer] = await Promise.all([stage.seat("broadcaster", { road: newRoad() }), stage.seat("viewer", { road: newRoad() })]);
    await caster.broadcast(stream, { source: "red" });
    await viewer.watch(stream);
    await viewer.shows(5);
    const broken = roads.slice(0, 2);
    const other = await stage.viewer(stream, { road: newRoad() });
    assert.ok(broken[1].passed > 0, "the frames take the road");
    await Promise.all([viewer, other].map((seat) => forget(seat, "view")));
    broken[1].breakUp();
    broken[0].breakUp(0);
    await viewer.reaches("view", "reconnecting");
    assert.equal(await viewer.do(() => view.what), "media");
    const still = await viewer.do(() => [view.video.videoWidth > 0, view.video.srcObject !== null, view.eye.told.frames]);
    assert.deepEqual(still.slice(0, 2), [true, true], "the last frame stays on the screen");
    await other.shows(15);
    await viewer.shows(15);
    await viewer.reaches("view", "live");
    assert.deepEqual(await states(viewer, "view"), ["reconnecting:media", "live"]);
    assert.deepEqual(await states(other, "view"), []);
    assert.deepEqual(await Promise.all([viewer, other, caster].map((seat) => seat.connections())), [{ made: 1, open: 1 }, { made: 1, open: 1 }, { made: 2, open: 2 }]);
    assert.ok(viewer.signals("offer").length + viewer.calls("live/signal").filter(({ message }) => message.type === "offer").length >= 2, "there was another offer");
  });

  test("is gone with the far connection, and a new one takes its place", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const [viewer, other] = [await stage.viewer(stream), await stage.viewer(stream)];
    const id = await viewer.do(() => view.viewerId);
    await forget(other, "view");
    await caster.do(() => connections[0].close());
    await viewer.reaches("view", "reconnecting");
    await viewer.shows(15);
    await viewer.reaches("view", "live");
    assert.equal(await viewer.do(() => view.viewerId), id);
    await until("the old connections are closed", async () => (await viewer.connections()).open === 1 && (await caster.connections()).open === 2);
    assert.deepEqual(await states(other, "view"), []);
    assert.deepEqual(await other.connections(), { made: 1, open: 1 });
  });
});

describe("a tab", () => {
  test("of the broadcaster is killed and opened again after ten seconds: viewers wait, and see it again", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { user: "phoenix", source: "red" });
    const viewer = await stage.viewer(stream);
    const id = await viewer.do(() => view.viewerId);
    await forget(viewer, "view");
    await caster.kill();
    const killed = Date.now();
    await viewer.reaches("view", "paused");
    assert.deepEqual(await viewer.do(() => [view.video.videoWidth > 0, view.video.srcObject !== null]), [true, true]);
    await pause(killed + AWAY - Date.now());
    await stage.broadcaster(stream, { user: "phoenix", source: "blue" });
    await viewer.seesColour("blue");
    await viewer.reaches("view", "live");
    assert.equal(await viewer.do(() => view.viewerId), id);
    assert.deepEqual((await events(viewer)).filter((name) => name.startsWith("stream_")), ["stream_paused", "stream_resumed"]);
    const { state, viewer_count, peak_viewers } = await stage.record(stream);
    assert.deepEqual({ state, viewer_count, peak_viewers }, { state: "live", viewer_count: 1, peak_viewers: 1 });
  });

  test("of the broadcaster is reloaded, and goes on with the same viewers", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewers = [await stage.viewer(stream), await stage.viewer(stream)];
    const ids = await Promise.all(viewers.map((seat) => seat.do(() => view.viewerId)));
    await caster.page.reload();
    await caster.sit();
    await caster.broadcast(stream, { source: "green" });
    await Promise.all(viewers.map((seat) => seat.seesColour("green")));
    assert.deepEqual(await Promise.all(viewers.map((seat) => seat.do(() => view.viewerId))), ids);
    assert.deepEqual(await caster.do(() => [...cast.viewers.keys()].toSorted()), ids.toSorted());
    await until("the old connections are closed", async () => (await Promise.all(viewers.map((seat) => seat.connections()))).every(({ open }) => open === 1));
  });

  test("of a viewer is killed, and counted out", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const [viewer, other] = [await stage.viewer(stream), await stage.viewer(stream)];
    await until("both are counted", async () => (await stage.record(stream)).viewer_count === 2);
    await viewer.kill();
    await until("one is counted out", async () => (await stage.record(stream)).viewer_count === 1, { patience: 30_000 });
    await other.shows(15);
    await other.do(() => becomes(view, ({ record }) => record.viewer_count === 1));
    assert.equal((await stage.record(stream)).peak_viewers, 2);
    assert.equal(await caster.do(() => cast.state), "live");
  });

  test("of a viewer is closed, and counted out", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const id = await viewer.do(() => view.viewerId);
    await viewer.page.close({ runBeforeUnload: true });
    await until("it is counted out", async () => (await stage.record(stream)).viewer_count === 0, { patience: 30_000 });
    await caster.do((id) => becomes(cast, ({ viewers }) => !viewers.has(id) || [...viewers.values()][0].state !== "connected"), id);
  });
});
