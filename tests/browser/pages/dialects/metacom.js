// The instructions of an app on Metacom, as they were written for its frontend: which call belongs on which connection. Between the marks
// the lines are theirs, but for the addresses. Beside them, a client of the SDK watches the same files.

import * as samewire from "/pkg/index.js";
import { Client } from "/dialects/metacom-app.js";

const part = (name) => document.querySelector(`[data-testid=${name}]`);
const seen = (window.seen = { old: [], new: [], results: [] });
const token = new URLSearchParams(location.search).get("token");
const apiUrl = `${location.origin}/api`;
const wsUrl = `${location.origin.replace("http", "ws")}/api?token=${token}`;

// ---- Transport Configuration
const transportClient = new Client({
  apiUrl,
  wsUrl,
  preferWebSocket: false, // HTTP is preferred for regular API calls
  autoConnectWebSocket: true, // But WebSocket auto-connects for streaming
});
// ----

const client = transportClient;

async function wrong(file) {
  // ---- The Problem
  const uploader = client.createBlobUploader(file);
  await uploader.upload(); // Sends via WebSocket (Client A)
  const result = await client.api.files.upload({ streamId: uploader.id }); // HTTP request (Client B)
  // ----
  return result;
}

async function correct(file) {
  // ---- The Solution
  const uploader = client.createBlobUploader(file);
  await uploader.upload(); // Sends via WebSocket (Client A)
  const result = await client.wsTransport.call('files/upload', { streamId: uploader.id }); // WebSocket (Client A)
  // Success: Both use the same client instance
  // ----
  return result;
}

/** `useFileUpload`: ensures that the WebSocket is connected before it uploads, and always calls over it. */
async function hook(file) {
  if (!client.ws.connected) await client.ws.open();
  const uploader = client.createBlobUploader(file);
  const [result] = await Promise.all([
    client.wsTransport.call("files/upload", { streamId: uploader.id, name: file.name }),
    uploader.upload(),
  ]);
  return result;
}

function show(side, name, data) {
  seen[side].push([name, data]);
  const line = document.createElement("li");
  line.textContent = `${name} ${JSON.stringify(data)}`;
  part(side).append(line);
}

function tell(kind, text) {
  part("result").textContent = text;
  part("result").parentElement.dataset.kind = kind;
}

const sdk = new samewire.Client({ apiUrl: location.origin, wsUrl: `${location.origin.replace("http", "ws")}/session`, token });

/** Both watch how a file is coming along. */
async function watch(id) {
  const room = sdk.join(`file:${id}`);
  room.on("event", ({ name, data }) => show("new", name, data));
  await room.ready;
  await client.wsTransport.call("rooms/join", { room: `file:${id}` });
}

for (const [name, upload] of Object.entries({ wrong, correct, hook })) {
  part(name).addEventListener("click", async () => {
    tell("wait", "…");
    try {
      const result = await upload(part("file").files[0]);
      seen.results.push({ name, result });
      if (result.id) await watch(result.id);
      tell("done", JSON.stringify(result));
    } catch (error) {
      seen.results.push({ name, error: { code: error.code, message: error.message } });
      tell("error", `${error.code}: ${error.message}`);
    }
  });
}

await client.load("files", "file");
client.ws.api.file.on("*", (name, data) => show("old", name, data));
client.ws.api.files.on("uploaded", (data) => show("old", "uploaded", data));
client.ws.api.files.on("failed", (data) => show("old", "failed", data));
Object.assign(window, { client, sdk, watch, ready: true });
