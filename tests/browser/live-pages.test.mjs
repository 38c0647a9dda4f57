// The demo's broadcast and watch pages: somebody broadcasts a test picture and a camera, others watch in browsers of their own.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { launch } from "./support/browser.mjs";
import { forThumbs, PHONE, picture, RENEWING } from "./support/demo.mjs";
import { BroadcastPage, CAMERA, WatchPage } from "./support/live-pages.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

const TITLE = "Low tide at the north pier";

let browser, server, proxy, caster, one, other;

before(async () => {
  server = await Server.start({ demo: true });
  proxy = await Proxy.to(server.port);
  browser = await launch({ flags: CAMERA });
  caster = await BroadcastPage.open(browser, proxy.url);
});

after(async () => {
  await browser?.close();
  await proxy?.close();
  await server?.remove();
});

afterEach(() => {
  for (const window of [caster, one, other]) assert.deepEqual(window?.trace.problems ?? [], []);
});

const openViewer = async (options) => WatchPage.open(browser, proxy.url, await caster.viewerAddress(), options);

test("before it is on air there is a preview that moves, and whoever comes waits", async () => {
  await caster.stands("Preview");
  await caster.moves();
  one = await openViewer();
  await one.stands("Waiting");
  await one.tells("curtain", "Waiting for the broadcast");
  // Who waits is not counted.
  await one.counts("count", "0");
});

test("on air, who waited sees it move, and a second one does", async () => {
  await caster.goOnAir(TITLE);
  other = await openViewer();
  for (const viewer of [one, other]) {
    await viewer.stands("Live");
    await viewer.tells("stage-title", TITLE);
    await viewer.moves();
  }
  await caster.serves(2);
  for (const window of [caster, one, other]) {
    await window.counts("count", 2);
    await window.counts("peak", 2);
    await window.counts("stage-count", 2);
  }
  assert.ok((await one.events()).includes("stream_started"));
});

test("bitrate, frames and the way are measured, and drawn as they change", async () => {
  for (const window of [caster, one]) {
    await window.tells("bitrate", /bit\/s/);
    await window.tells("fps", /[1-9]\d* fps/);
    const lines = () => window.place.locator(".plot-line").evaluateAll((paths) => paths.map((path) => path.getAttribute("d")));
    const before = await lines();
    assert.equal(before.length, 2);
    await until("the lines move on", async () => (await lines()).every((d, at) => d !== before[at] && d.includes("L")));
  }
  await one.tells("way", "direct");
  await one.tells("size", /\d+ × \d+/);
  await caster.tells("viewer", /bit\/s/);
});

test("a viewer's session is cut: the picture goes on, and what was missed is there when it is back", async () => {
  await one.press("cut-off");
  await one.tells("session-way", "Cut off");
  const before = await one.decoded();
  await one.moves();
  assert.ok((await one.decoded()) >= before + 10);
  await one.tells("way-told", "The picture needs no session");
  await one.tells("plots-legend", "The session was cut here");
  await one.stands("Live");
  await one.press("bring-back");
  await one.tells("session-way", "Live");
  await one.moves();
  await caster.serves(2);
  await one.counts("count", 2);
});

test("the broadcaster's session is cut: both see on, and are told", async () => {
  await caster.press("cut-off");
  await caster.stands("Reconnecting");
  await until("the viewers are told", async () => (await one.events()).includes("stream_paused"), { patience: 90_000 });
  await Promise.all([one, other].map((viewer) => viewer.moves()));
  await caster.press("bring-back");
  await caster.stands("On air");
  await until("the viewers are told again", async () => (await one.events()).includes("stream_resumed"), { patience: 90_000 });
  await caster.serves(2);
  for (const viewer of [one, other]) await viewer.moves();
});

