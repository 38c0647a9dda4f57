// The packed npm package in the places where it is imported: plain Node, strict pages, workers, and pages that stay open for long.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { HERE, tarball } from "./support/environment.mjs";
import { Stage } from "./support/stage.mjs";

/** Runs a module in a Node of its own and returns what it wrote, which is JSON. It has to end by itself. */
async function node(source) {
  const options = { cwd: HERE, timeout: 10_000, env: { PATH: process.env.PATH } };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", source], options);
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

describe("the tarball", () => {
  test("holds the package and nothing else", () => {
    const files = execFileSync("tar", ["-tzf", tarball()], { encoding: "utf8" }).trim().split("\n");
    const expected = /^package\/(package\.json|README\.md|LICENSE[-A-Z]*|[a-z-]+\.js|[a-z-]+\.d\.ts|lib\/([a-z-]+\/)?[a-z-]+\.js|wasm\/samewire(\.js|_bg\.wasm))$/;
    assert.deepEqual(files.filter((file) => !expected.test(file)), []);
    for (const file of ["package.json", "README.md", "index.js", "index.d.ts", "wasm/samewire_bg.wasm"]) {
      assert.ok(files.includes(`package/${file}`), file);
    }
  });
});

describe("in plain Node", () => {
  test("an import does nothing: no globals, no handles, no output", async () => {
    const seen = await node(`
      const before = Reflect.ownKeys(globalThis).map(String);
      const begun = process.getActiveResourcesInfo().length;
      const names = Object.keys(await import("samewire")).sort();
      // Reading the files themselves is over a moment later.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const globals = Reflect.ownKeys(globalThis).map(String).filter((name) => !before.includes(name));
      console.log(JSON.stringify({ names, globals, handles: process.getActiveResourcesInfo().length - begun }));
    `);
    assert.ok(seen.names.includes("Client") && seen.names.includes("SamewireError"), String(seen.names));
    assert.deepEqual([seen.globals, seen.handles], [[], 0]);
  });

  test("a client can be made, holds nothing open, and says what it lacks when it is to connect", async () => {
    const seen = await node(`
      import { Client, SamewireError } from "samewire";
      delete globalThis.WebSocket;
      const client = new Client({ apiUrl: "http://127.0.0.1:9" });
      const uploader = client.createBlobUploader(new Blob(["x"]));
      const error = await client.connect().then(() => null, (error) => error);
      console.log(JSON.stringify({ state: client.state, id: uploader.id, ours: error instanceof SamewireError, code: error.code, message: error.message }));
    `);
    assert.equal(seen.state, "idle");
    assert.match(seen.id, /^st_[0-9a-f]{32}$/);
    assert.ok(seen.ours);
    assert.equal(seen.code, "no-websocket");
    assert.match(seen.message, /WebSocket/);
  });

  test("a client without an address says so", async () => {
    const seen = await node(`
      import { Client } from "samewire";
      globalThis.WebSocket ??= class {};
      const client = new Client();
      const error = await client.connect().then(() => null, (error) => error);
      console.log(JSON.stringify({ code: error.code, message: error.message }));
    `);
    assert.equal(seen.code, "no-url");
    assert.match(seen.message, /apiUrl/);
  });
});

describe("in a browser", () => {
  let stage;

  before(async () => (stage = await Stage.start()));
  after(() => stage?.end());

  test("calls over HTTP work in Node against the same server", async () => {
    const seen = await node(`
      import { Client } from "samewire";
      const client = new Client({ apiUrl: ${JSON.stringify("http://127.0.0.1:")} + ${stage.server.port} });
      console.log(JSON.stringify(await client.call("system/echo", { from: "node" })));
    `);
    assert.deepEqual(seen, { from: "node" });
  });

  test("it works under a policy that allows WebAssembly and no eval", async () => {
    const { page, trace, token } = await stage.page();
    const answer = await fetch(`${stage.server.url}/stage.html`);
    const policy = answer.headers.get("content-security-policy");
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'(;|$)/);
    await page.evaluate(() => {
      window.violations = [];
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => violations.push(`${violatedDirective} ${blockedURI}`));
    });
    const echoed = await page.evaluate((token) => newClient({ token, preferWebSocket: true }).call("system/echo", "strict"), token);
    assert.equal(echoed, "strict");
    assert.deepEqual(await page.evaluate(() => window.violations), []);
    assert.deepEqual(trace.problems, []);
    await page.context().close();
  });

  test("it works in a module worker", async () => {
    const { page, trace, token } = await stage.page();
    const told = await page.evaluate(async (token) => {
      const worker = new Worker("/worker.js", { type: "module" });
      const told = new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
      });
      worker.postMessage({ token, file: new File([bytes(3_000_000, 8)], "from a worker.bin") });
      const { record, sha256: got } = await told;
      worker.terminate();
      return { record, same: got === (await sha256(bytes(3_000_000, 8))) };
    }, token);
    assert.deepEqual([told.record.name, told.record.size, told.same], ["from a worker.bin", 3_000_000, true]);
    assert.deepEqual(trace.problems, []);
    await page.context().close();
  });

  test("an import alone loads no wasm and opens no socket", async () => {
    const { page, trace } = await stage.page();
    const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname));
    assert.ok(loaded.includes("/pkg/index.js"));
    assert.deepEqual(loaded.filter((path) => path.endsWith(".wasm")), []);
    assert.equal(trace.sockets, 0);
    await page.context().close();
  });

  test("two clients of one page do not share a session, nor a fate", async () => {
    const { page, trace, token } = await stage.page();
    const seen = await page.evaluate(async (token) => {
      const [one, other] = [newClient({ token }), newClient({ token })];
      await Promise.all([one.connect(), other.connect()]);
      const apart = one.session !== other.session;
      one.close();
      return { apart, states: [one.state, other.state], echo: await other.wsTransport.call("system/echo", "still here") };
    }, token);
    assert.deepEqual(seen, { apart: true, states: ["closed", "live"], echo: "still here" });
    assert.deepEqual(trace.problems, []);
    await page.context().close();
  });

  test("hundreds of calls, uploads, downloads and rooms leave nothing behind in the page", async (t) => {
    const { page, trace, token } = await stage.page();
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      await client.connect();
      window.round = async (times) => {
        for (let at = 0; at < times; at += 1) {
          const { signal } = new AbortController();
          const record = await client.api.files.upload({ stream: client.createBlobUploader(new Blob([bytes(20_000)]), { name: "r", signal }) }, { signal });
          await bytesOf(client, record);
          await Promise.all([client.call("system/echo", at), client.wsTransport.call("system/echo", at, { timeout: 60_000 })]);
          await client.api.files.remove({ id: record.id });
          const room = client.join(`demo:${at % 7}`);
          const reading = (async () => {
            for await (const { name } of room) if (name === "last") room.leave();
          })();
          await room.patch({ at });
          room.cast("typing", at, { every: 10_000 });
          await room.publish("last", bytes(2_000));
          await reading;
        }
      };
    }, token);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const measure = async () => {
      await devtools.send("HeapProfiler.collectGarbage");
      const { metrics } = await devtools.send("Performance.getMetrics");
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    };
    await page.evaluate(() => round(60));
    const early = await measure();
    await page.evaluate(() => round(200));
    const late = await measure();
    const grown = (name) => late[name] - early[name];
    t.diagnostic(`heap ${grown("JSHeapUsedSize")} bytes, listeners ${grown("JSEventListeners")}, of ${late.JSHeapUsedSize} and ${late.JSEventListeners}`);
    assert.ok(grown("JSHeapUsedSize") < 400_000, `the heap grew by ${grown("JSHeapUsedSize")} bytes`);
    assert.ok(grown("JSEventListeners") <= 2, `${grown("JSEventListeners")} listeners more`);
    assert.deepEqual(trace.problems, []);
    await page.context().close();
  });
});
