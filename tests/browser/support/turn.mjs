// A real TURN server, coturn, in a process of its own.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { within } from "./server.mjs";
import { answers } from "./stun.mjs";

const SECRET = "a secret of the TURN server of these tests";
const LOG_LINES = 60;
/** How long it may take to start, and to stop. */
const PATIENCE = 20_000;
/** Somebody else may take a port between its choice and its use. */
const TRIES = 5;

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Turn {
  #child = null;
  #folder;
  #log = [];
  address;
  port = 0;
  secret;

  constructor(folder, address, secret) {
    this.#folder = folder;
    this.address = address;
    this.secret = secret;
  }

  /** Starts a TURN server on a free port of this address, that takes credentials under this secret. */
  static async start({ address = "127.0.0.1", secret = SECRET } = {}) {
    const folder = await mkdtemp(join(tmpdir(), "samewire-turn-"));
    const turn = new Turn(folder, address, secret);
    for (let tries = 1; ; tries += 1) {
      try {
        turn.port = await freePort(address);
        await turn.run();
        return turn;
      } catch (error) {
        await turn.remove();
        if (tries === TRIES) throw error;
      }
    }
  }

  /** What browsers and a server's `live.turn.urls` call it. */
  get url() {
    return `turn:${this.address}:${this.port}?transport=udp`;
  }

  /** The environment for a server whose clients are to use it. */
  get settings() {
    return { SAMEWIRE_LIVE_TURN_URLS: this.url, SAMEWIRE_LIVE_TURN_SECRET: this.secret };
  }

  /** The last lines of its log. */
  get log() {
    return this.#log.join("\n");
  }

  /** Whom it has given a relayed address, and to how many: what its log says so far. */
  get allocations() {
    return this.#log.filter((line) => line.includes("ALLOCATE processed, success")).length;
  }

  /** Starts the program; again on the same port when it ran before. */
  async run() {
    const options = {
      "listening-ip": this.address,
      "relay-ip": this.address,
      "listening-port": this.port,
      realm: "samewire.test",
      "static-auth-secret": this.secret,
      userdb: join(this.#folder, "turndb"),
      pidfile: join(this.#folder, "pid"),
      "log-file": "stdout",
    };
    const flags = ["-n", "--use-auth-secret", "--fingerprint", "--no-cli", "--no-tls", "--no-dtls", "--simple-log", "--verbose"];
    // What it relays to is on this machine too; for anybody else that would be a hole.
    flags.push("--allow-loopback-peers", ...Object.entries(options).map(([name, value]) => `--${name}=${value}`));
    const child = spawn("turnserver", flags, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on("line", (line) => {
        this.#log.push(line);
        if (this.#log.length > LOG_LINES) this.#log.shift();
      });
    }
    const failed = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`turnserver ended with ${code}:\n${this.log}`)));
    });
    failed.catch(() => {});
    await within(PATIENCE, "the TURN server to answer", Promise.race([failed, this.#answers()]));
  }

  async #answers() {
    const child = this.#child;
    while (child.exitCode === null && !(await answers(this.address, this.port))) await sleep(20);
  }

  /** Credentials by the published scheme, good for `expires` seconds from now; those of another `secret` are a forgery. */
  credentials({ expires = 600, secret = this.secret, user = "tester" } = {}) {
    const username = `${Math.floor(Date.now() / 1000) + expires}:${user}`;
    return { username, credential: createHmac("sha1", secret).update(username).digest("base64") };
  }

  /** Ends the process, and with it everything that it relays. */
  async stop() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await within(PATIENCE, "the TURN server to end", gone);
  }

  /** Ends the process and removes what it wrote. */
  async remove() {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port of this address that is free for UDP at the moment. */
async function freePort(address) {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.bind(0, address);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