test("the camera takes the test picture's place without a new connection, and gives it back", async () => {
  const id = () => one.place.evaluate(() => live.watch.viewerId);
  const before = await id();
  await caster.press("source-camera");
  await until("the camera is shown", () => caster.place.evaluate(() => live.source.kind === "camera"));
  await caster.moves();
  // Chromium's made-up camera is green all over.
  await until("the viewer sees the camera", () => one.part("video").evaluate(green), { patience: 90_000 });
  await one.moves();
  // The camera goes on until something else is sent to everybody, however long that takes.
  await caster.place.evaluate(() => {
    const { replaceTrack } = RTCRtpSender.prototype;
    const gate = Promise.withResolvers();
    RTCRtpSender.prototype.replaceTrack = async function (...given) {
      await gate.promise;
      return replaceTrack.apply(this, given);
    };
    window.slow = { camera: live.source.stream.getVideoTracks()[0], open: () => (gate.resolve(), (RTCRtpSender.prototype.replaceTrack = replaceTrack)) };
  });
  await caster.press("source-test");
  await until("the test picture is shown", () => caster.place.evaluate(() => live.source.kind === "test"));
  await caster.moves();
  assert.equal(await caster.place.evaluate(() => slow.camera.readyState), "live");
  await caster.place.evaluate(() => void slow.open());
  await until("the camera is let go", () => caster.place.evaluate(() => slow.camera.readyState === "ended"));
  await until("the viewer sees the test picture", async () => !(await one.part("video").evaluate(green)), { patience: 90_000 });
  assert.equal(await id(), before);
  assert.equal(await one.place.evaluate(() => live.watch.state), "live");
});

function green(video) {
  const brush = new OffscreenCanvas(1, 1).getContext("2d");
  brush.drawImage(video, 0, 0, 1, 1);
  const [red, green, blue] = brush.getImageData(0, 0, 1, 1).data;
  return green > 80 && red < 60 && blue < 60;
}

test("a camera that goes away makes room for the test picture", async () => {
  await caster.press("source-camera");
  await until("the camera is shown", () => caster.place.evaluate(() => live.source.kind === "camera"));
  // No test can pull a plug: the event that tells of it is what the page gets.
  await caster.place.evaluate(() => live.source.stream.getVideoTracks()[0].dispatchEvent(new Event("ended")));
  await caster.tells("toast", "The camera went away");
  assert.equal(await caster.part("source-test").getAttribute("aria-checked"), "true");
  for (const window of [caster, one]) await window.moves();
});

test("a picture that is switched off is black for whoever watches, and comes back", async () => {
  await caster.press("mute-video");
  await caster.tells("mute-video", "Picture off");
  const dark = () => one.part("video").evaluate((video) => {
    const brush = new OffscreenCanvas(8, 8).getContext("2d");
    brush.drawImage(video, 0, 0, 8, 8);
    return brush.getImageData(0, 0, 8, 8).data.every((value, at) => at % 4 === 3 || value < 24);
  });
  await until("the viewer sees nothing", dark, { patience: 90_000 });
  await caster.press("mute-video");
  await until("the viewer sees something", async () => !(await dark()), { patience: 90_000 });
  await one.moves();
});

test("who stops watching is not counted, and may come again", async () => {
  await other.press("leave");
  await other.stands("Stopped");
  for (const window of [caster, one, other]) await window.counts("count", 1);
  assert.equal(await other.figure("peak"), "2");
  await caster.serves(1);
  await other.press("watch");
  await other.stands("Live");
  await other.moves();
  for (const window of [caster, one, other]) await window.counts("count", 2);
});

test("sound is on when somebody asks for it", async () => {
  // Whether a browser lets a page be heard unasked is for the browser to say.
  if (await one.part("hush").isVisible()) await one.press("hush");
  await one.press("sound");
  await until("it is heard", () => one.part("video").evaluate((video) => !video.muted && !video.paused));
  await one.press("hush");
  assert.equal(await one.part("video").evaluate((video) => video.muted), true);
});

test("what is on is listed for whoever has no address, and a second broadcaster is asked to take it over", async () => {
  const lost = await WatchPage.open(browser, proxy.url, "/watch.html");
  const card = lost.place.locator(`[data-testid=stream][data-stream="${caster.stream}"]`);
  await card.filter({ hasText: TITLE }).filter({ hasText: "2 viewers" }).click();
  await lost.stands("Live");
  await lost.moves();
  assert.deepEqual(lost.trace.problems, []);
  await lost.close();
  const rival = await BroadcastPage.open(browser, proxy.url, { query: `?stream=${caster.stream}&name=rival` });
  await rival.press("start");
  await rival.tells("toast", "Somebody else broadcasts this stream");
  await rival.place.getByRole("button", { name: "Take it over" }).waitFor();
  await rival.stands("Preview");
  assert.deepEqual(rival.trace.problems, []);
  await rival.close();
  await caster.stands("On air");
});

