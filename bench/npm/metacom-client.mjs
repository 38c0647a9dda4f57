// npm metacom, unmodified: uploads a file as often as it is told, one after another, and says of each whether it is whole.
//
//     node metacom-client.mjs URL FILE FIRST COUNT [FOLDER]
//
// FIRST is the number in the name of the first file. FOLDER is where a server writes that says nothing of an end: an upload to it is over
// when its file is as large as it should be, or has not grown for a while.
import { once } from "node:events";
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import metacom from "metacom";

const [url, path, first, count, folder] = process.argv.slice(2);
/** How long a file may stay as it is, in milliseconds. */
const PATIENCE = 15_000;
/** How long it may take to connect, and each upload. */
const LIMIT = 120_000;
const limit = setTimeout(() => {
  console.log(`failed ${LIMIT / 1000} s are over`);
  process.exit(1);
}, LIMIT);

/** Files of nobody in particular go with their connection, so this one is somebody. */
async function token() {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/dev/token`, { method: "POST", headers, body: '{"name":"ada"}' });
  return (await answer.json()).token;
}

const query = folder ? "" : `?token=${await token()}`;
const client = metacom.Metacom.create(`${url.replace("http", "ws")}/api${query}`, { callTimeout: LIMIT, reconnectTimeout: 2 * LIMIT });
client.on("error", () => {});
let gone = false;
client.on("close", () => (gone = true));
if (!client.connected) await once(client, "open");
await client.load("files");

const waiting = new Map();
client.on("close", () => waiting.forEach((resolve) => resolve("failed the connection is gone")));
client.api.files.on("uploaded", ({ streamId, digest }) => waiting.get(streamId)?.(`whole ${digest}`));
client.api.files.on("failed", ({ streamId, message }) => waiting.get(streamId)?.(`failed ${message}`));

/** Waits until the server says what became of a stream. */
function told(streamId) {
  return new Promise((resolve) => waiting.set(streamId, resolve));
}

/** Waits until a file is as large as it should be. */
async function grown(name, size) {
  let [last, since] = [-1, performance.now()];
  while (performance.now() - since < PATIENCE) {
    const now = await stat(join(folder, name)).then((file) => file.size, () => 0);
    if (now === size) return "whole";
    if (now !== last) [last, since] = [now, performance.now()];
    if (gone) return `failed the server is gone; ${now} of ${size} bytes are there`;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return `failed ${last} of ${size} bytes are there`;
}

const blob = await openAsBlob(path);
for (let number = Number(first); number < Number(first) + Number(count); number += 1) {
  const uploader = client.createBlobUploader(blob);
  const name = `file-${number}`;
  const ended = folder ? null : told(uploader.id);
  await client.api.files.upload({ streamId: uploader.id, name });
  await uploader.upload();
  console.log(folder ? await grown(name, blob.size) : await ended);
  limit.refresh();
}
process.exit(0);
