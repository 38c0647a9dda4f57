// Stored files as a page sees them: addresses, ranges, and the room that tells of each.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";
import { Worker, workers } from "./support/worker.mjs";

let stage, worker, page, trace, context, token;

before(async () => {
  stage = await Stage.start({ config: workers("weigh", "application/x-grain") });
  worker = new Worker(stage.server.url);
});
after(() => stage?.end());
beforeEach(async () => {
  ({ page, trace, context, token } = await stage.page());
  await page.evaluate(async (token) => {
    window.client = newClient({ token });
    window.content = bytes(300_000, 7);
    window.record = await client.api.files.upload({ stream: client.createBlobUploader(new File([content], "noise.bin")) });
  }, token);
});
afterEach(async () => {
  assert.deepEqual(trace.problems, []);
  await context.close();
});

test("an address is whole, good for whoever has it, and for ranges", async () => {
  const url = await page.evaluate(() => client.fileUrl(record.id));
  assert.equal(new URL(url).origin, new URL(page.url()).origin);
  const read = await page.evaluate(async (url) => {
    const whole = await fetch(url);
    const part = await fetch(url, { headers: { range: "bytes=1000-1999" } });
    return [whole.status, await sha256(whole.body), part.status, await sha256(part.body)];
  }, url);
  const expected = await page.evaluate(async () => [200, await sha256(content), 206, await sha256(content.subarray(1000, 2000))]);
  assert.deepEqual(read, expected);
  // Behind a path, as a proxy may have the server, it is there too.
  const behind = await page.evaluate(async () => {
    const client = new samewire.Client({ apiUrl: `${location.origin}/app/`, autoConnectWebSocket: false });
    const fetched = window.fetch;
    window.fetch = async () => new Response(JSON.stringify({ url: "/api/files/fi_1/content?signature=x", expires: 1 }));
    try {
      return await client.fileUrl("fi_1");
    } finally {
      window.fetch = fetched;
    }
  });
  assert.equal(behind, `${new URL(page.url()).origin}/app/api/files/fi_1/content?signature=x`);
  // Somebody else's file has no address.
  const { error } = await page.evaluate(() => outcome(newClient({ token: undefined }).fileUrl(record.id)));
  assert.equal(error.code, "file-not-found");
});

test("a range of a file, or of a part of it, is what was asked for", async () => {
  const read = await page.evaluate(async () => {
    const parts = [];
    for (const range of [{ offset: 1_000, length: 500 }, { offset: 299_990 }, { length: 10 }, { offset: 70_000, length: 140_000 }]) {
      const { stream } = await client.api.files.open({ id: record.id, ...range });
      const { offset = 0, length = 300_000 - offset } = range;
      const got = new Uint8Array(await new Response(client.getStream(stream)).arrayBuffer());
      parts.push(got.length === length && got.every((byte, at) => byte === content[offset + at]));
    }
    return parts;
  });
  assert.deepEqual(read, [true, true, true, true]);
  const { error } = await page.evaluate(() => outcome(client.api.files.open({ id: record.id, offset: 300_001, length: 1 })));
  assert.equal(error.code, "range-not-satisfiable");
});

test("whoever watches a file sees how its processing goes, from whenever on", async () => {
  await page.evaluate(async () => {
    const uploader = client.createBlobUploader(new File([content], "oats", { type: "application/x-grain" }));
    window.record = await client.api.files.upload({ stream: uploader });
    window.room = client.watchFile(record.fileId);
    window.told = [];
    room.on("event", ({ name, data }) => told.push([name, data]));
    await room.ready;
  });
  assert.deepEqual(await page.evaluate(() => [record.isProcessed, record.state, record.fileId === record.id]), [false, "processing", true]);
  const job = await worker.claim("weigh");
  await job.progress(40, "on the scales");
  await until("it is told", () => page.evaluate(() => told.some(([name]) => name === "processing:progress")));

  // Somebody who comes late is right at once.
  const late = await stage.page();
  const seen = await late.page.evaluate(
    async ([token, id]) => {
      window.client = newClient({ token });
      const room = client.watchFile(id);
      await room.ready;
      return room.state;
    },
    [token, job.file.id],
  );
  assert.deepEqual([seen.name, seen.state, seen.processing], ["oats", "processing", [{ kind: "weigh", state: "running", progress: 40, attempt: 1, stage: "on the scales" }]]);
  await late.context.close();

  await job.part("label", "text/plain", "1 kg of oats");
  await job.complete();
  await until("it is done", () => page.evaluate(() => room.state.state === "ready"));
  const { names, parts, label, excerpt, ready } = await page.evaluate(async () => {
    const label = await (await fetch(await client.fileUrl(record.id, { part: "label", ttl: 60_000 }))).text();
    const { stream } = await client.api.files.open({ id: record.id, part: "label", offset: 8, length: 4 });
    const excerpt = await new Response(client.getStream(stream)).text();
    const { state: ready } = await client.api.files.get({ id: record.id });
    return { names: told.map(([name]) => name), parts: told.at(-1)[1].parts, label, excerpt, ready };
  });
  assert.deepEqual([...new Set(names)], ["processing:started", "processing:progress", "processing:completed"]);
  assert.deepEqual(parts.map(({ name, media, size }) => [name, media, size]), [["label", "text/plain", 12]]);
  assert.deepEqual([label, excerpt, ready], ["1 kg of oats", "oats", "ready"]);
  // With the file its room is gone.
  const over = await page.evaluate(async () => {
    const left = new Promise((resolve) => room.on("status", (status) => status === "left" && resolve(room.error.code)));
    await client.api.files.remove({ id: record.id });
    return left;
  });
  assert.equal(over, "file-not-found");
  const { error } = await page.evaluate(() => outcome(client.watchFile(record.id).ready));
  assert.equal(error.code, "room-not-found");
});

test("what failed is said, and done again when that is asked for", async () => {
  await page.evaluate(async () => {
    const uploader = client.createBlobUploader(new File([content], "rye", { type: "application/x-grain" }));
    window.record = await client.api.files.upload({ stream: uploader });
    window.room = client.watchFile(record.fileId);
    window.told = [];
    room.on("event", ({ name, data }) => told.push([name, data]));
    await room.ready;
  });
  await (await worker.claim("weigh")).fail("there is a stone in it");
  await until("it is told", () => page.evaluate(() => room.state.state === "failed"));
  const [name, data] = await page.evaluate(() => told.at(-1));
  assert.deepEqual([name, data.kind, data.reason, data.attempt], ["processing:failed", "weigh", "there is a stone in it", 1]);
  await page.evaluate(() => client.api.files.process({ id: record.id }));
  await (await worker.claim("weigh")).complete();
  await until("it is done", () => page.evaluate(() => room.state.state === "ready"));
});
