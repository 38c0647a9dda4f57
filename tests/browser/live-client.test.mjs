// `client.live` in real pages: a camera on one side, decoded frames on the other, and everything an app is told on the way.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { CAMERA } from "./support/browser.mjs";
import { token as tokenFor } from "./support/server.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

let stage, seats, stream;
let streams = 0;

before(async () => (stage = await Stage.start({ flags: CAMERA })));
after(() => stage?.end());
beforeEach(() => {
  stream = `stream-${(streams += 1)}`;
  seats = [];
});
afterEach(async () => {
  for (const { trace, context } of seats) {
    assert.deepEqual(trace.problems, []);
    await context.close();
  }
});

/** A page with a client in it, of a user with a role in this test's stream. */
async function seat(user, role) {
  const opened = await stage.page();
  seats.push(opened);
  const token = tokenFor(`${user}-${streams}`, { rooms: [{ name: `live:${stream}`, role }] });
  await opened.page.evaluate(
    ([token, stream]) => {
      window.client = newClient({ token });
      window.stream = stream;
      // What a handle tells, and where it stands.
      window.noting = (handle) => {
        handle.told = { state: [], event: [], record: [], viewers: [], device: [], playback: [] };
        for (const [type, told] of Object.entries(handle.told)) handle.on(type, (value) => told.push(value));
        return handle;
      };
      window.camera = () => navigator.mediaDevices.getUserMedia({ video: true, audio: true });
      window.screen = () => document.querySelector("video") ?? document.body.appendChild(document.createElement("video"));
      window.frames = () => screen().getVideoPlaybackQuality().totalVideoFrames;
    },
    [token, stream],
  );
  return opened.page;
}

const broadcaster = () => seat("ada", "broadcaster");
const viewer = (user = "eve") => seat(user, "viewer");

/** Begins to broadcast the page's camera, once viewers can come. */
function broadcast(page, options = {}) {
  return page.evaluate(async (options) => {
    window.broadcast = noting(client.live.broadcast(stream, await camera(), options));
    await broadcast.ready;
  }, options);
}

const watch = (page, options = {}) =>
  page.evaluate((options) => void (window.watch = noting(client.live.watch(stream, { video: screen(), ...options }))), options);

/** Waits until this many more frames are decoded in the page. */
async function plays(page, more = 10) {
  const before = await page.evaluate(() => frames());
  await until(`${more} more frames are decoded`, async () => (await page.evaluate(() => frames())) >= before + more).catch(async (error) => {
    throw new Error(`${error.message}: ${await page.evaluate(() => JSON.stringify([watch.state, watch.error?.message, watch.record]))}`);
  });
}

describe("a broadcast and who watches it", () => {
  test("frames of a camera are decoded in another page, and both say that it is live", async () => {
    const [here, there] = [await broadcaster(), await viewer()];
    await broadcast(here, { title: "Tea", info: { price: 3 } });
    await watch(there);
    await plays(there);
    await until("the watch is live", () => there.evaluate(() => watch.state === "live"));
    const { id, states, record, tracks } = await there.evaluate(() => ({
      id: watch.viewerId,
      states: watch.told.state.map(({ state }) => state),
      record: watch.record,
      tracks: watch.mediaStream.getTracks().map(({ kind }) => kind).sort(),
    }));
    assert.match(id, /^v_[0-9a-f]{16}$/);
    assert.deepEqual([states.at(-1), tracks], ["live", ["audio", "video"]]);
    assert.deepEqual([record.state, record.title, record.info, record.viewer_count], ["live", "Tea", { price: 3 }, 1]);
    await until("the broadcaster sees its viewer", () => here.evaluate(() => [...broadcast.viewers.values()].some(({ state }) => state === "connected")));
    assert.deepEqual(await here.evaluate(() => [...broadcast.viewers.keys()]), [id]);
    await until("the broadcaster knows what goes out", () => here.evaluate(() => broadcast.stats?.bitrate > 0 && broadcast.stats.connected === 1));
    await until("the viewer knows what comes in", () => there.evaluate(() => watch.stats?.bitrate > 0 && watch.stats.fps > 0 && watch.stats.relay === false));
  });
});
