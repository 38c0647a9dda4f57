// tus-js-client and Uppy in Node, as npm has them, through a network that breaks; what they stored is what the session has.

import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import Uppy from "@uppy/core";
import Tus from "@uppy/tus";
import * as tus from "tus-js-client";

import { folder, MiB, write } from "./support/files.mjs";
import { Proxy } from "./support/proxy.mjs";
import { token as mint } from "./support/server.mjs";
import { Stage } from "./support/stage.mjs";
import { assertStored, RETRIES, upload } from "./support/tus.mjs";
import { until } from "./support/wait.mjs";

const SIZE = 9 * MiB + 12_345;

let stage, proxy, place, film, page, trace, token;

before(async () => {
  place = await folder();
  film = await write(place, "film of the garden.bin", SIZE, 5);
  stage = await Stage.start();
  proxy = await Proxy.to(stage.server.port, { counts: /^/ });
});
after(async () => {
  await proxy?.close();
  await stage?.end();
  await place?.remove();
});
beforeEach(async () => {
  proxy.rate = Infinity;
  ({ page, trace, token } = await stage.page());
  await page.evaluate(async (token) => {
    window.client = newClient({ token });
    await client.connect();
  }, token);
});
afterEach(async () => {
  assert.deepEqual(trace.problems, []);
  await page.context().close();
});

const here = (options) => ({ url: proxy.url, token, name: film.name, ...options });
const list = () => page.evaluate(async () => (await client.api.files.list({})).files.map(({ id }) => id));
const streams = async () => (await stage.server.health()).streams;

describe("a file", () => {
  test("in chunks", async () => {
    const sent = upload(await readFile(film.path), here({ chunkSize: 2 * MiB }));
    sent.it.start();
    await assertStored(page, await sent.done, film);
    assert.deepEqual(sent.requests, ["POST /tus/", ...Array(5).fill("PATCH /tus/ID")]);
  });

  test("in one request", async () => {
    const sent = upload(createReadStream(film.path), here());
    sent.it.start();
    await assertStored(page, await sent.done, film);
    assert.deepEqual(sent.requests, ["POST /tus/", "PATCH /tus/ID"]);
  });

  test("beginning with the request that creates it", async () => {
    const sent = upload(await readFile(film.path), here({ chunkSize: 4 * MiB, uploadDataDuringCreation: true }));
    sent.it.start();
    await assertStored(page, await sent.done, film);
    assert.deepEqual(sent.requests, ["POST /tus/", "PATCH /tus/ID", "PATCH /tus/ID"]);
  });

  test("in three parts at once", async () => {
    const sent = upload(createReadStream(film.path), here({ parallelUploads: 3, chunkSize: 2 * MiB }));
    sent.it.start();
    await assertStored(page, await sent.done, film);
    assert.equal(sent.requests.filter((request) => request.startsWith("POST")).length, 4);
    assert.equal((await list()).length, 1, "parts are no files");
    assert.equal(await streams(), 0, "and are not kept");
  });

  test("of a length that nobody knows before its end", async () => {
    // Through a pipe, or tus-js-client would look the length up.
    const source = createReadStream(film.path).pipe(new PassThrough());
    const sent = upload(source, here({ uploadLengthDeferred: true, chunkSize: MiB }));
    sent.it.start();
    await assertStored(page, await sent.done, film);
  });

  test("of nothing", async () => {
    const empty = await write(place, "empty", 0);
    const sent = upload(Buffer.alloc(0), here({ name: "empty" }));
    sent.it.start();
    await assertStored(page, await sent.done, empty);
    assert.deepEqual(sent.requests, ["POST /tus/"]);
  });
});

describe("a network that breaks", () => {
  for (const [how, options] of [
    ["in chunks", { chunkSize: 2 * MiB }],
    ["in one request", {}],
    ["in three parts", { parallelUploads: 3 }],
  ]) {
    test(`${how}, cut again and again, nothing is lost and nothing is twice`, async () => {
      proxy.rate = 30e6;
      const sent = upload(createReadStream(film.path), here(options));
      sent.it.start();
      const begun = proxy.cuts;
      for (let cut = 1; cut <= 4; cut += 1) await proxy.cutAfter(1.7 * MiB);
      await assertStored(page, await sent.done, film);
      assert.ok(proxy.cuts >= begun + 4);
      assert.ok(sent.requests.filter((request) => request.startsWith("HEAD")).length >= 3, sent.requests.join(", "));
      assert.equal((await list()).length, 1);
    });
  }

  test("the server dies in the middle of it and comes back", async () => {
    proxy.rate = 20e6;
    const sent = upload(createReadStream(film.path), here());
    sent.it.start();
    await until("much of it is there", () => proxy.up > 4 * MiB && sent.requests.length === 2);
    await stage.server.kill();
    await stage.server.run();
    await assertStored(page, await sent.done, film);
    assert.ok(sent.requests.includes("HEAD /tus/ID"), sent.requests.join(", "));
    assert.equal(sent.requests.filter((request) => request.startsWith("POST")).length, 1, "it was not begun anew");
  });
});

