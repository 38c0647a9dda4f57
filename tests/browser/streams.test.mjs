// Streams in both directions as a program uses them: sources and sinks of every kind, through cuts.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { MiB } from "./support/files.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

/** How far a sender may be ahead of what the receiver has used: the server's window, and what frames and sockets hold. */
const WINDOW = 4 * MiB;
const IN_SOCKETS = 8 * MiB;

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

  test("a name that could be a path is refused, and nothing is stored", async () => {
    const before = await streams();
    for (const name of ["../../etc/passwd", "a/b", "a\u0000b", "..", "x".repeat(256)]) {
      const { error } = await page.evaluate(
        ({ token, name }) => {
          const client = newClient({ token });
          return outcome(client.createBlobUploader(new Blob(["x"]), { name }).upload());
        },
        { token, name },
      );
      assert.equal(error?.code, "bad-name", JSON.stringify(name));
    }
    assert.equal(await streams(), before);
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

describe("from the server", () => {
  /** Stores a file of so many bytes under the page's user; leaves `client` and `record` in the page. */
  async function store(size) {
    await page.evaluate(
      async ({ token, size }) => {
        window.client = newClient({ token });
        window.record = await client.api.files.upload({ stream: client.createBlobUploader(new Blob([bytes(size, 9)]), { name: "down.bin" }) });
      },
      { token, size },
    );
  }

  test("a slow reader holds the server back", async () => {
    await store(40 * MiB);
    const begun = stage.proxy.down;
    await page.evaluate(async () => {
      const { stream } = await client.api.files.open({ id: record.id });
      window.reader = client.getStream(stream).getReader();
      window.first = (await reader.read()).value.length;
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const ahead = stage.proxy.down - begun;
    assert.ok(ahead <= WINDOW + MiB, `${ahead} bytes came for a reader that took one piece`);
    const same = await page.evaluate(async () => {
      let got = first;
      const parts = [];
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        got += value.length;
        parts.push(value);
      }
      return got === record.size && (await sha256(new Blob(parts))) === (await sha256(bytes(record.size, 9).subarray(first)));
    });
    assert.ok(same);
  });

  test("a download goes on through cuts, and every byte comes once", async () => {
    await store(24 * MiB);
    stage.proxy.rate = 24e6;
    const read = page.evaluate(async () => {
      const { stream } = await client.api.files.open({ id: record.id });
      return (await sha256(client.getStream(stream))) === (await sha256(bytes(record.size, 9)));
    });
    const begun = stage.proxy.down;
    for (let cut = 0; cut < 3; cut += 1) {
      await stage.proxy.cutAfter(2 * MiB + Math.round(Math.random() * 3 * MiB), "down");
      await until("the page is back", () => stage.proxy.sessions === 1);
    }
    assert.ok(await read);
    const again = stage.proxy.down - begun - 24 * MiB;
    assert.ok(again < 3 * IN_SOCKETS, `${again} bytes were sent again`);
  });

  test("a reader that cancels ends the stream on the server", async () => {
    await store(20 * MiB);
    const before = await streams();
    const begun = stage.proxy.down;
    await page.evaluate(async () => {
      const { stream } = await client.api.files.open({ id: record.id });
      const reader = client.getStream(stream).getReader();
      await reader.read();
      await reader.cancel("enough");
    });
    await until("the server has dropped it", async () => (await streams()) === before);
    assert.ok(stage.proxy.down - begun < WINDOW + MiB);
  });

  test("an unknown id fails, and so does somebody else's", async () => {
    await store(1000);
    const stranger = await stage.page();
    const opened = await page.evaluate(async () => (await client.api.files.open({ id: record.id })).stream);
    const errors = await stranger.page.evaluate(
      async ({ token, ids }) => {
        const client = newClient({ token });
        await client.connect();
        return Promise.all(ids.map(async (id) => (await outcome(client.getStream(id).getReader().read())).error));
      },
      { token: stranger.token, ids: [`st_${"0".repeat(32)}`, opened] },
    );
    await stranger.page.context().close();
    for (const error of errors) assert.equal(error.code, "stream-not-found");
  });
});

describe("what a server does not take", () => {
  const MEGABYTE = 1e6;
  let strict, page, token;

  before(async () => {
    const settings = { SAMEWIRE_STREAMS_QUOTA: "2MiB", SAMEWIRE_LIMITS_MAX_UPLOAD: "3MiB", SAMEWIRE_LIMITS_MAX_STREAMS: "4" };
    strict = await Stage.start({ settings });
    ({ page, token } = await strict.page());
    await page.evaluate((token) => void (window.client = newClient({ token })), token);
  });
  after(() => strict?.end());

  for (const [what, size, streamed, code] of [
    ["a file beyond the room that is left", 2.5 * MEGABYTE, false, "quota-exceeded"],
    ["a stream that grows beyond it", 2.5 * MEGABYTE, true, "quota-exceeded"],
    ["a file beyond the limit", 4 * MEGABYTE, false, "too-big"],
  ]) {
    test(`${what} is refused with ${code}, and nothing stays`, async () => {
      const { error } = await page.evaluate(
        ({ size, streamed }) => {
          const blob = new Blob([bytes(size)]);
          return outcome(client.createBlobUploader(streamed ? blob.stream() : blob, { name: "big.bin" }).upload());
        },
        { size, streamed },
      );
      assert.deepEqual([error.code, error.ours, error.ran], [code, true, "no"]);
      await until("nothing stays", async () => (await strict.server.health()).streams === 0 && (await strict.server.blobs()).length === 0);
    });
  }

  test("a call that names what was refused tells why, and not that it knows no such stream", async () => {
    const codes = await page.evaluate(async () => {
      const call = async (bytes, name) => {
        const { error } = await outcome(client.api.files.upload({ stream: client.createBlobUploader(new Blob([bytes]), { name }) }));
        return error.code;
      };
      return [await call(bytes(4e6), "big.bin"), await call(bytes(2.5e6), "big.bin"), await call(bytes(1), "a/b")];
    });
    assert.deepEqual(codes, ["too-big", "quota-exceeded", "bad-name"]);
  });

  test("more streams than it has places for are refused, and those that have one are stored", async () => {
    const ends = await page.evaluate(async () => {
      const uploads = Array.from({ length: 7 }, (_, at) => client.createBlobUploader(new Blob([bytes(1000, at)]), { name: `${at}.bin` }));
      for (const upload of uploads) upload.pause();
      const done = uploads.map((upload) => outcome(upload.upload()));
      const refused = (await Promise.all(done.slice(4))).map(({ error }) => [error.code, error.retryable]);
      const stored = await Promise.all(
        uploads.slice(0, 4).map((stream) => {
          stream.resume();
          return client.api.files.upload({ stream });
        }),
      );
      return { refused, stored: stored.length };
    });
    assert.deepEqual(ends, { refused: Array(3).fill(["too-many-streams", true]), stored: 4 });
  });
});
