// Clients of Socket.IO as npm has them, and what a server tells them about files.

import { once as happens } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";

import { io } from "socket.io-client";

import { HERE } from "./environment.mjs";
import { token } from "./server.mjs";
import { until } from "./wait.mjs";

export const NAMESPACE = "/file-processing";

/** A key of another server that publishes in rooms, and the configuration with it. */
export const KEY = "0123456789abcdef0123456789abcdef0123456789abcdef";

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

/**
 * A network through which requests pass, and of a WebSocket the handshake only: then it is `cut`, or a `hole` in which all that is said
 * gets lost.
 */
export class DeadEnd {
  /** How many WebSockets came to their end here. */
  met = 0;

  #listener;
  #connections = new Set();

  static async to(port, how) {
    const road = new DeadEnd();
    road.#listener = createServer((page) => road.#accept(page, connect(port, "127.0.0.1"), how));
    road.#listener.listen(0, "127.0.0.1");
    await happens(road.#listener, "listening");
    return road;
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  #accept(page, server, how) {
    let met = false;
    for (const [one, other] of [[page, server], [server, page]]) {
      this.#connections.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        this.#connections.delete(one);
        other.destroy();
      });
      one.on("data", (bytes) => {
        if (met) return;
        const head = bytes.indexOf("\r\n\r\n");
        if (one !== server || !bytes.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101"))) return other.write(bytes);
        met = true;
        this.met += 1;
        other.write(bytes.subarray(0, head + 4), () => how === "cut" && page.destroy());
      });
    }
  }

  async close() {
    for (const socket of this.#connections) socket.destroy();
    this.#listener.close();
    await happens(this.#listener, "close");
  }
}
