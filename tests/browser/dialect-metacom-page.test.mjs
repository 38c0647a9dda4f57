// npm metacom, unmodified, in a real browser, and beside it the SDK: they see the same.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open } from "./support/browser.mjs";
import { picture } from "./support/demo.mjs";
import { folder, MiB, sha256, write } from "./support/files.mjs";
import { film } from "./support/films.mjs";
import { route } from "./support/metacom.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server, token } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

/** How long a film may take to be processed, on a slow machine. */
const PATIENCE = 120_000;

let server, browser, place, source, clip;

before(async () => {
  place = await folder();
  [source, clip] = [await write(place, "large.bin", 16 * MiB, 9), await film(place, "ferry.mp4", { seconds: 3 })];
  server = await Server.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.remove();
  await place?.remove();
});

/** The page, of a user of its own. */
async function page(t, user) {
  const opened = await open(browser, `${server.url}/dialects/metacom.html?token=${token(user)}`, { prepare: route });
  t.after(() => opened.context.close());
  await opened.page.waitForFunction(() => window.ready);
  return opened;
}

const part = (page, name) => page.getByTestId(name);

/** Uploads a file in one of the ways, and returns how that ended. */
async function upload(page, way, path) {
  await part(page, "file").setInputFiles(path);
  await part(page, way).click();
  await page.waitForFunction(() => ["done", "error"].includes(document.querySelector(".result").dataset.kind));
  return page.evaluate(() => window.seen.results.at(-1));
}

async function stored() {
  return Promise.all((await server.blobs()).map(sha256));
}

test("the wrong way is refused with the address of the right one", async (t) => {
  const { page: shown } = await page(t, "ada-wrong");
  const { error } = await upload(shown, "wrong", source.path);
  assert.equal(error.code, 421);
  assert.ok(error.message.includes(`ws://127.0.0.1:${server.port}/api`), error.message);
  assert.match(error.message, /nothing ran/);
  await picture(shown, "dialect-metacom-wrong");
});

test("the right way stores 16 MiB of a file, and reads them back", async (t) => {
  const { page: shown } = await page(t, "ada-right");
  const { result } = await upload(shown, "correct", source.path);
  assert.deepEqual([result.name, result.size], ["large.bin", 16 * MiB]);
  assert.ok((await stored()).includes(source.sha256));
  const digest = await shown.evaluate(async ({ id }) => {
    const { streamId } = await client.wsTransport.call("files/download", { id });
    const blob = await client.ws.getStream(streamId).toBlob();
    const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }, result);
  assert.equal(digest, source.sha256);
});

test("downloads at once are whole and in order", async (t) => {
  const { page: shown } = await page(t, "ada-many");
  const { result } = await upload(shown, "correct", source.path);
  const digests = await shown.evaluate(async ({ id }) => {
    const one = async () => {
      const { streamId } = await client.wsTransport.call("files/download", { id });
      const blob = await client.ws.getStream(streamId).toBlob();
      const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
      return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    };
    return Promise.all([one(), one(), one()]);
  }, result);
  assert.deepEqual([...new Set(digests)], [source.sha256]);
});

test("an old client and the SDK see the same file, and the same progress", async (t) => {
  const { page: shown, trace } = await page(t, "ada-both");
  const { result } = await upload(shown, "correct", clip.path);
  assert.deepEqual([result.name, result.videoId], ["ferry.mp4", result.id]);
  const done = () => ["old", "new"].every((side) => window.seen[side].some(([name]) => name === "processing:completed"));
  await shown.waitForFunction(done, undefined, { timeout: PATIENCE });
  const { old, sdk } = await shown.evaluate(() => {
    const processing = (side) => window.seen[side].filter(([name]) => name.startsWith("processing:"));
    return { old: processing("old").map(([name, { room, ...data }]) => [name, data]), sdk: processing("new") };
  });
  // Either may have come in a little later; from then on both heard everything.
  const both = Math.min(old.length, sdk.length);
  assert.deepEqual(old.slice(-both), sdk.slice(-both));
  const files = await shown.evaluate(async () => [
    (await window.sdk.api.files.list({})).files,
    (await client.wsTransport.call("files/list", {})).files,
  ]);
  assert.deepEqual(files[0], files[1]);
  assert.deepEqual([files[0].length, files[0][0].id, files[0][0].state], [1, result.id, "ready"]);
  await picture(shown, "dialect-metacom");
  assert.deepEqual(trace.problems, []);
});

