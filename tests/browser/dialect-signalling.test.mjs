// Pages that were written for plain JSON at /ws, in a real browser: with each other, and with pages of the SDK in the same stream.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { open } from "./support/browser.mjs";
import { picture } from "./support/demo.mjs";
import { LiveStage } from "./support/live.mjs";
import { token } from "./support/server.mjs";

/** A stream ends soon after its broadcaster is gone. */
const CONFIG = "[live]\nhold = '5s'\npause_after = '500ms'\n";

let stage;
let pages = [];
let streams = 0;
let users = 0;

before(async () => (stage = await LiveStage.start({ config: CONFIG })));
after(() => stage?.end());
afterEach(async () => {
  const problems = pages.flatMap(({ trace }) => trace.problems);
  for (const { context } of pages.splice(0)) await context.close();
  await stage.clear();
  assert.deepEqual(problems, []);
});

const newStream = () => `order-${(streams += 1)}`;
const pass = (role) => token(`old-${role}-${(users += 1)}`, { live: [{ name: "*", role }] });

/** The address of a page of the old kind. */
function address(role, stream, more = {}) {
  return `/dialects/signalling-${role}.html?${new URLSearchParams({ token: pass(role), stream, ...more })}`;
}

async function old(role, stream, more) {
  const opened = await open(stage.browser, stage.server.url + address(role, stream, more), { permissions: ["camera", "microphone"] });
  pages.push(opened);
  return Object.assign(opened.page, { close: () => opened.context.close() });
}

const broadcaster = (stream, colour) => old("broadcaster", stream, { colour });

/** Waits until a page sees this colour, and then so many more frames with other pictures. */
function sees(page, colour, frames = 6) {
  return page.evaluate(
    async ([wanted, frames]) => {
      await eye.sees(({ colour }) => colour.every((value, at) => (at === wanted ? value > 90 : value < 90)));
      await eye.more(frames);
    },
    [["red", "green", "blue"].indexOf(colour), frames],
  );
}

/** What a page was told, by type. */
const told = (page, type) => page.evaluate((type) => heard.filter((message) => message.type === type), type);
/** Waits until it was told so often. */
const hears = (page, type, times = 1) =>
  page.waitForFunction(([type, times]) => heard.filter((message) => message.type === type).length >= times, [type, times]);
const nameOf = (page) => page.evaluate(() => viewer.current);

describe("pages as they were written", () => {
  test("show one broadcaster to three viewers, whenever they come", async () => {
    const stream = newStream();
    const early = await old("viewer", stream);
    const caster = await broadcaster(stream, "green");
    await sees(early, "green");
    const viewers = [early];
    for (let more = 0; more < 2; more += 1) {
      viewers.push(await old("viewer", stream));
      await sees(viewers.at(-1), "green");
    }
    await Promise.all(viewers.map((page) => sees(page, "green")));
    const names = await Promise.all(viewers.map(nameOf));
    assert.equal(new Set(names).size, 3);
    for (const name of names) assert.match(name, /^client_\d+$/);
    const joined = await told(caster, "viewer-joined");
    assert.deepEqual(joined.map(({ viewerId }) => viewerId), names);
    assert.deepEqual(await caster.evaluate(() => [...peers.values()].map(({ connectionState }) => connectionState)), ["connected", "connected", "connected"]);
    // Everybody heard what was for them alone.
    for (const [at, page] of viewers.entries()) {
      const heard = await page.evaluate(() => [...new Set(heard.map(({ viewerId }) => viewerId))]);
      assert.deepEqual(heard, [names[at]]);
    }
    await viewers[1].close();
    await hears(caster, "viewer-left");
    assert.deepEqual((await told(caster, "viewer-left")).map(({ viewerId }) => viewerId), [names[1]]);
    await Promise.all([early, viewers[2]].map((page) => sees(page, "green")));
  });

  test("of two streams show each viewer its own, and go on when the page is loaded again", async () => {
    const [red, blue] = [newStream(), newStream()];
    const casters = [await broadcaster(red, "red"), await broadcaster(blue, "blue")];
    const viewers = [await old("viewer", red), await old("viewer", blue)];
    await Promise.all([sees(viewers[0], "red"), sees(viewers[1], "blue")]);
    // The broadcaster first: its viewer does nothing for it.
    await casters[0].reload();
    await hears(viewers[0], "webrtc-offer", 2);
    await viewers[0].evaluate(() => eye.more(6));
    await sees(viewers[0], "red");
    await viewers[1].reload();
    await Promise.all([sees(viewers[0], "red"), sees(viewers[1], "blue")]);
    assert.equal((await told(viewers[0], "error")).length + (await told(viewers[0], "stream-ended")).length, 0);
  });

  test("wait for a broadcaster that is gone, and show the next one", async () => {
    const stream = newStream();
    const caster = await broadcaster(stream, "red");
    const page = await old("viewer", stream);
    await sees(page, "red");
    await caster.close();
    await hears(page, "stream-ended");
    assert.deepEqual(await told(page, "stream-ended"), [{ type: "stream-ended", streamId: stream, reason: "broadcaster-gone" }]);
    await broadcaster(stream, "blue");
    await sees(page, "blue");
  });

  test("give way to a broadcaster that comes later, and are told so", async () => {
    const stream = newStream();
    const first = await broadcaster(stream, "red");
    const page = await old("viewer", stream);
    await sees(page, "red");
    await broadcaster(stream, "green");
    await sees(page, "green");
    assert.deepEqual((await told(first, "error")).map(({ code, streamId }) => [code, streamId]), [["superseded", stream]]);
  });
});

