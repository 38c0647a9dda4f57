// Uploads that outlive their page: after a reload, in another tab, with a file that is chosen again or a handle that was kept.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { folder, write } from "./support/files.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

const MiB = 1024 * 1024;
const SIZE = 12 * MiB;
/** What may be sent twice: what was on its way when the page went. And what a connection costs. */
const SLACK = 3 * MiB;

let stage, page, trace, context, token;

before(async () => (stage = await Stage.start()));
after(() => stage?.end());
beforeEach(async () => ({ page, trace, context, token } = await stage.page()));
afterEach(async () => {
  stage.proxy.rate = Infinity;
  assert.deepEqual(trace.problems, []);
  await context.close();
});

/** Makes the page's client, with a token if it is to have one. */
async function arrive(at = page, options = { token }) {
  await at.waitForFunction(() => window.ready);
  await at.evaluate((options) => {
    window.client = newClient(options);
    window.film = (seed = 1, name = "film.mov", size = 12 * 1024 * 1024) => new File([bytes(size, seed)], name, { type: "video/quicktime" });
    window.begin = (file, options) => {
      window.uploader = client.createBlobUploader(file, { resume: true, ...options });
      window.stored = client.api.files.upload({ stream: uploader });
      window.ended = outcome(stored);
    };
    window.errors = [];
    client.on("error", (error) => errors.push(error.code));
  }, options);
}

/** Waits until some of the upload is on the server, slowly, and gives its id and how much it is. */
async function midway(at = page, least = 2 * MiB) {
  await until("some of it is durable", () => at.evaluate((least) => uploader.progress.durable > least, least));
  return at.evaluate(() => ({ id: uploader.id, durable: uploader.progress.durable }));
}

async function reload(options) {
  await page.reload();
  await arrive(page, options);
}

const begin = (seed, name) => page.evaluate(([seed, name]) => begin(film(seed, name)), [seed, name]);
const list = (at = page) =>
  at.evaluate(async () => (await client.rememberedUploads()).map(({ resume, forget, ...shown }) => shown));

/** The upload has ended well: the file is there, and it is that file. */
async function isStored(at = page, size = SIZE) {
  const { value, error } = await at.evaluate(() => ended);
  assert.equal(error, undefined);
  assert.equal(value.size, size);
  assert.deepEqual(await at.evaluate(async ({ id }) => [await sha256(await bytesOf(client, { id }))], value), [await at.evaluate(() => sha256(film()))]);
  return value;
}

