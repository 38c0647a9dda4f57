// Portal views in the old format: a page with the lines of the old system's manual, beside the demo's portal page.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { io } from "socket.io-client";

import { launch, open } from "./support/browser.mjs";
import { picture } from "./support/demo.mjs";
import { DEMO, HERE, PAGES } from "./support/environment.mjs";
import { openPortal, PortalPage } from "./support/portal.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server, token } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

/** What a Socket.IO client is told that came here. */
const TOLD = /^no Socket\.IO here: open new WebSocket\("wss:\/\/HOST\/ws\/portal-view\/ID\?token=JWT"\)/;

let pages, server, proxy, browser, controller, view;

before(async () => {
  pages = await folder();
  server = await Server.start({ demo: pages });
  proxy = await Proxy.to(server.port, { counts: /^GET \/(session|ws\/portal-view)/ });
  browser = await launch();
  controller = await openPortal(browser, `${proxy.url}/portal.html`);
  ({ id: view } = (await controller.room()).state);
});

after(async () => {
  await browser?.close();
  await proxy?.close();
  await server?.remove();
  if (pages) await rm(pages, { recursive: true });
});

/** The demo with the old pages beside it, and the stock client of Socket.IO. */
async function folder() {
  const folder = await mkdtemp(join(tmpdir(), "samewire-pages-"));
  await cp(DEMO, folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
  await cp(join(PAGES, "dialects"), join(folder, "dialects"), { recursive: true });
  await cp(join(HERE, "node_modules/socket.io-client/dist/socket.io.js"), join(folder, "dialects/socket.io.js"));
  return folder;
}

/** Makes a user a member of the view's library. */
async function admit(user, role) {
  const { library } = (await controller.room()).state;
  const owner = await controller.page.evaluate(() => samewire.identity);
  const headers = { "content-type": "application/json", authorization: `Bearer ${token(owner)}` };
  const answer = await fetch(`${server.url}/api/libraries/${library}/members/${user}`, { method: "PUT", headers, body: JSON.stringify({ role }) });
  assert.equal(answer.status, 201);
}

const addressOf = (user, id = view) => `/dialects/portal-view.html?id=${id}&token=${token(user)}`;

async function openOld(user, id) {
  const opened = await open(browser, proxy.url + addressOf(user, id));
  return { ...opened, old: new OldPage(opened.page) };
}

/** A window of the old page. */
class OldPage {
  constructor(place) {
    this.place = place;
  }

  async status(word) {
    await this.place.getByTestId("status").filter({ hasText: word }).waitFor();
  }

  async shows(title, caption) {
    await this.place.getByTestId("title").filter({ hasText: title }).waitFor();
    if (caption !== undefined) await this.place.getByTestId("caption").filter({ hasText: caption }).waitFor();
  }

  say(type, payload) {
    return this.place.evaluate((message) => portal.ws.send(JSON.stringify(message)), { type, payload });
  }

  seen() {
    return this.place.evaluate(() => ({ ...portal, ws: undefined }));
  }

  async heard(type) {
    const ofType = async () => (await this.seen()).messages.filter((message) => message.type === type);
    await until(`it hears ${type}`, async () => (await ofType()).length > 0);
    return (await ofType()).at(-1);
  }
}

/** Waits until an old page has what a page of the SDK has. */
async function same(old, page) {
  // When it was changed last is not told with each change.
  const timeless = ({ updated, ...view } = {}) => JSON.stringify(view, Object.keys(view).sort());
  const both = async () => [(await old.seen()).view, (await page.room()).state];
  await until("both have the same view", async () => {
    const [one, other] = await both();
    return timeless(one) === timeless(other) && JSON.stringify(sorted(one?.items)) === JSON.stringify(sorted(other?.items));
  });
}

const sorted = (value) =>
  typeof value !== "object" || value === null
    ? value
    : Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => [name, sorted(value)]));

