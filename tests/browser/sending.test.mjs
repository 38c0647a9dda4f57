// Streams to the server as a program makes them: sources of every kind, through cuts.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { MiB } from "./support/files.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

let stage, page, trace, token;

before(async () => (stage = await Stage.start()));
after(() => stage?.end());
beforeEach(async () => ({ page, trace, token } = await stage.page()));
afterEach(async () => {
  stage.proxy.rate = Infinity;
  assert.deepEqual(trace.problems, []);
  await page.context().close();
});

/** How many streams the server has; those included that other tests left whole but unnamed. */
const streams = async () => (await stage.server.health()).streams;

describe("to the server", () => {
  test("a stream of unknown length is written as it comes, through cuts", async () => {
    stage.proxy.rate = 12e6;
    const written = page.evaluate(async (token) => {
      const client = newClient({ token });
      const stream = client.createStream({ name: "ticker.log", media: "text/plain" });
      const all = bytes(12_000_000, 5);
      const writer = stream.writable.getWriter();
      // Pieces of all sizes, none of them a frame's.
      let at = 0;
      for (let size = 1; at < all.length; size = (size * 3 + 1) % 700_001) {
        await writer.ready;
        writer.write(all.slice(at, at + size));
        at += size;
      }
      await writer.close();
      const { id, size, digest } = await stream.finished;
      const record = await client.api.files.upload({ stream });
      const same = (await sha256(await bytesOf(client, record))) === (await sha256(all));
      return { same, agreed: id === stream.id && digest === record.digest, size, record };
    }, token);
    for (let cut = 0; cut < 3; cut += 1) {
      await stage.proxy.cutAfter(1 * MiB + Math.round(Math.random() * MiB));
      await until("the page is back", () => stage.proxy.sessions === 1);
    }
    const { same, agreed, size, record } = await written;
    assert.ok(same, "the stored bytes are those that were written");
    assert.ok(agreed);
    assert.deepEqual([size, record.size, record.name, record.media], [12_000_000, 12_000_000, "ticker.log", "text/plain"]);
  });

  test("a writer is held back while the server cannot take more", async () => {
    const pulled = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      let pulled = 0;
      const endless = new ReadableStream({
        pull(controller) {
          pulled += 65_536;
          controller.enqueue(new Uint8Array(65_536));
        },
      });
      const uploader = client.createBlobUploader(endless, { name: "endless.bin" });
      uploader.upload().catch(() => {});
      await pause(150);
      uploader.pause();
      await pause(200);
      const before = pulled;
      await pause(500);
      const during = pulled - before;
      uploader.cancel();
      await pause(100);
      const after = pulled;
      await pause(200);
      return { before, during, after: pulled - after };
    }, token);
    assert.ok(pulled.before > 0, "it began");
    assert.ok(pulled.during <= 4 * 65_536, `${pulled.during} bytes were read during a pause`);
    assert.ok(pulled.after <= 65_536, "a cancelled upload reads no more");
  });

  test("a ReadableStream goes up through a cut, although it can be read once only", async () => {
    stage.proxy.rate = 10e6;
    const sent = page.evaluate(async (token) => {
      const client = newClient({ token });
      const all = bytes(8_000_000, 6);
      const uploader = client.createBlobUploader(new Blob([all]).stream(), { name: "once.bin" });
      const record = await client.api.files.upload({ stream: uploader });
      return { same: (await sha256(await bytesOf(client, record))) === (await sha256(all)), total: uploader.progress.total, record };
    }, token);
    await stage.proxy.cutAfter(2 * MiB);
    await until("the page is back", () => stage.proxy.sessions === 1);
    await stage.proxy.cutAfter(2 * MiB);
    const { same, record } = await sent;
    assert.ok(same);
    assert.equal(record.size, 8_000_000);
  });

  test("a stream that is closed without a write is an empty file", async () => {
    const record = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const stream = client.createStream({ name: "empty.log" });
      await stream.writable.close();
      return client.api.files.upload({ stream });
    }, token);
    assert.equal(record.size, 0);
  });

  test("a declared size is kept to: fewer bytes fail, more bytes fail", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const ended = [];
      for (const pieces of [[5, 5], [9], [11], [10, 1], [4, 7], []]) {
        const stream = client.createStream({ name: "declared.bin", size: 10 });
        const source = new ReadableStream({
          pull: (controller) => (pieces.length ? controller.enqueue(new Uint8Array(pieces.shift())) : controller.close()),
        });
        const piped = outcome(source.pipeTo(stream.writable));
        ended.push([(await piped).error?.code ?? "whole", (await outcome(stream.finished)).error?.code ?? "whole"]);
      }
      return ended;
    }, token);
    const short = ["size-mismatch", "size-mismatch"];
    assert.deepEqual(seen, [["whole", "whole"], short, short, short, short, short]);
  });

  test("an option that is left undefined is the file's own", async () => {
    const record = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const file = new File(["abc"], "own.txt", { type: "text/plain" });
      return client.api.files.upload({ stream: client.createBlobUploader(file, { name: undefined, media: undefined, size: undefined }) });
    }, token);
    assert.deepEqual([record.name, record.media, record.size], ["own.txt", "text/plain", 3]);
  });

  test("one that says that it is not to be resumed later goes up like any other", async () => {
    const size = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const uploader = client.createBlobUploader(new File([bytes(300_000, 6)], "once.bin"), { resume: false });
      return (await uploader.upload()).size;
    }, token);
    assert.equal(size, 300_000);
  });

  test("an aborted writer fails the stream, and nothing is stored", async () => {
    const before = await streams();
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const stream = client.createStream({ name: "half.bin" });
      const writer = stream.writable.getWriter();
      await writer.write(bytes(100_000));
      await writer.abort(new Error("thought better of it"));
      const { error } = await outcome(stream.finished);
      const call = await outcome(client.api.files.upload({ stream }));
      return { error, call, files: (await client.api.files.list()).files };
    }, token);
    assert.equal(seen.error.message, "thought better of it");
    assert.equal(seen.call.error?.ours, true);
    assert.deepEqual(seen.files, []);
    await until("the server has dropped it", async () => (await streams()) === before);
  });

  test("a source that fails fails the upload", async () => {
    const { error } = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("the camera was unplugged")) });
      return outcome(client.createBlobUploader(broken, { name: "film.webm" }).upload());
    }, token);
    assert.equal(error.code, "source-unreadable");
    assert.match(error.message, /the camera was unplugged/);
  });

  test("empty, tiny and odd sizes are whole", async () => {
    const results = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const sizes = [0, 1, 65_535, 65_536, 65_537, 1_000_003];
      return Promise.all(
        sizes.map(async (size) => {
          const all = bytes(size, size + 1);
          const record = await client.api.files.upload({ stream: client.createBlobUploader(new Blob([all]), { name: `${size}.bin` }) });
          return { size, told: record.size, same: (await sha256(await bytesOf(client, record))) === (await sha256(all)) };
        }),
      );
    }, token);
    for (const { size, told, same } of results) assert.ok(told === size && same, `${size} bytes`);
  });

  test("names keep their letters", async () => {
    const names = ["日本語のファイル.txt", "Ünïcödé – “quotes”.pdf", "emoji 🪿🧵.png", "a'b&c;d#e%20f.txt", "CON"];
    const records = await page.evaluate(
      async ({ token, names }) => {
        const client = newClient({ token });
        for (const name of names) await client.api.files.upload({ stream: client.createBlobUploader(new File(["x"], name)) });
        return (await client.api.files.list()).files;
      },
      { token, names },
    );
    assert.deepEqual(records.map((record) => record.name).sort(), [...names].sort());
  });

  test("several at once all move, and a call does not wait behind them", async () => {
    stage.proxy.rate = 16e6;
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token, preferWebSocket: true });
      await client.connect();
      const uploads = [1, 2, 3, 4, 5].map((seed) => client.createBlobUploader(new Blob([bytes(6_000_000, seed)]), { name: `${seed}.bin` }));
      const done = Promise.all(uploads.map((stream) => client.api.files.upload({ stream })));
      const echoes = [];
      while (uploads.every((upload) => upload.progress.durable < 3_000_000)) {
        const begun = performance.now();
        await client.call("system/echo", "a call on the way");
        echoes.push(performance.now() - begun);
      }
      const halfway = uploads.map((upload) => upload.progress.durable);
      await done;
      return { halfway, echoes: echoes.sort((one, other) => one - other) };
    }, token);
    assert.ok(Math.min(...seen.halfway) > 500_000, `when one was half there, they were at ${seen.halfway}`);
    const median = seen.echoes[Math.floor(seen.echoes.length / 2)];
    assert.ok(seen.echoes.length > 5 && median < 400, `${seen.echoes.length} calls, half of them took more than ${median} ms`);
  });

  test("progress counts what is durable, and says how fast and how long", async () => {
    stage.proxy.rate = 6e6;
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const uploader = client.createBlobUploader(new Blob([bytes(9_000_000)]), { name: "measured.bin" });
      const told = [];
      const states = [uploader.state];
      uploader.on("progress", (progress) => told.push(progress));
      uploader.on("state", (state) => states.push(state));
      await uploader.upload();
      return { told, states, last: uploader.progress };
    }, token);
    assert.deepEqual(seen.states, ["idle", "uploading", "finished"]);
    const middle = seen.told.filter(({ durable }) => durable > 3e6 && durable < 8e6);
    assert.ok(middle.length >= 4, `told ${middle.length} times on the way`);
    for (const { sent, durable, total, rate, timeLeft } of middle) {
      assert.ok(sent >= durable && total === 9_000_000);
      assert.ok(rate > 2e6 && rate < 12e6, `a rate of ${rate} where the network passes 6e6`);
      assert.ok(Math.abs(timeLeft - (total - durable) / rate) < 0.01);
    }
    assert.deepEqual([seen.last.durable, seen.last.total], [9_000_000, 9_000_000]);
  });
});