test("what either says in a room both hear", async (t) => {
  const { page: shown } = await page(t, "ada-room");
  const heard = await shown.evaluate(async () => {
    const room = sdk.join("demo:page");
    await room.ready;
    await client.ws.load("demo", "rooms");
    await client.ws.api.rooms.join({ room: "demo:page" });
    const heard = { old: [], new: [] };
    const all = new Promise((resolve) => {
      const hear = (side, n) => heard[side].push(n) && heard.old.length + heard.new.length === 40 && resolve();
      client.ws.api.demo.on("say", ({ n }) => hear("old", n));
      room.on("event", ({ data: { n } }) => hear("new", n));
    });
    for (let n = 0; n < 20; n += 2) {
      await client.ws.api.rooms.publish({ room: "demo:page", name: "say", payload: { n } });
      await room.publish("say", { n: n + 1 });
    }
    await all;
    return heard;
  });
  const numbers = Array.from({ length: 20 }, (_, n) => n);
  assert.deepEqual(heard, { old: numbers, new: numbers });
});

test("errors, sizes that are not met, and a session that is restored", async (t) => {
  const { page: shown } = await page(t, "ada-errors");
  const seen = await shown.evaluate(async (other) => {
    const outcome = (promise) => promise.then((value) => value, ({ code, message }) => ({ code, message }));
    const { ws } = client;
    await ws.load("system", "auth");
    const echo = await ws.api.system.echo({ deep: [1, { two: null }] });
    const unknown = await outcome(ws.scaffold("no")("such")({}));
    const failed = [];
    ws.api.files.on("failed", ({ streamId, reason }) => failed.push([streamId, reason]));
    const sizes = [];
    for (const [declared, sent] of [[10, 5], [3, 5]]) {
      const stream = ws.createStream("a file", declared);
      stream.write(new Uint8Array(sent));
      stream.end();
      sizes.push((await outcome(ws.api.files.upload({ streamId: stream.id }))).code);
    }
    const restored = await ws.api.auth.restore({ token: other });
    return { echo, unknown, sizes, failed, restored, status: (await ws.api.auth.status()).user };
  }, token("bob"));
  assert.deepEqual(seen.echo, { deep: [1, { two: null }] });
  assert.equal(seen.unknown.code, 404);
  assert.match(seen.unknown.message, /system\/introspect/);
  assert.deepEqual(seen.sizes, [409, 409]);
  assert.deepEqual(seen.failed, [[1, "size-mismatch"], [2, "size-mismatch"]]);
  assert.deepEqual([seen.restored.status, seen.status], ["logged", "bob"]);
});

test("a connection that is cut in the middle of an upload, and one after it", async (t) => {
  const proxy = await Proxy.to(server.port, { counts: /^GET \/api\?/ });
  t.after(() => proxy.close());
  const opened = await open(browser, `${proxy.url}/dialects/metacom.html?token=${token("ada-cut")}`, { prepare: route });
  t.after(() => opened.context.close());
  const { page: shown } = opened;
  await shown.waitForFunction(() => window.ready);
  const before = (await stored()).length;
  const cut = proxy.cutAfter(4 * MiB);
  await part(shown, "file").setInputFiles(source.path);
  await part(shown, "hook").click();
  await cut;
  await until("the stream is gone with its connection", async () => (await server.health()).streams === 0);
  assert.equal((await stored()).length, before, "half a file is no file");
  await shown.waitForFunction(() => client.ws.connected);
  const { result } = await upload(shown, "correct", source.path);
  assert.equal(result.size, 16 * MiB);
});

test("the app's own hook asks first, and hears of the file when it is there", async (t) => {
  const { page: shown } = await page(t, "ada-hook");
  const { result } = await upload(shown, "hook", source.path);
  assert.deepEqual(result, { result: "Stream initialized", streamId: 1 });
  await shown.waitForFunction(() => window.seen.old.some(([name]) => name === "uploaded"));
  assert.equal(await shown.evaluate(() => window.seen.old[0][1].size), 16 * MiB);
});