describe("after a reload", () => {
  beforeEach(async () => {
    stage.proxy.rate = 6e6;
    await arrive();
    await begin();
  });

  test("the same file, chosen again, goes on where it was", async () => {
    const before = await midway();
    const up = stage.proxy.up;
    await reload();
    const [upload, ...others] = await list();
    assert.deepEqual(others, []);
    assert.deepEqual([upload.id, upload.name, upload.size, upload.active, upload.hasHandle], [before.id, "film.mov", SIZE, false, false]);
    assert.ok(Math.abs(Date.now() - upload.startedAt) < 60_000);
    await begin();
    const now = await page.evaluate(async () => {
      const first = await new Promise((resolve) => uploader.on("progress", ({ durable }) => durable > 0 && resolve(durable)));
      return { id: uploader.id, first };
    });
    assert.equal(now.id, before.id);
    assert.ok(now.first >= before.durable, `${now.first} bytes are there, and ${before.durable} were`);
    stage.proxy.rate = Infinity;
    await isStored();
    assert.ok(stage.proxy.up - up < SIZE - before.durable + SLACK, `${stage.proxy.up - up} bytes were sent for the rest`);
    assert.deepEqual(await list(), []);
    assert.deepEqual(await page.evaluate(() => errors), []);
  });

  test("the list gives an uploader of the rest, for the right file only", async () => {
    const before = await midway();
    await reload();
    const refusals = await page.evaluate(async () => {
      [window.known] = await client.rememberedUploads();
      const tried = [film(1, "other.mov"), film(1, "film.mov", 12 * 1024 * 1024 - 1), film(2), undefined];
      return Promise.all(tried.map(async (file) => (await outcome(known.resume(file))).error));
    });
    assert.deepEqual(refusals.map(({ code }) => code), ["wrong-file", "wrong-file", "wrong-file", "file-needed"]);
    assert.match(refusals[0].message, /its name is "other.mov"/);
    assert.match(refusals[1].message, /12582911 bytes instead of 12582912/);
    assert.match(refusals[2].message, /its content differs/);
    const id = await page.evaluate(async () => {
      window.uploader = await known.resume(film());
      const { id, state } = uploader;
      window.ended = outcome(client.api.files.upload({ stream: id }));
      return [id, state];
    });
    assert.deepEqual(id, [before.id, "idle"]);
    stage.proxy.rate = Infinity;
    assert.equal((await isStored()).name, "film.mov");
    assert.deepEqual(await list(), []);
  });

  test("a file that differs where no sample was taken fails at the end, and never counts", async () => {
    await midway();
    await reload();
    await page.evaluate(() => {
      const other = bytes(12 * 1024 * 1024);
      // Past the first block, before the second.
      other[200_000] ^= 1;
      begin(new File([other], "film.mov", { type: "video/quicktime" }));
    });
    stage.proxy.rate = Infinity;
    const { error } = await page.evaluate(() => ended);
    assert.equal(error.code, "digest-mismatch");
    assert.deepEqual(await list(), []);
    assert.deepEqual(await page.evaluate(async () => (await client.api.files.list()).files), []);
  });

  test("a server that was started anew makes no difference", async () => {
    const before = await midway();
    await page.goto("about:blank");
    await stage.server.kill();
    await stage.server.run();
    await page.goto(`${stage.proxy.url}/stage.html`);
    await arrive();
    await begin();
    stage.proxy.rate = Infinity;
    await isStored();
    assert.equal(await page.evaluate(() => uploader.id), before.id);
  });

  test("a server that has lost it gets it from the beginning", async () => {
    const before = await midway();
    await page.goto("about:blank");
    await stage.server.kill();
    await rm(stage.server.data, { recursive: true });
    await stage.server.run();
    await page.goto(`${stage.proxy.url}/stage.html`);
    await arrive();
    assert.equal((await list())[0].id, before.id);
    await begin();
    stage.proxy.rate = Infinity;
    await isStored();
    assert.deepEqual(await list(), []);
  });

  test("what was given up or forgotten is not there", async () => {
    await midway();
    await page.evaluate(() => uploader.cancel());
    assert.equal((await page.evaluate(() => ended)).error.code, "canceled");
    assert.deepEqual(await list(), []);
    await begin(2);
    await midway();
    await reload();
    await page.evaluate(async () => (await client.rememberedUploads())[0].forget());
    assert.deepEqual(await list(), []);
  });

  test("somebody else sees nothing of it", async () => {
    await midway();
    const { token } = await stage.page("eve").then(async ({ token, context }) => (await context.close(), { token }));
    await reload({ token });
    assert.deepEqual(await list(), []);
  });
});

