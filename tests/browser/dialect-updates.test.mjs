// A page that was written for the updates of a stream, in a real browser: it sees what a page of the SDK sees.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { open } from "./support/browser.mjs";
import { LiveStage } from "./support/live.mjs";
import { token } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

const STREAM = "stream-123";

let stage;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(() => stage.clear());

/** A page as it was written; only the address is this server's. */
async function watcher({ stream = STREAM, pass = token("eve", { live: [{ name: "*", role: "viewer" }] }) } = {}) {
  const opened = await open(stage.browser, `${stage.server.url}/dialects/updates.html?${new URLSearchParams({ stream, token: pass })}`);
  return { ...opened, heard: () => opened.page.evaluate(() => heard), lines: () => opened.page.locator("li").allInnerTexts() };
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("the updates of a stream", () => {
  test("are what was written down, and what the SDK sees", async () => {
    const old = await watcher();
    await old.page.waitForFunction(() => heard.length === 1);
    const [{ event, data }] = await old.heard();
    assert.deepEqual([event, Object.keys(data)], ["viewer_count_changed", ["stream_id", "viewer_count", "peak_viewers", "timestamp"]]);
    assert.match(data.timestamp, ISO);
    assert.deepEqual({ ...data, timestamp: "" }, { stream_id: STREAM, viewer_count: 0, peak_viewers: 0, timestamp: "" });

    const observer = await stage.seat("audience");
    await observer.do((stream) => void (window.seen = observe(stream)), STREAM);
    const caster = await stage.broadcaster(STREAM, { source: "green" });
    const viewers = [await stage.viewer(STREAM, { frames: 1 }), await stage.viewer(STREAM, { frames: 1 })];
    const late = await watcher();
    await late.page.waitForFunction(() => heard.some(({ data }) => data.viewer_count === 2));
    assert.deepEqual((await late.heard()).slice(0, 2).map(({ event }) => event), ["stream_started", "viewer_count_changed"]);
    await viewers[1].do(() => view.stop());
    for (const { page } of [old, late]) await page.waitForFunction(() => heard.at(-1).data.viewer_count === 1);
    // Once the broadcaster has measured its picture.
    for (const { page } of [old, late]) await page.waitForFunction(() => heard.some(({ event }) => event === "quality_changed"));
    await caster.do(() => cast.stop());
    for (const { page } of [old, late]) await page.waitForFunction(() => ending);

    const told = await old.heard();
    assert.deepEqual([told[1].event, told.at(-1).event, told.at(-1).data.reason], ["stream_started", "stream_ended", "stopped"]);
    const counts = told.filter(({ event }) => event === "viewer_count_changed").map(({ data }) => data);
    assert.deepEqual((await old.lines()).slice(0, -1), counts.map(({ viewer_count }) => `Viewers: ${viewer_count}`));
    assert.equal((await old.lines()).at(-1), "Stream ended");
    const record = await stage.record(STREAM);
    assert.deepEqual([counts.at(-1).peak_viewers, Math.max(...counts.map(({ viewer_count }) => viewer_count))], [record.peak_viewers, 2]);
    await until("the SDK has heard the end", () => observer.do(() => seen.told.event.some((event) => event.name === "stream_ended")));
    const seen = await observer.do(() => seen.told.event.map((event) => ({ ...event })));
    const theirs = seen.filter((event) => event.name === "viewer_count_changed").map(({ data }) => data.viewer_count);
    assert.deepEqual([theirs.at(-1), Math.max(...theirs)], [counts.at(-1).viewer_count, 2]);
    // The page closes when it has heard the end, and is answered.
    assert.deepEqual(await old.page.evaluate(() => [ending.code, ending.wasClean]), [1005, true]);
    for (const { context, trace } of [old, late]) {
      assert.deepEqual(trace.problems, []);
      await context.close();
    }
  });

  test("are refused with a code that a browser shows", async () => {
    for (const pass of [token("eve", { secret: "another one" }), token("eve", { expires: -3600 })]) {
      const { page, context } = await watcher({ pass });
      await page.waitForFunction(() => ending);
      const { code, reason, wasClean } = await page.evaluate(() => ending);
      assert.deepEqual([code, wasClean, reason.length > 10], [1008, true, true], reason);
      await context.close();
    }
  });

  test("end with the server, which says that it comes back", async () => {
    const { page, context } = await watcher({ stream: "quiet" });
    await page.waitForFunction(() => heard.length > 0);
    await stage.server.stop();
    await page.waitForFunction(() => ending);
    assert.equal(await page.evaluate(() => ending.code), 1012);
    await context.close();
    await stage.server.run();
  });
});
