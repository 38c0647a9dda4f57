// The demo's portal page: a controller and viewers in browsers of their own, cut off and brought back.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { launch } from "./support/browser.mjs";
import { forThumbs, PHONE, picture } from "./support/demo.mjs";
import { openPortal, PortalPage } from "./support/portal.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

let browser, server, proxy, controller, viewer;

before(async () => {
  server = await Server.start({ demo: true });
  proxy = await Proxy.to(server.port);
  browser = await launch();
  controller = await openPortal(browser, `${proxy.url}/portal.html`);
});

after(async () => {
  await browser?.close();
  await proxy?.close();
  await server?.remove();
});

afterEach(() => {
  for (const window of [controller, viewer]) assert.deepEqual(window?.trace.problems ?? [], []);
});

const openViewer = async (options) => openPortal(browser, proxy.url + (await controller.viewer()), options);
const names = async (window) => (await window.people()).map(([, role]) => role);

test("a viewer that comes late is right at once", async () => {
  await controller.press("next");
  await controller.shows("North ridge");
  await controller.press("next");
  await controller.shows("Eleven at night");
  await controller.writeCaption("All lights are on.");
  await controller.press("health");
  await controller.shows("Eleven at night", "All lights are on.");
  viewer = await openViewer();
  await viewer.shows("Eleven at night", "All lights are on.");
  assert.equal(await viewer.part("stage-health").innerText(), "37");
  const [one, other] = [await controller.room(), await viewer.room()];
  assert.deepEqual([one.role, other.role], ["controller", "viewer"]);
  assert.deepEqual(other.state, one.state);
  // Nobody had to be asked: the state came with the answer to the join.
  assert.deepEqual(viewer.trace.frames.filter(({ way }) => way === "up").map(({ type }) => type), ["hello", "join"]);
});

test("it follows what the controller does, and sees who is typing", async () => {
  await controller.press("previous");
  await viewer.shows("North ridge");
  await controller.pick(6);
  await viewer.shows("Winter light");
  await controller.press("health");
  await viewer.part("stage-health").waitFor({ state: "hidden" });
  await controller.press("health");
  await viewer.part("stage-health").waitFor();
  await controller.shows("Winter light");
  await controller.part("caption").pressSequentially("And then: ");
  await viewer.part("typing", "is typing").waitFor();
  await viewer.place.locator("[data-testid=person][data-typing=true]").waitFor();
  await viewer.part("typing").waitFor({ state: "hidden" });
  const caption = await controller.part("caption").inputValue();
  await viewer.shows("Winter light", caption);
  assert.match(await viewer.part("state").innerText(), /"currentItem": 6/);
});

test("both see who is there, and who comes and goes", async () => {
  for (const window of [controller, viewer]) {
    await until("two are there", async () => (await window.people()).length === 2);
    assert.deepEqual(await names(window), ["controller", "viewer"]);
  }
  const third = await openViewer();
  await until("the third one is seen", async () => (await names(controller)).length === 3);
  await third.close();
  await until("the third one is gone", async () => (await names(viewer)).length === 2, { patience: 30_000 });
});

test("a viewer that tries to change the view is told who may", async () => {
  const { offset } = await controller.room();
  await viewer.press("try");
  const told = viewer.page.getByTestId("toast").filter({ hasText: "forbidden" });
  await told.filter({ hasText: "only the role controller may" }).waitFor();
  await told.getByRole("button", { name: "Dismiss" }).click();
  assert.equal((await controller.room()).offset, offset);
});

test("cut off it goes grey and stays as it was; brought back, it has missed nothing", async () => {
  const before = await viewer.room();
  await viewer.press("cut-off");
  await viewer.status("Cut off");
  assert.equal(await viewer.part("stage").getAttribute("data-status"), "away");
  await controller.pick(1);
  await controller.shows("Harbour at dusk");
  await controller.writeCaption("Everybody is home.");
  await controller.press("health");
  await controller.shows("Harbour at dusk", "Everybody is home.");
  // It does not come back by itself.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await viewer.status("Cut off");
  await viewer.shows("Winter light");
  assert.deepEqual((await viewer.room()).state, before.state);
  await viewer.press("bring-back");
  await viewer.status("In the room");
  await viewer.shows("Harbour at dusk", "Everybody is home.");
  await viewer.part("recovery", "nothing lost").waitFor();
  const [one, other] = [await controller.room(), await viewer.room()];
  assert.deepEqual(other.state, one.state);
  assert.deepEqual([other.offset, other.lost, other.recovered], [one.offset, 0, true]);
  const offsets = await viewer.offsets();
  assert.deepEqual(offsets, Array.from(offsets, (_, at) => offsets[0] + at), "no gap, no duplicate");
  assert.equal(offsets.at(-1), one.offset);
});

