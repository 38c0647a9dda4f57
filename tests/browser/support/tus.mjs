// Uploads with tus-js-client, as npm has it, and what became of them.

import assert from "node:assert/strict";

import * as tus from "tus-js-client";

/** How long to wait before each further attempt, in milliseconds: often enough for a network that breaks again and again. */
export const RETRIES = [0, 20, 50, 100, 200, 500, 1000];

/**
 * Begins an upload; `done` is the id of the file that it became. `requests` are what was sent, as "PATCH /tus/ID", and `offset` is how
 * much the server has told to have.
 */
export function upload(source, { url, token, name, ...options }) {
  const requests = [];
  const told = { it: null, requests, offset: 0, done: null };
  told.done = new Promise((resolve, reject) => {
    told.it = new tus.Upload(source, {
      endpoint: `${url}/tus/`,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { filename: name, filetype: "application/octet-stream" },
      retryDelays: RETRIES,
      onBeforeRequest: (request) => {
        const { pathname } = new URL(request.getURL());
        requests.push(`${request.getMethod()} ${pathname.replace(/st_[0-9a-f]{32}/, "ID")}`);
      },
      onChunkComplete: (_, accepted) => (told.offset = accepted),
      ...options,
      onSuccess: ({ lastResponse }) => resolve(lastResponse.getHeader("Samewire-File")),
      onError: reject,
    });
  });
  // Whoever waits for it sees the error; a test that does not, does not want it.
  told.done.catch(() => {});
  return told;
}

/** A file that a page downloads over its session is the one that was sent. */
export async function assertStored(page, id, { name, size, sha256 }) {
  const got = await page.evaluate(async (id) => {
    const { files } = await client.api.files.list({});
    const file = files.find((file) => file.id === id);
    return file && { name: file.name, size: file.size, sha256: await window.sha256(new Blob([await bytesOf(client, file)])) };
  }, id);
  assert.deepEqual(got, { name, size, sha256 });
}
