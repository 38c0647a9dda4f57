// A diagnosis tells what it has looked at, and changes nothing.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { LiveStage } from "./support/live.mjs";

let stage;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(() => stage.clear());

/** What is told of the ICE servers. */
const servers = (seat, options) => seat.do(async (options) => {
  const { legs } = await client.live.diagnose(options);
  return legs.filter(({ leg }) => leg === "stun" || leg === "turn").map(({ ok, told }) => [ok, told]);
}, options);

test("servers that the page is not told of are not said to be missing", async () => {
  const viewer = await stage.seat("viewer");
  const audience = await stage.seat("audience");
  const [unasked, refused] = [await servers(viewer), await servers(audience, { stream: "looked-at" })];
  for (const [ok, told] of [...unasked, ...refused]) {
    assert.equal(ok, null);
    assert.match(told, /^not looked at: .* broadcast or watch/);
  }
  for (const [ok, told] of await servers(viewer, { stream: "looked-at" })) {
    assert.equal(ok, null);
    assert.match(told, /^the server names no/);
  }
  await viewer.watch("looked-at");
  await viewer.reaches("view", "connecting");
  for (const [, told] of await servers(viewer)) assert.match(told, /^the server names no/, "it is of the stream that is watched");
});

test("a session that the user cut stays cut", async () => {
  const viewer = await stage.seat("viewer");
  const seen = await viewer.do(async () => {
    await client.connect();
    client.simulateCut({ stay: true });
    while (client.state === "live") await pause(10);
    const before = client.state;
    const { legs } = await client.live.diagnose({ stream: "cut" });
    return { before, after: client.state, session: legs.find(({ leg }) => leg === "session"), turn: legs.find(({ leg }) => leg === "turn") };
  });
  assert.deepEqual([seen.before, seen.after, seen.session.ok], ["waiting", "waiting", false]);
  assert.match(seen.turn.told, /^not looked at/);
});
