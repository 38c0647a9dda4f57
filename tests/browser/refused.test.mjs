// What a server does not take: names, sizes and numbers beyond its limits, each with its own code, and nothing left behind.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

let stage, page, trace;

before(async () => {
  const settings = { SAMEWIRE_STREAMS_QUOTA: "2MiB", SAMEWIRE_LIMITS_MAX_UPLOAD: "3MiB", SAMEWIRE_LIMITS_MAX_STREAMS: "4" };
  stage = await Stage.start({ settings });
  let token;
  ({ page, trace, token } = await stage.page());
  await page.evaluate((token) => void (window.client = newClient({ token })), token);
});
after(() => stage?.end());

async function nothingStays() {
  await until("nothing stays", async () => (await stage.server.health()).streams === 0 && (await stage.server.blobs()).length === 0);
}

for (const [what, size, streamed, code] of [
  ["a file beyond the room that is left", 2.5e6, false, "quota-exceeded"],
  ["a stream that grows beyond it", 2.5e6, true, "quota-exceeded"],
  ["a file beyond the limit", 4e6, false, "too-big"],
]) {
  test(`${what} is refused with ${code}`, async () => {
    const { error } = await page.evaluate(
      ({ size, streamed }) => {
        const blob = new Blob([bytes(size)]);
        return outcome(client.createBlobUploader(streamed ? blob.stream() : blob, { name: "big.bin" }).upload());
      },
      { size, streamed },
    );
    assert.deepEqual([error.code, error.ours, error.ran], [code, true, "no"]);
    await nothingStays();
  });
}

test("a name that could be a path is refused with bad-name", async () => {
  for (const name of ["../../etc/passwd", "a/b", "a\\b", "a\u0000b", "a\u202eb", "..", " ", "x".repeat(256)]) {
    const { error } = await page.evaluate((name) => outcome(client.createBlobUploader(new Blob(["x"]), { name }).upload()), name);
    assert.equal(error?.code, "bad-name", JSON.stringify(name));
  }
  await nothingStays();
});

test("a call that names what was refused tells why, and not that it knows no such stream", async () => {
  const codes = await page.evaluate(async () => {
    const call = async (bytes, name) => {
      const { error } = await outcome(client.api.files.upload({ stream: client.createBlobUploader(new Blob([bytes]), { name }) }));
      return error.code;
    };
    return [await call(bytes(4e6), "big.bin"), await call(bytes(2.5e6), "big.bin"), await call(bytes(1), "a/b")];
  });
  assert.deepEqual(codes, ["too-big", "quota-exceeded", "bad-name"]);
  await nothingStays();
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

test("the session outlived all of it", async () => {
  assert.equal(await page.evaluate(() => client.state), "live");
  assert.equal(trace.sockets, 1);
  assert.deepEqual(trace.problems, []);
});
