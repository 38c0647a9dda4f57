// Media that goes through a TURN server only: coturn, with credentials that our server makes.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { Turn } from "./support/turn.mjs";
import { until } from "./support/wait.mjs";

const CONFIG = "[live]\nrelay_only = true\n";

let turn, stage, astray;

before(async () => {
  turn = await Turn.start();
  const { SAMEWIRE_LIVE_TURN_SECRET: secret, ...address } = turn.settings;
  stage = await LiveStage.start({ config: CONFIG, settings: turn.settings });
  astray = await LiveStage.start({ config: CONFIG, settings: { ...address, SAMEWIRE_LIVE_TURN_SECRET: secret.replace("a", "b") } });
});
after(async () => {
  for (const stood of [stage, astray]) await stood?.end();
  await turn?.remove();
});
afterEach(async () => {
  for (const stood of [stage, astray]) await stood.clear();
});

const leg = ({ legs }, name) => legs.find(({ leg }) => leg === name);

test("frames flow through it, and the statistics say so", async () => {
  const stream = "relayed";
  const caster = await stage.broadcaster(stream);
  const viewer = await stage.viewer(stream);
  await viewer.do(() => becomes(view, ({ stats }) => stats?.relay === true && stats.fps > 0));
  await caster.do(() => becomes(cast, ({ viewers }) => [...viewers.values()][0]?.stats?.relay === true));
  await viewer.shows(10);
  assert.ok(turn.allocations >= 2, turn.log);
  for (const seat of [caster, viewer]) {
    const told = seat.signals("candidates").flatMap(({ candidates }) => candidates).filter(({ candidate }) => candidate);
    assert.ok(told.length > 0 && told.every(({ candidate }) => / typ relay /.test(candidate)), "nobody learns another address");
  }
  const diagnosis = await viewer.do(() => client.live.diagnose());
  assert.equal(leg(diagnosis, "turn").ok, true, JSON.stringify(diagnosis));
});

test("who waited has its password when it is let in", async () => {
  const stream = "relayed-later";
  const viewer = await stage.viewer(stream, { frames: 0 });
  await viewer.do(() => becomes(view, ({ waiting }) => waiting));
  await stage.broadcaster(stream, { source: "red" });
  await viewer.shows(10);
  await viewer.do(() => becomes(view, ({ stats }) => stats?.relay === true));
});

test("frames come back when it was away", async () => {
  const stream = "relayed-again";
  await stage.broadcaster(stream, { source: "red" });
  const viewer = await stage.viewer(stream);
  await turn.stop();
  await viewer.reaches("view", "reconnecting");
  await turn.run();
  await viewer.shows(10);
  await viewer.reaches("view", "live");
});

test("a secret that it does not know is what the diagnosis names", async () => {
  const stream = "astray";
  const caster = await astray.broadcaster(stream, { source: "red" });
  const viewer = await astray.viewer(stream, { frames: 0 });
  await until("the viewer is counted", async () => (await astray.record(stream)).viewer_count === 1);
  for (const diagnosis of [await viewer.do(() => view.diagnose()), await caster.do(() => client.live.diagnose())]) {
    assert.equal(diagnosis.ok, false);
    const { ok, told } = leg(diagnosis, "turn");
    assert.equal(ok, false, JSON.stringify(diagnosis));
    assert.match(told, /401|credential|secret|password/i);
    assert.notEqual(leg(diagnosis, "session").ok, false);
  }
  assert.equal(await viewer.do(() => view.eye.frames), 0);
});