test("a network that breaks costs neither of them anything", async () => {
  for (let cut = 0; cut < 3; cut += 1) {
    proxy.cut();
    await controller.press("next");
    for (const window of [controller, viewer]) await window.status("In the room");
  }
  await until("both show the same", async () => (await viewer.room()).offset === (await controller.room()).offset);
  const [one, other] = [await controller.room(), await viewer.room()];
  assert.deepEqual(other.state, one.state);
  assert.deepEqual([one.lost, other.lost], [0, 0]);
});

test("a change over HTTP is shown by both", async () => {
  const { state } = await controller.room();
  const status = await controller.page.evaluate(async (id) => {
    const token = await (await fetch("/dev/token", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name: samewire.identity }) })).json();
    const headers = { "content-type": "application/json", authorization: `Bearer ${token.token}` };
    return (await fetch(`/api/portal-views/${id}`, { method: "PATCH", headers, body: JSON.stringify({ currentItem: 5 }) })).status;
  }, state.id);
  assert.equal(status, 200);
  for (const window of [controller, viewer]) await window.shows("Fir wood");
});

test("a server that was killed has the view when it is back, and so have they", async () => {
  const before = await viewer.room();
  await server.kill();
  await viewer.status("Cut off");
  await server.run();
  for (const window of [controller, viewer]) {
    await window.page.evaluate(() => samewire.connect());
    await window.status("In the room");
  }
  const room = await viewer.room();
  assert.notEqual(room.epoch, before.epoch);
  assert.deepEqual([room.state, room.recovered], [before.state, false]);
  await viewer.part("recovery", "not recovered").waitFor();
  await controller.pick(2);
  await viewer.shows("North ridge");
});

describe("side by side", () => {
  test("a controller and two viewers live in one page, and one of them is cut", async () => {
    const { page } = controller;
    await controller.press("split");
    await page.getByTestId("pane").nth(2).waitFor();
    await until("three windows are there", () => page.frames().length === 4);
    const panes = page.frames().slice(1).map((frame) => new PortalPage(frame, controller));
    for (const pane of panes) await pane.status("In the room");
    const [main, cut, whole] = panes;
    await main.pick(1);
    await main.shows("Harbour at dusk");
    await main.writeCaption("The last boats come home before the wind turns.");
    if ((await main.part("health").getAttribute("aria-checked")) === "false") await main.press("health");
    for (const pane of panes) await pane.shows("Harbour at dusk", "before the wind turns.");
    await cut.press("cut-off");
    await cut.status("Cut off");
    await main.pick(6);
    await main.shows("Winter light");
    await main.writeCaption("Seen from the hut, for an hour.");
    await whole.shows("Winter light", "for an hour.");
    await picture(page, "portal");
    await cut.shows("Harbour at dusk");
    await cut.press("bring-back");
    await cut.shows("Winter light", "for an hour.");
    await cut.part("recovery", "nothing lost").waitFor();
    await controller.press("one-window");
    await controller.status("In the room");
  });
});

describe("on a phone", () => {
  test("a viewer sees all there is, and can be cut off with a thumb", async () => {
    const phone = await openViewer(PHONE);
    await controller.pick(4);
    for (const window of [controller, phone]) await window.shows("Caravan");
    await controller.writeCaption("Five of them, and a day ahead of plan.");
    await phone.shows("Caravan", "a day ahead of plan.");
    await phone.part("typing", "is typing").waitFor();
    await picture(phone.page, "portal-phone");
    await phone.part("cut-off").tap();
    await phone.status("Cut off");
    await controller.pick(3);
    await phone.part("bring-back").tap();
    await phone.shows("Eleven at night");
    const { width, small } = await forThumbs(phone.page);
    assert.equal(width, 390, "nothing sticks out");
    assert.deepEqual(small, [], "buttons big enough to hit");
    assert.deepEqual(phone.trace.problems, []);
    await phone.close();
  });

  test("a controller works there too", async () => {
    const { state } = await controller.room();
    const phone = await openPortal(browser, `${proxy.url}/portal.html`, PHONE);
    await phone.press("next");
    await phone.shows("North ridge");
    const { width, small } = await forThumbs(phone.page);
    assert.deepEqual([width, small], [390, []]);
    assert.notEqual((await phone.room()).state.id, state.id, "somebody else has a view of their own");
    await phone.close();
  });
});