describe("somebody changes their mind", () => {
  const remembered = () => ({ urlStorage: new tus.FileUrlStorage(join(place.path, `urls-${Math.random()}.json`)) });

  test("stopped, and gone on with by another client that finds it", async () => {
    proxy.rate = 20e6;
    const storage = remembered();
    const first = upload(createReadStream(film.path), here({ chunkSize: MiB, ...storage }));
    first.it.start();
    await until("some of it is there", () => first.offset >= 3 * MiB);
    await first.it.abort();
    const second = upload(createReadStream(film.path), here({ chunkSize: MiB, ...storage }));
    const [previous, ...others] = await second.it.findPreviousUploads();
    assert.equal(others.length, 0);
    second.it.resumeFromPreviousUpload(previous);
    second.it.start();
    await assertStored(page, await second.done, film);
    assert.equal(second.requests[0], "HEAD /tus/ID");
    assert.ok(second.requests.length <= 8, `${second.requests.length} requests for what was left`);
  });

  test("terminated, nothing of it is left", async () => {
    const sent = upload(createReadStream(film.path), here({ chunkSize: MiB }));
    sent.it.start();
    await until("some of it is there", () => sent.offset >= MiB);
    await sent.it.abort(true);
    assert.equal(sent.requests.at(-1), "DELETE /tus/ID");
    await until("the stream is gone", async () => (await streams()) === 0);
    assert.deepEqual(await list(), []);
  });

  test("a call names it while it is under way", async () => {
    proxy.rate = 20e6;
    const sent = upload(createReadStream(film.path), here());
    sent.it.start();
    await until("it has an address", () => sent.it.url);
    const stream = sent.it.url.split("/").at(-1);
    const named = await page.evaluate((stream) => client.api.files.upload({ stream }), stream);
    assert.equal(await sent.done, named.id);
    await assertStored(page, named.id, film);
  });
});

describe("Uppy", () => {
  test("sends several files at once, through cuts", async () => {
    proxy.rate = 30e6;
    const files = await Promise.all([1, 2, 3].map((seed) => write(place, `album ${seed}.bin`, 3 * MiB + seed, seed)));
    const it = new Uppy().use(Tus, {
      endpoint: `${proxy.url}/tus/`,
      headers: { Authorization: `Bearer ${token}` },
      retryDelays: RETRIES,
      chunkSize: MiB,
    });
    for (const { name, path } of files) {
      it.addFile({ name, type: "application/octet-stream", data: await readFile(path) });
    }
    const uploaded = it.upload();
    for (let cut = 1; cut <= 2; cut += 1) await proxy.cutAfter(2 * MiB);
    const { successful, failed } = await uploaded;
    assert.deepEqual([failed.map(({ error }) => error), successful.length], [[], 3]);
    for (const file of files) {
      const { uploadURL } = successful.find(({ name }) => name === file.name);
      // What Uppy knows is the upload's address; the session hears which file it is.
      const stream = uploadURL.split("/").at(-1);
      const { id } = await page.evaluate((stream) => client.api.files.upload({ stream }), stream);
      await assertStored(page, id, file);
    }
    assert.equal((await list()).length, 3);
  });
});

describe("what the server refuses, the client says", () => {
  const refusal = async (options) => {
    const sent = upload(Buffer.from("abc"), here(options));
    sent.it.start();
    const error = await sent.done.then(
      () => assert.fail("it was taken"),
      (error) => error,
    );
    return [error.originalResponse.getStatus(), JSON.parse(error.originalResponse.getBody()).code, sent.requests.length];
  };

  test("a token that is none", async () => assert.deepEqual(await refusal({ token: "x.y.z" }), [401, "token-invalid", 1]));
  test("a name that is none", async () => assert.deepEqual(await refusal({ name: "../x" }), [400, "bad-name", 1]));
  test("somebody else's upload", async () => {
    const theirs = upload(Buffer.from("abc"), here({ token: mint("somebody else"), chunkSize: 1 }));
    theirs.it.start();
    await until("it has an address", () => theirs.it.url);
    const mine = upload(Buffer.from("abc"), here({ uploadUrl: theirs.it.url, endpoint: null }));
    mine.it.start();
    await assert.rejects(mine.done, (error) => error.originalResponse.getStatus() === 404);
    await theirs.done;
  });
});
