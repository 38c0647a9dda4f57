// A real server in a process of its own, with its data in a folder of its own.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { DEMO, PACKAGE, PAGES, program } from "./environment.mjs";

const SECRET = "a secret of these tests, of 32 bytes or more";
const LOG_LINES = 60;
/** How long a server may take to say where it listens, and to stop. */
const PATIENCE = 20_000;

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Server {
  #child = null;
  #log = [];
  #folder;
  #pages;
  #settings;
  port = 0;

  constructor(folder, pages, settings) {
    this.#folder = folder;
    this.#pages = pages;
    this.#settings = settings;
  }

  /**
   * Starts a server on a free port. `demo`: with the demo's pages instead of the tests' own, or those of another folder. `settings`: environment variables.
   * `config`: the text of a configuration file.
   */
  static async start({ demo = false, settings = {}, config = "" } = {}) {
    const folder = await mkdtemp(join(tmpdir(), "samewire-browser-"));
    await writeFile(join(folder, "samewire.toml"), config);
    const server = new Server(folder, demo === true ? DEMO : demo || PAGES, settings);
    await server.run();
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The number of its process. */
  get pid() {
    return this.#child.pid;
  }

  get data() {
    return join(this.#folder, "data");
  }

  /** The last lines of its log. */
  get log() {
    return this.#log.join("\n");
  }

  /** Starts the program; again on the same port and data when it ran before. */
  async run() {
    const options = ["serve", "--dev", "--listen", `127.0.0.1:${this.port}`, "--data", this.data];
    options.push("--config", join(this.#folder, "samewire.toml"));
    const child = spawn(program(), [...options, "--demo", this.#pages, "--pkg", PACKAGE], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SAMEWIRE_AUTH_SECRET: SECRET, ...this.#settings },
    });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    createInterface(child.stderr).on("line", (line) => {
      this.#log.push(line);
      if (this.#log.length > LOG_LINES) this.#log.shift();
    });
    const told = new Promise((resolve, reject) => {
      createInterface(child.stdout).on("line", (line) => {
        const address = /^listening on http:\/\/.*:(\d+)$/.exec(line);
        if (address) resolve(Number(address[1]));
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${this.log}`)));
    });
    this.port = await within(PATIENCE, "the server to listen", told);
  }

  /** Ends the process as a crash does: it says goodbye to nobody. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Ends the process in an orderly way. */
  async stop() {
    await this.#end("SIGTERM");
  }

  async #end(signal) {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await within(PATIENCE, `the server to end after ${signal}`, gone);
  }

  /** Ends the process and removes its data. */
  async remove() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What `GET /healthz` tells. */
  async health() {
    return (await fetch(`${this.url}/healthz`)).json();
  }

  /** The stored bytes themselves: the paths of all blobs. */
  async blobs() {
    const entries = await readdir(join(this.data, "blobs"), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  }
}

/**
 * A token for a user of these servers (HS256). `expires` is in seconds from now; `rooms` and `live` are grants, as `[{ name, role }]`;
 * another `secret` makes a forgery.
 */
export function token(user, { expires = 3600, rooms, live, secret = SECRET } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: user, exp: Math.floor(Date.now() / 1000) + expires, samewire: (rooms || live) && { rooms, live } };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** Waits for a promise, but not for ever. */
export async function within(millis, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${millis} ms for ${what}`)), millis);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
