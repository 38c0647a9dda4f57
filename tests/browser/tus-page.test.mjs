// tus-js-client and Uppy in a page of another origin, as npm has them: all that a browser asks and hides is in between.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { open } from "./support/browser.mjs";
import { HERE } from "./support/environment.mjs";
import { MiB } from "./support/files.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Stage } from "./support/stage.mjs";
import { assertStored, RETRIES } from "./support/tus.mjs";
import { until } from "./support/wait.mjs";

const SIZE = 6 * MiB + 789;

let stage, proxy, site, session, uploading, token, sent;

/** Serves a page and the scripts in it, on a port of its own and so from an origin of its own. */
async function serve(scripts) {
  const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${Object.keys(scripts)
    .map((name) => `<script src="/${name}"></script>`)
    .join("")}`;
  const listener = createServer(({ url }, answer) => {
    const script = scripts[url.slice(1)];
    answer.setHeader("content-type", script ? "text/javascript" : "text/html");
    answer.end(script ?? page);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return { url: `http://127.0.0.1:${listener.address().port}/`, close: () => listener.close() };
}

before(async () => {
  const uppy = await build({
    stdin: {
      contents: `export { default as Uppy } from "@uppy/core"; export { default as Tus } from "@uppy/tus";`,
      resolveDir: HERE,
    },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "uppy",
    logLevel: "silent",
  });
  const tus = fileURLToPath(new URL("../../dist/tus.min.js", import.meta.resolve("tus-js-client")));
  site = await serve({ "tus.js": await readFile(tus), "uppy.js": uppy.outputFiles[0].text });
  stage = await Stage.start();
  proxy = await Proxy.to(stage.server.port, { counts: /^/ });
});
after(async () => {
  site?.close();
  await proxy?.close();
  await stage?.end();
});
beforeEach(async () => {
  proxy.rate = Infinity;
  ({ token, ...session } = await stage.page());
  await session.page.evaluate(async (token) => {
    window.client = newClient({ token });
    await client.connect();
  }, token);
  uploading = await open(stage.browser, site.url);
  sent = await session.page.evaluate(async (size) => ({ size, sha256: await sha256(bytes(size, 11)) }), SIZE);
  await uploading.page.evaluate(
    ({ bytes, ...options }) => {
      // The same bytes as those of the page that looks after them.
      window.bytes = new Function(`return function ${bytes}`)();
      Object.assign(window, { options });
    },
    {
      bytes: await session.page.evaluate(() => bytes.toString()),
      endpoint: `${proxy.url}/tus/`,
      headers: { Authorization: `Bearer ${token}` },
      retryDelays: RETRIES,
      removeFingerprintOnSuccess: true,
    },
  );
});
afterEach(async () => {
  assert.deepEqual(session.trace.problems, []);
  // The browser itself says so of an answer that it had to hide; none is.
  assert.deepEqual(uploading.trace.problems, []);
  await session.page.context().close();
  await uploading.context.close();
});

/** Begins an upload of a Blob in the page; leaves it there as `it`, and its end as `done`. */
const begin = (name, options = {}) =>
  uploading.page.evaluate(
    ({ name, size, more }) => {
      const blob = new File([bytes(size, 11)], name, { type: "application/octet-stream", lastModified: 7 });
      window.begin = () => {
        window.done = new Promise((resolve, reject) => {
          const metadata = { filename: name, filetype: blob.type };
          window.it = new window.tus.Upload(blob, {
            ...window.options,
            metadata,
            ...more,
            onChunkComplete: (_, accepted) => (window.accepted = accepted),
            onSuccess: ({ lastResponse }) => resolve(lastResponse.getHeader("Samewire-File")),
            onError: reject,
          });
        });
        window.done.catch(() => {});
        return window.it;
      };
      window.begin().start();
    },
    { name, size: SIZE, more: options },
  );
const done = () => uploading.page.evaluate(() => done);

for (const [how, options] of [
  ["in chunks", { chunkSize: 2 * MiB }],
  ["in one request", {}],
  ["in three parts at once", { parallelUploads: 3 }],
  ["beginning with the request that creates it", { uploadDataDuringCreation: true }],
  ["by POST alone, as behind old proxies", { overridePatchMethod: true }],
]) {
  test(`tus-js-client uploads ${how}`, async () => {
    await begin(`${how}.bin`, options);
    await assertStored(session.page, await done(), { name: `${how}.bin`, ...sent });
  });
}

test("tus-js-client goes on through cuts", async () => {
  proxy.rate = 20e6;
  await begin("cut.bin");
  for (let cut = 1; cut <= 3; cut += 1) await proxy.cutAfter(1.5 * MiB);
  await assertStored(session.page, await done(), { name: "cut.bin", ...sent });
});

test("tus-js-client goes on with what it finds after a pause", async () => {
  proxy.rate = 20e6;
  await begin("pause.bin", { chunkSize: MiB });
  await uploading.page.waitForFunction((least) => window.accepted >= least, 2 * MiB);
  const requests = [];
  uploading.page.on("request", (request) => requests.push(request.method()));
  await uploading.page.evaluate(async () => {
    await it.abort();
    const again = begin();
    const [previous] = await again.findPreviousUploads();
    again.resumeFromPreviousUpload(previous);
    again.start();
  });
  await assertStored(session.page, await done(), { name: "pause.bin", ...sent });
  assert.ok(!requests.includes("POST") && requests.includes("HEAD"), requests.join(", "));
});

test("tus-js-client terminates", async () => {
  await begin("gone.bin", { chunkSize: MiB });
  await uploading.page.waitForFunction(() => window.accepted > 0);
  await uploading.page.evaluate(() => it.abort(true));
  await until("nothing is under way", async () => (await stage.server.health()).streams === 0);
});

test("Uppy uploads, through a cut", async () => {
  proxy.rate = 20e6;
  const cut = proxy.cutAfter(3 * MiB);
  const uploaded = uploading.page.evaluate(
    async ({ size }) => {
      const it = new window.uppy.Uppy().use(window.uppy.Tus, { ...window.options, chunkSize: 1 << 20 });
      it.addFile({ name: "by Uppy.bin", type: "application/octet-stream", data: new Blob([bytes(size, 11)]) });
      const { successful, failed } = await it.upload();
      return { failed: failed.map(({ error }) => error), urls: successful.map(({ uploadURL }) => uploadURL) };
    },
    { size: SIZE },
  );
  await cut;
  const { failed, urls } = await uploaded;
  assert.deepEqual([failed, urls.length], [[], 1]);
  // What Uppy knows is the upload's address; the session makes the file of it, or hears which it is.
  const stream = urls[0].split("/").at(-1);
  const file = await session.page.evaluate((stream) => client.api.files.upload({ stream }), stream);
  await assertStored(session.page, file.id, { name: "by Uppy.bin", ...sent });
});
