// Clients of Socket.IO as npm has them, and what a server tells them about files.

import { readFile } from "node:fs/promises";

import { io } from "socket.io-client";

import { HERE } from "./environment.mjs";
import { token } from "./server.mjs";
import { until } from "./wait.mjs";

export const NAMESPACE = "/file-processing";

/** A key of another server that publishes in rooms, and the configuration with it. */
const KEY = "0123456789abcdef0123456789abcdef0123456789abcdef";

export const CONFIG = `
[[api_keys]]
name = "worker"
key = "${KEY}"

# Everybody who reads too slowly gets everything that is kept, in its order.
[rooms.kinds.file]
slow = "recover"
history = 10000
history_bytes = "64 MiB"
`;

/** Stores a file of a user over HTTP; returns its record. */
export async function store(server, user, content = "a text", media = "text/plain") {
  const headers = { authorization: `Bearer ${token(user)}`, "content-type": media };
  const answer = await fetch(`${server.url}/api/files`, { method: "POST", headers, body: content });
  return answer.json();
}

/** Says so many events of progress in a file's room, from `first` on. */
export async function progress(server, fileId, count, { first = 0, filling = "" } = {}) {
  for (let at = first; at < first + count; at += 250) {
    const items = Array.from({ length: Math.min(250, first + count - at) }, (_, n) => ({
      room: `file:${fileId}`,
      name: "processing:progress",
      payload: { fileId, progress: (at + n) % 101, n: at + n, ...(filling && { filling }) },
    }));
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const answer = await fetch(`${server.url}/api/publish`, { method: "POST", headers, body: JSON.stringify({ items }) });
    const { results } = await answer.json();
    const failed = results?.find(({ error }) => error);
    if (!answer.ok || failed) throw new Error(`not published: ${answer.status} ${JSON.stringify(failed)}`);
  }
}

const open = new Set();

/** A client that notes what it hears in `told`, as `[name, data]`. */
export function client(server, { user, auth = { token: token(user) }, namespace = NAMESPACE, ...options } = {}) {
  const socket = io(`${server.url}${namespace}`, { auth, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
  socket.told = [];
  socket.onAny((...event) => socket.told.push(event));
  open.add(socket);
  return socket;
}

/** Closes every client. */
export function closeAll() {
  for (const socket of open) socket.close();
  open.clear();
}

/** The next time that a socket says this. */
export const once = (socket, event) => new Promise((resolve) => void socket.once(event, (...args) => resolve(args[0])));

/** The data of everything that was told under this name. */
export const all = (socket, name) => socket.told.filter(([told]) => told === name).map(([, data]) => data);

/** Waits until something was told. */
export const tells = (socket, what, wanted) => until(what, () => socket.told.some(wanted));

/** Has the page find npm's own file of the client where it looks for it. */
export async function serveClient(context) {
  const body = await readFile(`${HERE}/node_modules/socket.io-client/dist/socket.io.min.js`);
  await context.route("**/socket.io-client/socket.io.min.js", (route) => route.fulfill({ contentType: "text/javascript", body }));
}