describe("a handle", () => {
  test("that was kept is the file", async () => {
    stage.proxy.rate = 6e6;
    await arrive();
    await page.evaluate(async () => {
      const handle = await (await navigator.storage.getDirectory()).getFileHandle("film.mov", { create: true });
      const writable = await handle.createWritable();
      await writable.write(film());
      await writable.close();
      begin(await handle.getFile(), { handle });
    });
    const before = await midway();
    await reload();
    assert.equal((await list())[0].hasHandle, true);
    await page.evaluate(async () => {
      const [known] = await client.rememberedUploads();
      window.uploader = await known.resume();
      window.ended = outcome(client.api.files.upload({ stream: uploader }));
    });
    stage.proxy.rate = Infinity;
    await isStored();
    assert.equal(await page.evaluate(() => uploader.id), before.id);
  });

  test("of a file that has changed, or is gone, says so", async () => {
    stage.proxy.rate = 6e6;
    await arrive();
    await page.evaluate(async () => {
      window.fill = async (handle, content) => {
        const writable = await handle.createWritable();
        await writable.write(content);
        await writable.close();
      };
      const handle = await (await navigator.storage.getDirectory()).getFileHandle("film.mov", { create: true });
      await fill(handle, film());
      begin(await handle.getFile(), { handle });
    });
    await midway();
    await reload();
    const codes = await page.evaluate(async () => {
      const place = await navigator.storage.getDirectory();
      const writable = await (await place.getFileHandle("film.mov")).createWritable();
      await writable.write(film(2));
      await writable.close();
      const [known] = await client.rememberedUploads();
      const changed = await outcome(known.resume());
      await place.removeEntry("film.mov");
      const gone = await outcome(known.resume());
      return [changed.error.code, gone.error.code];
    });
    assert.deepEqual(codes, ["wrong-file", "source-unreadable"]);
  });

  test("that the user has to allow first says so", async () => {
    await arrive();
    stage.proxy.rate = 6e6;
    await begin();
    await midway();
    await reload();
    // Private files need no consent, and no dialog can be answered from here: a handle that behaves like one of a person's disk.
    const codes = await page.evaluate(async () => {
      const [known] = await client.rememberedUploads();
      const handle = { queryPermission: async () => "prompt", getFile: async () => film() };
      const kept = IDBObjectStore.prototype.getAll;
      const tries = [
        async () => Promise.reject(new DOMException("no user activation", "SecurityError")),
        async () => "denied",
      ];
      const codes = [];
      for (const requestPermission of tries) {
        IDBObjectStore.prototype.getAll = function (...args) {
          const request = kept.apply(this, args);
          request.addEventListener("success", () => (request.result[0].handle = { ...handle, requestPermission }));
          return request;
        };
        const [known] = await client.rememberedUploads();
        codes.push((await outcome(known.resume())).error.code);
      }
      IDBObjectStore.prototype.getAll = kept;
      return [known.hasHandle, ...codes];
    });
    assert.deepEqual(codes, [false, "permission-needed", "permission-needed"]);
  });
});

describe("two tabs", () => {
  let other;
  beforeEach(async () => {
    stage.proxy.rate = 3e6;
    await arrive();
  });

  async function another() {
    other = await context.newPage();
    await other.goto(`${stage.proxy.url}/stage.html`);
    await arrive(other);
  }

  test("never send the same file at once", async () => {
    await begin();
    const before = await midway();
    await another();
    assert.deepEqual((await list(other)).map(({ id, active }) => [id, active]), [[before.id, true]]);
    const refused = await other.evaluate(async () => {
      begin(film());
      return [(await ended).error, uploader.state, (await outcome((await client.rememberedUploads())[0].resume(film()).then((uploader) => uploader.upload()))).error.code];
    });
    assert.equal(refused[0].code, "upload-in-other-tab");
    assert.match(refused[0].message, /"film.mov" is being uploaded in another tab/);
    assert.deepEqual(refused.slice(1), ["failed", "upload-in-other-tab"]);
    // The first one has not noticed anything, and when its tab is closed the other one may.
    assert.equal(await page.evaluate(() => uploader.state), "uploading");
    await page.close();
    await other.evaluate(() => begin(film()));
    stage.proxy.rate = Infinity;
    await isStored(other);
    assert.equal(await other.evaluate(() => uploader.id), before.id);
  });

  test("nor do two uploaders of one page", async () => {
    await begin();
    await midway();
    const { error } = await page.evaluate(() => outcome(client.createBlobUploader(film(), { resume: true }).upload()));
    assert.equal(error.code, "upload-in-other-tab");
    stage.proxy.rate = Infinity;
    await isStored();
  });

  test("where there are no locks the newer one wins", async () => {
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }));
    await reload();
    await begin();
    const before = await midway();
    await another();
    await other.evaluate(() => begin(film()));
    assert.equal((await page.evaluate(() => outcome(uploader.upload()))).error.code, "superseded");
    stage.proxy.rate = Infinity;
    // The call that waits for the stream is answered in both, since it is the same file.
    assert.deepEqual(await isStored(), await isStored(other));
    assert.equal(await other.evaluate(() => uploader.id), before.id);
    assert.deepEqual(await list(other), []);
  });
});

