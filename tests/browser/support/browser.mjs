// A real Chromium, and pages that tell what they did.

import { chromium } from "playwright-core";

import { chromium as program } from "./environment.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long a page may take for what a test expects at once, on a slow machine. */
const PATIENCE = 15_000;

/** What a browser itself says of a connection that a test cut, or of an answer that a test wanted to be an error. */
const EXPECTED = [/^WebSocket connection to /, /^Failed to load resource: /];

/** Opens a browser. `flags`: more of its own. */
export function launch({ flags = [] } = {}) {
  return chromium.launch({ executablePath: program(), args: [...FLAGS, ...flags] });
}

/** Opens a page at an address, in a context of its own, and takes note of what it does. `prepare(context)` runs before. */
export async function open(browser, address, { prepare, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await prepare?.(context);
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const trace = new Trace(page);
  await page.goto(address);
  return { page, trace, context };
}

/** What a page sent, over which wire, and what went wrong in it. */
export class Trace {
  /** Calls over HTTP: their methods, in order. */
  http = [];
  /** Calls over sessions, those included that were made again after a cut. */
  session = [];
  /** All text frames, as `{ way: "up" | "down", ...frame }`, but for the heartbeat and credit. */
  frames = [];
  /** How many sockets were opened. */
  sockets = 0;
  /** Errors that nobody caught, and what the page wrote as errors. */
  problems = [];

  constructor(page) {
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      if (request.method() === "POST" && pathname.startsWith("/rpc/")) this.http.push(pathname.slice(5));
    });
    page.on("websocket", (socket) => {
      this.sockets += 1;
      socket.on("framesent", ({ payload }) => this.#frame("up", payload));
      socket.on("framereceived", ({ payload }) => this.#frame("down", payload));
    });
    page.on("pageerror", (error) => this.problems.push(String(error.stack ?? error)));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !EXPECTED.some((known) => known.test(text))) this.problems.push(text);
    });
  }

  #frame(way, payload) {
    // Clients of other systems may say what is no JSON.
    if (typeof payload !== "string" || !payload.startsWith("{")) return;
    const frame = JSON.parse(payload);
    if (["ping", "pong", "credit"].includes(frame.type)) return;
    this.frames.push({ way, ...frame });
    if (way === "up" && frame.type === "call") this.session.push(frame.method);
  }
}