test("the legs of the way are told one by one", async () => {
  await one.press("diagnose");
  await one.place.locator("[data-testid=leg][data-leg=page][data-ok=true]").waitFor({ timeout: 30_000 });
  await one.place.locator("[data-testid=leg][data-leg=session][data-ok=true]").waitFor();
  assert.equal(await one.place.locator("[data-testid=leg][data-ok=false]").count(), 0);
});

test("a broadcaster who loads the page anew goes on, and so do the viewers", async () => {
  await caster.page.reload();
  await caster.stands("On air");
  await caster.serves(2);
  for (const viewer of [one, other]) {
    await viewer.stands("Live");
    await viewer.moves();
  }
});

describe("side by side", () => {
  test("two viewers live in one page; one of them is cut off, and neither picture stops", async () => {
    await other.close();
    other = undefined;
    await caster.page.setViewportSize({ width: 1280, height: 1130 });
    const page = await one.context.newPage();
    await page.goto(await one.part("split").evaluate(({ href }) => href));
    await page.getByTestId("pane").nth(1).waitFor();
    await until("two windows are there", () => page.frames().length === 3);
    const panes = page.frames().slice(1).map((frame) => new WatchPage(frame, one));
    for (const pane of panes) {
      await pane.stands("Live");
      await pane.moves();
    }
    await caster.serves(3);
    // Long enough that there is something to see in the plots.
    await until("there are plots", () => plotted(panes[0], RENEWING ? 40 : 5), { patience: 120_000 });
    await panes[0].press("cut-off");
    await panes[0].tells("session-way", "Cut off");
    await until("there are plots of the cut", () => plotted(panes[0], RENEWING ? 50 : 8), { patience: 120_000 });
    await page.setViewportSize({ width: 1280, height: 800 });
    await picture(page, "watch");
    for (const pane of panes) await pane.moves();
    await panes[0].press("bring-back");
    await panes[0].tells("session-way", "Live");
    await caster.serves(3);
    await picture(caster.page, "broadcast");
    await page.close();
    await caster.counts("count", 1);
  });

  const plotted = async (window, seconds) => {
    const d = await window.place.locator("[data-plot=bitrate] .plot-line").getAttribute("d");
    return d.split(/[ML]/).length > seconds;
  };
});

describe("on a phone", () => {
  test("a viewer sees all there is, and its session is cut with a thumb", async () => {
    const phone = await openViewer(PHONE);
    await phone.stands("Live");
    await phone.moves();
    await phone.tells("bitrate", /bit\/s/);
    await picture(phone.page, "watch-phone");
    await phone.part("cut-off").tap();
    await phone.tells("session-way", "Cut off");
    await phone.moves();
    await phone.part("bring-back").tap();
    await phone.tells("session-way", "Live");
    const { width, small } = await forThumbs(phone.page);
    assert.equal(width, 390, "nothing sticks out");
    assert.deepEqual(small, [], "buttons big enough to hit");
    assert.deepEqual(phone.trace.problems, []);
    await phone.close();
  });

  test("somebody broadcasts from there", async () => {
    const phone = await BroadcastPage.open(browser, proxy.url, PHONE);
    assert.notEqual(phone.stream, caster.stream, "somebody else has a stream of their own");
    await phone.goOnAir();
    const viewer = await WatchPage.open(browser, proxy.url, await phone.viewerAddress());
    await viewer.stands("Live");
    await viewer.moves();
    const { width, small } = await forThumbs(phone.page);
    assert.deepEqual([width, small], [390, []]);
    for (const window of [phone, viewer]) {
      assert.deepEqual(window.trace.problems, []);
      await window.close();
    }
  });
});

test("at the end everybody is told that it is over", async () => {
  await caster.press("stop");
  await caster.stands("Preview");
  await one.stands("Ended");
  await one.tells("curtain", "The broadcaster ended it");
  await until("the log has it", async () => (await one.events()).includes("stream_ended"));
  await caster.moves();
});