describe("an old page beside one of the SDK", () => {
  let old, editor, windows;

  before(async () => {
    await admit("old-viewer", "VIEWER");
    await admit("old-editor", "EDITOR");
    windows = [await openOld("old-viewer"), await openOld("old-editor")];
    [old, editor] = windows.map(({ old }) => old);
  });

  after(async () => {
    for (const { trace, context } of windows) {
      assert.deepEqual(trace.problems, []);
      await context.close();
    }
  });

  test("is connected, has the view, and a pong with a time", async () => {
    await old.status("connected as viewer");
    await editor.status("connected as controller");
    await same(old, controller);
    const { timestamp } = await old.heard("pong");
    assert.ok(Math.abs(timestamp - Date.now()) < 60_000, `${timestamp}`);
    const { messages } = await old.seen();
    assert.deepEqual(messages.slice(0, 2).map(({ type }) => type), ["connected", "portal-view-update"]);
    assert.equal(messages[0].portalViewId, String(view));
  });

  test("sees what the page of the SDK changes", async () => {
    await controller.press("next");
    await controller.shows("North ridge");
    await controller.writeCaption("Seen by old eyes.");
    await controller.press("health");
    await old.shows("North ridge", "Seen by old eyes.");
    await same(old, controller);
    await old.heard("typing");
    const { payload, user } = await old.heard("item-update");
    assert.deepEqual([payload.id, payload.data.caption], [2, "Seen by old eyes."]);
    assert.equal(user, await controller.page.evaluate(() => samewire.identity));
  });

  test("changes what the page of the SDK shows", async () => {
    await editor.say("portal-view-update", { currentItem: 3 });
    await controller.shows("Eleven at night");
    await editor.say("item-update", { id: 3, health: 12, data: { caption: "Written by old hands." } });
    await controller.shows("Eleven at night", "Written by old hands.");
    assert.equal(await controller.part("stage-health").innerText(), "12");
    await old.shows("Eleven at night", "Written by old hands.");
    await same(old, controller);
  });

  test("asks for a sync, and has it although no page of the SDK answers", async () => {
    await old.say("request-sync");
    const { payload } = await old.heard("sync-response");
    assert.equal(payload.currentItem, 3);
    await editor.heard("request-sync");
  });

  test("may do what its role may", async () => {
    await old.say("portal-view-update", { currentItem: 1 });
    const { code, message } = await old.heard("error");
    assert.equal(code, "forbidden");
    assert.match(message, /only the role controller may/);
    await controller.shows("Eleven at night");
  });

  test("comes back by its own logic, and has the view again", async () => {
    proxy.cut();
    await controller.status("In the room");
    await controller.pick(6);
    await controller.shows("Winter light");
    for (const page of [old, editor]) {
      await page.shows("Winter light");
      await same(page, controller);
    }
    await editor.say("portal-view-update", { currentItem: 1 });
    await controller.shows("Harbour at dusk");
    assert.deepEqual((await old.seen()).closed.map(({ code }) => code), [1006]);
  });

  test("hears that the server stops, and has the view when it is back", async () => {
    await server.stop();
    await until("it heard so", async () => (await old.seen()).closed.some(({ code }) => code === 1012));
    await server.run();
    await old.status("connected as viewer");
    await controller.page.evaluate(() => void samewire.connect());
    await controller.status("In the room");
    await controller.pick(4);
    await controller.shows("Caravan");
    await old.shows("Caravan");
    await same(old, controller);
  });

  test("looks like this", async () => {
    const owner = await controller.page.evaluate(() => samewire.identity);
    const pages = new URLSearchParams({ old: addressOf("old-viewer"), new: `/portal.html?view=${view}&name=${owner}&embedded` });
    const { page, context } = await open(browser, `${proxy.url}/dialects/portal-beside.html?${pages}`);
    await until("both are there", () => page.frames().length === 3);
    const [, before, now] = page.frames();
    const [one, other] = [new OldPage(before), new PortalPage(now, { page })];
    await other.status("In the room");
    await other.pick(1);
    await other.shows("Harbour at dusk");
    await other.writeCaption("The last boats come home.");
    await one.shows("Harbour at dusk", "The last boats come home.");
    await same(one, other);
    await picture(page, "dialects-portal");
    await context.close();
  });
});

describe("who may not come in", () => {
  for (const [what, user, id] of [
    ["a view that is not there", "old-viewer", 4_000],
    ["a view of others", "somebody", undefined],
    ["something that is no view", "old-viewer", "YOUR_ID"],
  ]) {
    test(`of ${what} it is told by 1008`, async () => {
      const { old, context } = await openOld(user, id);
      await old.status("closed with 1008");
      const { closed, messages } = await old.seen();
      assert.deepEqual(closed, [{ code: 1008, reason: "there is no such portal view, or you are not a member of its library" }]);
      assert.deepEqual(messages.map(({ type, code }) => [type, code]), [["error", "room-not-found"]]);
      await context.close();
    });
  }

  test("without a good token it is told by 1008", async () => {
    const address = `${proxy.url}/dialects/portal-view.html?id=${view}&token=YOUR_TOKEN`;
    const { page, context } = await open(browser, address);
    const old = new OldPage(page);
    await old.status("closed with 1008");
    assert.equal((await old.heard("error")).code, "token-invalid");
    await context.close();
  });
});

describe("socket.io-client at the wrong address", () => {
  const attempts = [
    ["by WebSocket", { transports: ["websocket"] }, "message", TOLD],
    ["by long polling", { transports: ["polling"] }, "text", /no Socket\.IO here/],
    ["as it is", {}, "text", /no Socket\.IO here/],
  ];

  for (const [how, options, field, told] of attempts) {
    test(`${how}, in Node`, async () => {
      const socket = io(server.url, { ...options, path: `/ws/portal-view/${view}`, forceNew: true, reconnection: false });
      const error = await new Promise((resolve) => socket.on("connect_error", ({ message, context }) => resolve({ message, text: context?.responseText })));
      socket.disconnect();
      assert.match(error[field], told);
    });

    test(`${how}, in Chromium`, async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`${server.url}/dialects/portal-stray.html`);
      const error = await page.evaluate(async ([path, options]) => {
        const socket = io({ ...options, path, reconnection: false });
        return new Promise((resolve) => socket.on("connect_error", ({ message, context }) => resolve({ message, text: context?.responseText })));
      }, [`/ws/portal-view/${view}`, options]);
      assert.match(error[field], told);
      await context.close();
    });
  }

  test("with the address as a namespace", async () => {
    const socket = io(`${server.url}/ws/portal-view/${view}`, { forceNew: true, reconnection: false });
    const error = await new Promise((resolve) => socket.on("connect_error", resolve));
    socket.disconnect();
    assert.match(error.message, TOLD);
  });
});
