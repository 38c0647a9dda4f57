// Stored files as a page sees them: addresses, ranges, and the room that tells of each.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Stage } from "./support/stage.mjs";

let stage, page, trace, context, token;

before(async () => (stage = await Stage.start()));
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
