// The React hooks in a page, with the real React.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { build } from "esbuild";

import { HERE } from "./support/environment.mjs";
import { LiveStage } from "./support/live.mjs";
import { token as tokenFor } from "./support/server.mjs";
import { until } from "./support/wait.mjs";
import { Worker, workers } from "./support/worker.mjs";

const CONFIG = `
[rooms.kinds.board]
access = "open"
state = true
${workers("weigh", "application/x-grain")}`;

let stage, bundle, page, trace, context, token;

before(async () => {
  stage = await LiveStage.start({ config: CONFIG });
  const built = await build({
    entryPoints: [join(HERE, "react/hooks.jsx")],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
    logLevel: "silent",
  });
  bundle = built.outputFiles[0].text;
});
after(() => stage?.end());
beforeEach(async () => {
  ({ page, trace, context, token } = await stage.page());
  await page.route("**/hooks.js", (route) => route.fulfill({ contentType: "text/javascript", body: bundle }));
  await page.evaluate(async (token) => {
    window.hooks = await import("/hooks.js");
    window.client = newClient({ token });
    await client.connect();
  }, token);
});
afterEach(async () => {
  stage.proxy.rate = Infinity;
  assert.deepEqual(trace.problems, []);
  await context.close();
});

const read = async (name) => JSON.parse(await page.locator(`#${name}`).innerText());

/** Waits until a component shows what is wanted. */
async function shows(name, wanted) {
  let last;
  await until(`${name} shows it`, async () => wanted((last = await read(name)))).catch((error) => {
    throw new Error(`${error.message}; it shows ${JSON.stringify(last)}`);
  });
  return last;
}

function mount(Component, props = {}) {
  return page.evaluate(
    ([Component, props]) => {
      window.mounted = hooks.mount(hooks[Component]);
      mounted.show({ client, ...props });
    },
    [Component, props],
  );
}

test("useClientState follows the session", async () => {
  await mount("State");
  await shows("state", (state) => state === "live");
  await page.evaluate(() => client.simulateCut({ stay: true }));
  await shows("state", (state) => state === "waiting");
  await page.evaluate(() => client.connect());
  await shows("state", (state) => state === "live");
});

test("useUpload shows one upload at a time", async () => {
  stage.proxy.rate = 4e6;
  await mount("Upload");
  assert.deepEqual(await read("upload"), { state: "idle" });
  await page.evaluate(() => void (window.first = outcome(upload.start(new Blob([bytes(4 * 1024 * 1024)])))));
  await shows("upload", ({ state, durable }) => state === "uploading" && durable > 0);
  await page.evaluate(() => upload.pause());
  await shows("upload", ({ state }) => state === "paused");
  await page.evaluate(() => upload.resume());
  stage.proxy.rate = Infinity;
  await shows("upload", ({ state, size, durable }) => state === "finished" && size === 4 * 1024 * 1024 && durable === size);
  assert.equal((await page.evaluate(() => first)).value.size, 4 * 1024 * 1024);
  stage.proxy.rate = 4e6;
  await page.evaluate(() => void (window.second = outcome(upload.start(new Blob([bytes(4 * 1024 * 1024, 2)])))));
  await shows("upload", ({ state, size }) => state === "uploading" && size === undefined);
  await page.evaluate(() => upload.cancel());
  await shows("upload", ({ state, error }) => state === "canceled" && error === "canceled");
  assert.equal((await page.evaluate(() => second)).error.code, "canceled");
});

