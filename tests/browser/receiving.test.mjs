// Streams from the server as a program reads them: at its own pace, through cuts, and not to the end.

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

/** How many streams the server has; those included that other tests left. */
const streams = async () => (await stage.server.health()).streams;

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