describe("without a token", () => {
  test("a session that lasts goes on with its uploads after a reload", async () => {
    const anonymous = { persist: "session" };
    stage.proxy.rate = 6e6;
    await arrive(page, anonymous);
    await begin();
    const before = await midway();
    const session = await page.evaluate(() => client.session);
    await reload(anonymous);
    assert.equal((await list())[0]?.id, before.id);
    assert.deepEqual(await page.evaluate(() => [client.session, client.continuity]), [session, "restarted"]);
    await begin();
    stage.proxy.rate = Infinity;
    const file = await isStored();
    assert.equal(await page.evaluate(() => uploader.id), before.id);
    // What it owns is there after any number of reloads, and gone once the app ends the session.
    await reload(anonymous);
    assert.deepEqual(await page.evaluate(async () => (await client.wsTransport.call("files/list")).files.map(({ id }) => id)), [file.id]);
    await page.evaluate(() => client.close());
    await reload(anonymous);
    assert.notEqual(await page.evaluate(async () => (await client.connect(), client.session)), session);
  });

  test("a tab that is a copy has a session of its own", async () => {
    const anonymous = { persist: "session" };
    await arrive(page, anonymous);
    const session = await page.evaluate(async () => (await client.connect(), client.session));
    const [copy] = await Promise.all([
      context.waitForEvent("page"),
      page.evaluate(async () => {
        while (!sessionStorage.length) await pause(10);
        window.open(location.href);
      }),
    ]);
    await arrive(copy, anonymous);
    const theirs = await copy.evaluate(async () => (await client.connect(), [client.session, sessionStorage.length]));
    assert.notEqual(theirs[0], session);
    assert.equal(await page.evaluate(() => client.state), "live");
    // Each goes on with its own.
    await copy.reload();
    await arrive(copy, anonymous);
    assert.equal(await copy.evaluate(async () => (await client.connect(), client.session)), theirs[0]);
    await reload(anonymous);
    assert.equal(await page.evaluate(async () => (await client.connect(), client.session)), session);
  });

  test("any other session remembers nothing, and sends all the same", async () => {
    stage.proxy.rate = 6e6;
    await arrive(page, {});
    await begin();
    await midway();
    assert.deepEqual(await list(), []);
    stage.proxy.rate = Infinity;
    await isStored();
  });
});

test("a file from the disk is known again", async () => {
  const place = await folder();
  try {
    const file = await write(place, "holiday.mov", 9 * MiB + 17, 5);
    stage.proxy.rate = 6e6;
    const choose = async () => {
      await page.evaluate(() => document.body.append(Object.assign(document.createElement("input"), { type: "file" })));
      await page.setInputFiles("input", file.path);
      await page.evaluate(() => begin(document.querySelector("input").files[0]));
    };
    await arrive();
    await choose();
    const before = await midway();
    await reload();
    await choose();
    stage.proxy.rate = Infinity;
    const { value } = await page.evaluate(() => ended);
    assert.equal(await page.evaluate(() => uploader.id), before.id);
    assert.equal(await page.evaluate(async (file) => sha256(await bytesOf(client, file)), value), file.sha256);
  } finally {
    await place.remove();
  }
});

test("a browser that keeps nothing sends all the same, and says so once", async () => {
  await context.addInitScript(() => {
    indexedDB.constructor.prototype.open = () => {
      throw new DOMException("denied", "SecurityError");
    };
  });
  await reload();
  await begin();
  await isStored();
  const { codes, error } = await page.evaluate(async () => ({ codes: errors, ...(await outcome(client.rememberedUploads())) }));
  assert.deepEqual([codes, error.code], [["storage-unavailable"], "storage-unavailable"]);
});

test("eight uploads at once share the session", async () => {
  await arrive();
  stage.proxy.rate = 8e6;
  await page.evaluate(() => {
    window.uploaders = Array.from({ length: 8 }, (_, at) => client.createBlobUploader(film(at + 1, `${at}.mov`, 4 * 1024 * 1024)));
    window.ended = outcome(Promise.all(uploaders.map((stream) => client.api.files.upload({ stream }))));
  });
  const durable = () => page.evaluate(() => uploaders.map(({ progress }) => progress.durable));
  await until("half of all is durable", async () => (await durable()).reduce((sum, bytes) => sum + bytes) > 16 * MiB);
  const shares = await durable();
  const mean = shares.reduce((sum, bytes) => sum + bytes) / shares.length;
  assert.ok(shares.every((share) => share > mean / 2 && share < mean * 1.5), `${shares}`);
  stage.proxy.rate = Infinity;
  const { value } = await page.evaluate(() => ended);
  assert.deepEqual(value.map(({ size }) => size), Array(8).fill(4 * MiB));
});
