// tus-js-client uploads a file, in chunks of so many bytes or at once: ENDPOINT FILE CHUNK|0 [TOKEN]. It warms up, says that it
// is ready, waits for a line, and prints how many seconds the upload took.
import { createReadStream } from "node:fs";
import { once } from "node:events";
import { Upload } from "tus-js-client";

const [endpoint, file, chunk, token] = process.argv.slice(2);
const headers = token ? { authorization: `Bearer ${token}` } : {};
const options = { endpoint, headers, chunkSize: Number(chunk) || Infinity, retryDelays: null };

function upload(source) {
  return new Promise((resolve, reject) => {
    new Upload(source, { ...options, metadata: { filename: "source.bin" }, onSuccess: resolve, onError: reject }).start();
  });
}

// The code of both sides is loaded and warm when the clock runs.
await upload(createReadStream(file));
console.log("ready");
await once(process.stdin, "data");
const start = performance.now();
await upload(createReadStream(file));
console.log((performance.now() - start) / 1000);
process.exit(0);