describe("together with the SDK", () => {
  test("an old broadcaster is seen by viewers of both kinds, also when one begins anew", async () => {
    const stream = newStream();
    const caster = await broadcaster(stream, "green");
    const seats = [await stage.viewer(stream), await stage.viewer(stream)];
    const page = await old("viewer", stream);
    await Promise.all([...seats.map((seat) => seat.seesColour("green")), sees(page, "green")]);
    assert.equal((await stage.record(stream)).viewer_count, 3);
    await seats[0].do(() => view.retry());
    await hears(caster, "viewer-joined", 4);
    await seats[0].reaches("view", "live");
    await seats[0].shows(6);
    // One that looks for another way makes an offer, which no old broadcaster knows.
    await seats[1].do(() => connections.at(-1).restartIce());
    await hears(caster, "viewer-joined", 5);
    await seats[1].shows(6);
    await Promise.all([seats[1].seesColour("green"), sees(page, "green")]);
  });

  test("an SDK broadcaster is seen by old viewers, also when it negotiates anew", async () => {
    const stream = newStream();
    const caster = await stage.broadcaster(stream, { source: "blue" });
    const viewers = [await old("viewer", stream), await old("viewer", stream)];
    await Promise.all(viewers.map((page) => sees(page, "blue")));
    await caster.do(() => connections[0].restartIce());
    await Promise.race(viewers.map((page) => hears(page, "webrtc-offer", 2)));
    await Promise.all(viewers.map((page) => sees(page, "blue")));
    await caster.do(() => cast.stop());
    await Promise.all(viewers.map((page) => hears(page, "stream-ended")));
  });

  test("an old viewer and one of the SDK see the same, side by side", async () => {
    const stream = newStream();
    await old("broadcaster", stream);
    const query = new URLSearchParams([["show", address("viewer", stream)], ["show", "/live.html"]]);
    const opened = await open(stage.browser, `${stage.server.url}/dialects/signalling-beside.html?${query}`, { viewport: { width: 1180, height: 470 } });
    pages.push(opened);
    await opened.page.waitForFunction(() => document.querySelectorAll("iframe").length === 2);
    const frame = async (selector) => (await opened.page.waitForSelector(selector)).contentFrame();
    const [before, sdk] = [await frame("iframe:first-child"), await frame("iframe:last-child")];
    await sdk.waitForFunction(() => window.ready && window.watch);
    await sdk.evaluate(
      ([token, stream]) => {
        document.head.insertAdjacentHTML("beforeend", '<link rel="stylesheet" href="/dialects/signalling.css">');
        document.body.insertAdjacentHTML("afterbegin", "<h1>Viewer with the SDK</h1>");
        window.client = newClient({ token });
        window.view = watch(stream);
      },
      [pass("viewer"), stream],
    );
    await before.waitForFunction(() => window.eye?.frames > 0);
    await Promise.all([before.evaluate(() => eye.more(6)), sdk.evaluate(() => view.eye.more(6))]);
    await picture(opened.page, "dialects-signalling");
  });
});
