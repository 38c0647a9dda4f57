// A TCP proxy between a page and the server, on loopback only: the network that goes wrong when a test wants it to.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** More connections than any test has at once. */
const MOST = 64;
/** A sender is held back once it is so many milliseconds ahead of its rate. */
const AHEAD = 4;

export class Proxy {
  /** Bytes of sessions that came from pages, and from the server. */
  up = 0;
  down = 0;
  /** How often a session's connection was cut here. */
  cuts = 0;
  /** Bytes a second that sessions may send, each way. */
  rate = Infinity;

  #listener;
  #target;
  #counts;
  #pairs = new Set();
  #refusing = false;
  #stalled = false;
  #cutAt = { up: Infinity, down: Infinity };
  #due = { up: 0, down: 0 };
  #onCut = [];

  /** A proxy to a port of this machine. `counts` is how a connection begins that is counted and cut: a session's, unless said otherwise. */
  static async to(port, { counts = /^GET \/session/ } = {}) {
    const proxy = new Proxy();
    proxy.#target = port;
    proxy.#counts = counts;
    proxy.#listener = createServer({ allowHalfOpen: false }, (page) => proxy.#accept(page));
    proxy.#listener.maxConnections = MOST;
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get port() {
    return this.#listener.address().port;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many sessions are connected through it. */
  get sessions() {
    return [...this.#pairs].filter((pair) => pair.session).length;
  }

  /** Cuts every session's connection now. What was on its way is lost. */
  cut() {
    for (const pair of this.#pairs) {
      if (pair.session) this.#cutPair(pair);
    }
  }

  /** Cuts once so many more bytes of sessions have passed, even in the middle of a frame. Resolves when that has happened. */
  cutAfter(bytes, way = "up") {
    this.#cutAt[way] = this[way] + bytes;
    return new Promise((resolve) => this.#onCut.push(resolve));
  }

  /** Refuses new connections, or no longer. */
  refuse(refusing) {
    this.#refusing = refusing;
  }

  /** Passes nothing on, and keeps every connection: a network that hangs. */
  stall(stalled) {
    this.#stalled = stalled;
    for (const { page, server } of this.#pairs) {
      for (const socket of [page, server]) stalled ? socket.pause() : socket.resume();
    }
  }

  async close() {
    for (const pair of this.#pairs) this.#drop(pair);
    this.#listener.close();
    await once(this.#listener, "close");
  }

  #accept(page) {
    if (this.#refusing) return page.resetAndDestroy();
    const server = connect(this.#target, "127.0.0.1");
    const pair = { page, server, session: false, begun: false, breaking: false };
    this.#pairs.add(pair);
    for (const socket of [page, server]) {
      socket.setNoDelay(true);
      // Either end may go at any time, in any way; the other one then goes too.
      socket.on("error", () => this.#drop(pair));
      socket.on("close", () => this.#drop(pair));
      if (this.#stalled) socket.pause();
    }
    page.on("data", (bytes) => {
      if (!pair.begun) pair.session = this.#counts.test(bytes.subarray(0, 64).toString("latin1"));
      pair.begun = true;
      this.#pass(pair, "up", page, server, bytes);
    });
    server.on("data", (bytes) => this.#pass(pair, "down", server, page, bytes));
  }

  #pass(pair, way, from, to, bytes) {
    if (!pair.session) return this.#write(from, to, bytes);
    if (pair.breaking) return;
    const left = this.#cutAt[way] - this[way];
    this[way] += bytes.length;
    if (bytes.length >= left) {
      this.#cutAt[way] = Infinity;
      pair.breaking = true;
      // The first part is on its way before the line breaks.
      return void to.write(bytes.subarray(0, left), () => this.cut());
    }
    this.#write(from, to, bytes, this.#wait(way, bytes.length));
  }

  /** How long until the rate allows more, in milliseconds. */
  #wait(way, bytes) {
    if (this.rate === Infinity) return 0;
    const now = performance.now();
    this.#due[way] = Math.max(this.#due[way], now) + (bytes / this.rate) * 1000;
    const wait = this.#due[way] - now;
    return wait > AHEAD ? wait : 0;
  }

  #write(from, to, bytes, wait = 0) {
    const more = () => this.#stalled || from.resume();
    const full = !to.write(bytes);
    if (!full && wait === 0) return;
    from.pause();
    const drained = full ? once(to, "drain").catch(() => {}) : Promise.resolve();
    const waited = new Promise((resolve) => setTimeout(resolve, wait));
    Promise.all([drained, waited]).then(more);
  }

  #cutPair(pair) {
    this.cuts += 1;
    this.#drop(pair);
    for (const resolve of this.#onCut.splice(0)) resolve();
  }

  #drop(pair) {
    if (!this.#pairs.delete(pair)) return;
    pair.page.resetAndDestroy();
    pair.server.resetAndDestroy();
  }
}