describe("an uploader", () => {
  test("that is paused before it begins sends nothing until it is resumed", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const uploader = client.createBlobUploader(new Blob([bytes(2_000_000)]), { name: "later.bin" });
      uploader.pause();
      const done = uploader.upload();
      await client.connect();
      await pause(300);
      const before = { ...uploader.progress, state: uploader.state };
      uploader.resume();
      return { before, size: (await done).size };
    }, token);
    assert.deepEqual([seen.before.durable, seen.before.state, seen.size], [0, "paused", 2_000_000]);
  });

  test("that is cancelled rejects with `canceled`, and so does a call that waits for it", async () => {
    const before = await streams();
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const uploader = client.createBlobUploader(new Blob([bytes(2_000_000)]), { name: "never.bin" });
      const upload = outcome(uploader.upload());
      uploader.pause();
      await client.connect();
      const call = outcome(client.api.files.upload({ stream: uploader }));
      await pause(100);
      uploader.cancel();
      return { upload: await upload, call: await call, state: uploader.state };
    }, token);
    assert.equal(seen.upload.error.code, "canceled");
    assert.equal(seen.call.error.code, "canceled");
    assert.equal(seen.state, "canceled");
    await until("the server has dropped it", async () => (await streams()) === before);
  });

  test("obeys its signal, before and during", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const never = client.createBlobUploader(new Blob(["x"]), { signal: AbortSignal.abort(new Error("before")) });
      const controller = new AbortController();
      const uploader = client.createBlobUploader(new Blob([bytes(2_000_000)]), { signal: controller.signal });
      const during = outcome(uploader.upload());
      uploader.pause();
      await client.connect();
      controller.abort(new Error("during"));
      return [await outcome(never.upload()), await during].map(({ error }) => error.message);
    }, token);
    assert.deepEqual(seen, ["before", "during"]);
  });

  test("takes a File, a Blob, an ArrayBuffer and a view of one, and nothing else", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const all = bytes(100);
      const sizes = [];
      for (const input of [new File([all], "f"), new Blob([all]), all.slice().buffer, all.subarray(10, 20)]) {
        sizes.push((await client.api.files.upload({ stream: client.createBlobUploader(input, { name: "f" }) })).size);
      }
      const refused = ["text", 1, null, undefined, {}, []].map((input) => {
        try {
          client.createBlobUploader(input);
          return "taken";
        } catch (error) {
          return error.name;
        }
      });
      return { sizes, refused };
    }, token);
    assert.deepEqual(seen.sizes, [100, 100, 100, 10]);
    assert.deepEqual(new Set(seen.refused), new Set(["TypeError"]));
  });
});
