// The demo's page with Uppy, as npm has it: what comes by tus is in the same store, and is processed and named like everything else.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, open } from "./support/browser.mjs";
import { forThumbs, PHONE } from "./support/demo.mjs";
import { DEMO } from "./support/environment.mjs";
import { folder } from "./support/files.mjs";
import { film, photo } from "./support/films.mjs";
import { openMedia } from "./support/media.mjs";
import { Server } from "./support/server.mjs";

/** How long a film may take to be processed, on a slow machine. */
const PATIENCE = 120_000;

let browser, place, server, uppy, clip, still;

before(async () => {
  place = await folder();
  [clip, still] = [await film(place, "ferry.mp4", { seconds: 8 }), await photo(place, "gull.jpg")];
  server = await Server.start({ demo: true });
  browser = await launch();
  uppy = await open(browser, `${server.url}/uppy.html`);
  await uppy.page.waitForFunction(() => window.uppy);
});

after(async () => {
  await browser?.close();
  await server?.remove();
  await place?.remove();
});

const row = (name, state) =>
  uppy.page.locator(`[data-testid=media-file][data-name=${JSON.stringify(name)}]${state ? `[data-stands=${state}]` : ""}`);

test("it is the very file that npm installed, and the page's policy is as strict as everywhere", async () => {
  const address = "/node_modules/uppy/dist/uppy.min.mjs";
  const [got, policies] = await uppy.page.evaluate(async (address) => {
    const [script, page] = [await fetch(address), await fetch("/upload.html")];
    const digest = await crypto.subtle.digest("SHA-256", await script.arrayBuffer());
    const policy = (answer) => answer.headers.get("content-security-policy");
    return [[...new Uint8Array(digest)], [policy(await fetch(location.href)), policy(page)]];
  }, address);
  const installed = createHash("sha256").update(await readFile(join(DEMO, address))).digest();
  assert.deepEqual(Buffer.from(got), installed);
  assert.equal(policies[0], policies[1]);
  assert.doesNotMatch(policies[0], /unsafe-inline|'unsafe-eval'/);
});

test("what it sends appears among the files, and is processed", async () => {
  const requests = [];
  uppy.page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith("/tus/")) requests.push(`${request.method()} ${pathname.replace(/st_[0-9a-f]{32}/, "ID")}`);
  });
  await uppy.page.locator(".uppy-Dashboard-input").first().setInputFiles([clip.path, still.path]);
  await uppy.page.locator(".uppy-StatusBar-actionBtn--upload").click();
  await uppy.page.locator(".uppy-StatusBar-content[title=Complete]").waitFor({ timeout: PATIENCE });
  await row(clip.name, "processing").waitFor();
  for (const { name } of [clip, still]) await row(name, "ready").waitFor({ timeout: PATIENCE });
  assert.deepEqual(requests.filter((request) => request.startsWith("POST")), ["POST /tus/", "POST /tus/"]);
  assert.ok(requests.includes("PATCH /tus/ID"), requests.join(", "));
  const { files } = await uppy.page.evaluate(() => window.samewire.api.files.list({}));
  const sizes = Object.fromEntries(files.map(({ name, size }) => [name, size]));
  assert.deepEqual(sizes, { [clip.name]: clip.size, [still.name]: still.size });
});

test("the session named the streams that tus had brought", async () => {
  const named = uppy.page.locator('[data-testid=panel-row][data-name="files/upload"]');
  assert.equal(await named.count(), 2, "one file each, and none twice");
  for (const one of await named.all()) {
    assert.deepEqual(await one.evaluate(({ dataset: { wire, state } }) => [wire, state]), ["session", "ok"]);
    assert.match(await one.innerText(), /names st_/);
  }
  assert.ok(uppy.trace.session.includes("files/upload"));
});

test("it plays on the media page", async () => {
  await row(clip.name).getByRole("link").click();
  await uppy.page.waitForURL(/media\.html#fi_/);
  const id = new URL(uppy.page.url()).hash.slice(1);
  const media = await openMedia(browser, server.url, { file: id, storageState: await uppy.context.storageState() });
  await media.word("Ready");
  const { times, sound } = await media.play();
  assert.ok(times.length >= 15 && sound > 0);
  assert.deepEqual(media.trace.problems, []);
  await media.close();
});

test("on a phone nothing sticks out", async () => {
  const phone = await open(browser, `${server.url}/uppy.html`, { ...PHONE, storageState: await uppy.context.storageState() });
  await phone.page.getByTestId("media-file").nth(1).waitFor();
  const { width } = await forThumbs(phone.page);
  assert.equal(width, 390);
  assert.deepEqual(phone.trace.problems, []);
  await phone.context.close();
});

test("the page had no error of its own", () => {
  assert.deepEqual(uppy.trace.problems, []);
});
