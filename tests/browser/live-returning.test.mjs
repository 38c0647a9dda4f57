// Who comes back when its place was held for long, was given up, or is begun again: by a server that holds nothing for long.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

/** For how long the server holds a place, in milliseconds. */
const HOLD = 8_000;
const CONFIG = `[live]\nhold = "${HOLD}ms"\n[rooms.kinds.live]\nlinger = "1s"\n`;

let stage;
let streams = 0;

before(async () => (stage = await LiveStage.start({ config: CONFIG })));
after(() => stage?.end());
afterEach(() => stage.clear());

const fresh = () => `returning-${(streams += 1)}`;

const notices = (seat) => seat.do(() => new Promise((resolve) => (client.state === "live" ? client.on("state", ({ state }) => state !== "live" && resolve()) : resolve())));
const seatOf = (caster) => caster.do(() => [...cast.viewers.values()].map(({ state }) => state));

describe("a broadcaster", () => {
  test("that is back, and has missed who came and who went, is live and heard by all", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const [stays, goes] = [await stage.viewer(stream), await stage.viewer(stream)];
    caster.sever();
    await notices(caster);
    await caster.reaches("cast", "reconnecting");
    await stays.do(() => becomes(view, ({ told }) => told.event.some(({ name }) => name === "stream_paused")));
    await goes.do(() => view.stop());
    await until("it is counted out", async () => (await stage.record(stream)).viewer_count === 1);
    await caster.heal();
    await caster.reaches("cast", "live");
    await until("it was told", () => caster.signals("peers_changed").length > 0);
    await caster.do(() => becomes(cast, ({ viewers }) => viewers.size === 1));
    // Whoever is left can be spoken to: another way is looked for only by what is said.
    const offers = stays.signals("offer").length;
    await caster.do(() => window.dispatchEvent(new Event("online")));
    await until("the viewer is offered another way", () => stays.signals("offer").length > offers);
    await stays.shows(10);
    assert.equal(await caster.do(() => cast.state), "live");
  });

  test("that stops and begins again while its link is lost connects its viewers anew", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const id = await viewer.do(() => view.viewerId);
    caster.sever();
    await notices(caster);
    await caster.do((stream) => {
      cast.stop();
      window.cast = broadcast(stream, painted("green"));
    }, stream);
    await caster.heal();
    await caster.do(() => cast.ready);
    await viewer.seesColour("green");
    assert.deepEqual(await caster.do(() => [...cast.viewers.keys()]), [id]);
    assert.deepEqual(caster.calls("live/start").map(({ anew }) => anew), [true, true]);
    assert.equal(viewer.signals("peer").length, 1);
    await until("the connection of before is closed", async () => (await viewer.connections()).open === 1);
  });
});

describe("a viewer", () => {
  test("that stops and begins again while its link is lost is connected anew", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const [viewer, other] = [await stage.viewer(stream), await stage.viewer(stream)];
    viewer.sever();
    await notices(viewer);
    await viewer.do((stream) => {
      view.stop();
      window.view = watch(stream);
    }, stream);
    await viewer.heal();
    await viewer.shows(10);
    assert.deepEqual(caster.signals("peer").map(({ viewer }) => viewer), [await viewer.do(() => view.viewerId)]);
    // Later it says no more that it has none.
    viewer.line.cut();
    await until("it asks again", () => viewer.calls("live/watch").length > 2);
    assert.deepEqual(viewer.calls("live/watch").map(({ anew }) => anew), [true, true, false]);
    await viewer.shows(10);
    assert.equal(viewer.signals("peer").length, 0);
    assert.deepEqual(await other.connections(), { made: 1, open: 1 });
  });

  test("whose session is given up sees on, and when it is back it misses nothing", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const before = await viewer.do(() => view.viewerId);
    viewer.sever();
    await until("it is given up", () => caster.signals("viewer_left").some(({ reason }) => reason === "lost"));
    assert.deepEqual(await seatOf(caster), []);
    // For longer than a connection stays whose way is gone.
    await viewer.do(() => view.eye.blink());
    await new Promise((resolve) => setTimeout(resolve, 2 * HOLD));
    await viewer.shows(15);
    await caster.do(() => cast.replaceTrack(painted("green")));
    await viewer.seesColour("green");
    assert.deepEqual([await viewer.do(() => view.state), (await caster.connections()).open], ["live", 1]);
    await viewer.heal();
    await viewer.do((before) => becomes(view, ({ viewerId }) => viewerId !== before), before);
    await until("another connection is there", async () => (await viewer.connections()).made === 2 && (await viewer.connections()).open === 1);
    await viewer.shows(15);
    const longest = await viewer.do(() => view.eye.told.longest);
    assert.ok(longest < HOLD / 2, `the picture stood still for ${longest} ms`);
    assert.deepEqual(await seatOf(caster), ["connected"]);
    await until("what is left of the old one is closed", async () => (await caster.connections()).open === 1, { patience: 40_000 });
  });

  test("that is killed leaves nothing open at the broadcaster's", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    await viewer.kill();
    await until("its connection is closed", async () => (await caster.connections()).open === 0, { patience: 60_000 });
    assert.deepEqual(await seatOf(caster), []);
  });
});