test("useRoom is in the room for as long as the component is there", async () => {
  await mount("Place");
  assert.equal((await read("room")).status, "joining");
  await page.evaluate(() => mounted.show({ client, name: "board:1" }));
  await shows("room", ({ status, role, users }) => status === "joined" && role !== undefined && users === 1);
  await page.evaluate(() => room.publish("moved", null, { patch: { at: 3 } }));
  await shows("room", ({ state, heard }) => state?.at === 3 && heard.includes("moved"));
  await page.evaluate(() => mounted.show({ client, name: "board:2" }));
  await shows("room", ({ status, state }) => status === "joined" && state === null);
  await page.evaluate(() => mounted.show({ client, name: "nowhere:1" }));
  await shows("room", ({ status, error }) => status === "left" && error === "room-not-found");
  await page.evaluate(() => mounted.end());
  const left = trace.frames.filter(({ way, type }) => way === "up" && type === "leave").map(({ room }) => room);
  assert.ok(left.includes("board:1") && left.includes("board:2"), `${left}`);
});

test("useFile shows a file, and how its processing goes", async () => {
  await mount("Stored");
  assert.deepEqual(await read("file"), { status: "joining" });
  await page.evaluate(async () => {
    const uploader = client.createBlobUploader(new File([bytes(1_000)], "oats", { type: "application/x-grain" }));
    window.record = await client.api.files.upload({ stream: uploader });
    mounted.show({ client, id: record.fileId });
  });
  await shows("file", ({ name, state, progress }) => name === "oats" && state === "processing" && progress === 0);
  const job = await new Worker(stage.server.url).claim("weigh");
  await job.progress(60);
  await shows("file", ({ progress }) => progress === 60);
  await job.complete();
  await shows("file", ({ state, progress }) => state === "ready" && progress === 100);
  await page.evaluate(() => client.api.files.remove({ id: record.id }));
  await shows("file", ({ status, error }) => status === "left" && error === "file-not-found");
});

test("useBroadcast, useWatch and useLiveRecord have their part in a stream for as long as the components are there", async () => {
  const tokens = ["broadcaster", "viewer", "audience"].map((role) => tokenFor(`${role}-of-hooks`, { live: [{ name: "*", role }] }));
  // A client has one part in a stream, so these are three.
  await page.evaluate((tokens) => {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    setInterval(() => context.fillText(performance.now(), 10, 10), 50);
    const [ours, theirs, others] = tokens.map((token) => newClient({ token }));
    window.parts = { Cast: hooks.mount(hooks.Cast), Screen: hooks.mount(hooks.Screen), Counts: hooks.mount(hooks.Counts) };
    parts.Screen.show({ client: theirs, stream: "hooked" });
    parts.Counts.show({ client: others, stream: "hooked" });
    window.begin = () => parts.Cast.show({ client: ours, stream: "hooked", media: canvas.captureStream(20) });
    parts.Cast.show({ client: ours, stream: "hooked" });
  }, tokens);
  await shows("view", ({ state, waiting }) => state === "connecting" && waiting);
  await shows("cast", ({ state, viewers }) => state === "connecting" && viewers.length === 0);
  await page.evaluate(() => begin());
  await shows("cast", ({ state, viewers }) => state === "live" && viewers.join() === "connected");
  await shows("view", ({ state, count }) => state === "live" && count === 1);
  await shows("counts", ({ state, count, peak }) => state === "live" && count === 1 && peak === 1);
  assert.ok(await page.evaluate(() => document.querySelector("video").srcObject === view.mediaStream));
  // One stream has one part of a client, and an empty MediaStream is none: that is told, and takes nothing else away.
  await page.evaluate(() => {
    parts.Second = hooks.mount(hooks.Second);
    window.second = (stream) => parts.Second.show({ client: view.client, stream, media });
    window.media = new MediaStream();
    second("hooked");
  });
  await shows("second", ({ watch, state, error, empty }) => !watch && state === "failed" && error === "conflict" && empty === "no-tracks");
  await shows("view", ({ state }) => state === "live");
  await page.evaluate(() => second("another"));
  await shows("second", ({ watch, state, error }) => watch && state === "connecting" && error === undefined);
  await page.evaluate(() => parts.Screen.end());
  await shows("counts", ({ count, peak }) => count === 0 && peak === 1);
  await page.evaluate(() => parts.Cast.end());
  await shows("counts", ({ state }) => state === "ended");
});
