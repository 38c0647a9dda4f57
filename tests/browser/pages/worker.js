// Stores a file and reads it back, in a worker.

import { Client } from "/pkg/index.js";

onmessage = async ({ data: { token, file } }) => {
  const client = new Client({ apiUrl: location.origin, token });
  const record = await client.api.files.upload({ stream: client.createBlobUploader(file) });
  const { stream } = await client.api.files.open({ id: record.id });
  const digest = await crypto.subtle.digest("SHA-256", await new Response(client.getStream(stream)).arrayBuffer());
  client.close();
  postMessage({ record, sha256: [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") });
};
