// Clients of Socket.IO, unmodified from npm: what they connect over, what they hear of files, and what they hear again after a cut.

import assert from "node:assert/strict";
import { once as happens } from "node:events";
import { request } from "node:http";
import { after, afterEach, before, describe, test } from "node:test";

import { launch, open } from "./support/browser.mjs";
import { picture } from "./support/demo.mjs";
import { folder } from "./support/files.mjs";
import { film } from "./support/films.mjs";
import { Server, token } from "./support/server.mjs";
import { all, client, closeAll, CONFIG, DeadEnd, KEY, once, progress, serveClient, store, tells } from "./support/socketio.mjs";
import { until } from "./support/wait.mjs";

/** How long a film may take to be processed, on a slow machine. */
const PATIENCE = 120_000;

let server, file;

before(async () => {
  server = await Server.start({ config: `${CONFIG}\n[dialects.socketio]\nenabled = true`, settings: { ALLOWED_ORIGINS: "https://app.example.com,https://other.example.com" } });
  file = await store(server, "ada");
});
after(() => server?.remove());
afterEach(closeAll);

const numbers = (count, first = 0) => Array.from({ length: count }, (_, at) => first + at);
const heard = (socket) => all(socket, "processing:progress").map(({ n }) => n);
const transport = (socket) => socket.io.engine.transport.name;

for (const [name, options, last] of [
  ["as it comes: long polling, then WebSocket", {}, "websocket"],
  ["WebSocket only", { transports: ["websocket"] }, "websocket"],
  ["long polling only", { transports: ["polling"] }, "polling"],
]) {
  describe(name, () => {
    test("a finished file is told to be finished, after the word that it is subscribed to", async () => {
      const socket = client(server, { user: "ada", ...options });
      assert.deepEqual(await socket.emitWithAck("subscribe:file", { fileId: file.id }), { ok: true, fileId: file.id });
      await tells(socket, "it is told", ([event]) => event === "processing:completed");
      const [[first, subscribed], [second, { timestamp, ...done }]] = socket.told;
      assert.deepEqual([first, subscribed], ["subscribed", { fileId: file.id }]);
      const message = "Processing finished successfully";
      assert.deepEqual([second, done], ["processing:completed", { fileId: file.id, status: "completed", progress: 100, message, isProcessed: true }]);
      assert.match(timestamp, /^\d{4}-\d\d-\d\dT.*Z$/);
      await until(`it goes over ${last}`, () => transport(socket) === last);
    });

    test("four thousand events come in order, each once, also while the transport changes", async () => {
      const room = await store(server, "ada");
      const socket = client(server, { user: "ada", ...options });
      socket.emit("subscribe:file", { fileId: room.id });
      await tells(socket, "it is subscribed", ([event]) => event === "subscribed");
      await progress(server, room.id, 4000);
      await until("all are there", () => heard(socket).length >= 4000);
      assert.deepEqual(heard(socket), numbers(4000));
      assert.equal(transport(socket), last);
    });

    test("nothing is heard of a file that is not subscribed to any more", async () => {
      const [one, two] = [await store(server, "ada"), await store(server, "ada")];
      const socket = client(server, { user: "ada", ...options });
      for (const { id } of [one, two]) assert.ok((await socket.emitWithAck("subscribe:file", { fileId: id })).ok);
      await progress(server, one.id, 5);
      await until("it is heard", () => heard(socket).length === 5);
      assert.deepEqual(await socket.emitWithAck("unsubscribe:file", { fileId: one.id }), { ok: true, fileId: one.id });
      await progress(server, one.id, 5, { first: 5 });
      await progress(server, two.id, 1, { first: 100 });
      await until("the other is heard", () => heard(socket).includes(100));
      assert.deepEqual(heard(socket), [...numbers(5), 100]);
    });

    test("after a restart it comes back by itself, and hears how the file is when it subscribes again", async () => {
      const socket = client(server, { user: "ada", ...options });
      socket.on("connect", () => socket.emit("subscribe:file", { fileId: file.id }));
      await until("it is told once", () => all(socket, "processing:completed").length === 1);
      const reason = once(socket, "disconnect");
      await server.stop();
      assert.ok(["transport close", "transport error"].includes(await reason), `disconnected: ${await reason}`);
      await server.run();
      await until("it is told again", () => all(socket, "processing:completed").length === 2);
      assert.deepEqual(all(socket, "exception"), []);
    });
  });
}

describe("who may not", () => {
  for (const [name, options, code] of [
    ["a forged token", { auth: { token: token("ada", { secret: "another secret of at least 32 bytes" }) } }, "token-invalid"],
    ["a token that has expired", { auth: { token: token("ada", { expires: -600 }) } }, "token-expired"],
    ["a token that is no string", { auth: { token: 7 } }, "bad-params"],
    ["another namespace", { namespace: "/chat", user: "ada" }, "not-found"],
    ["no namespace", { namespace: "", user: "ada" }, "not-found"],
  ]) {
    test(`come in is told why: ${name}`, async () => {
      const error = await once(client(server, options), "connect_error");
      assert.deepEqual([error.data.code, error.data.message, error.data.retryable], [code, error.message, false]);
      assert.ok(error.message.length > 10, error.message);
    });
  }

  test("watch a file hears so, in the answer or as an event", async () => {
    const socket = client(server, { user: "eve" });
    const answer = await socket.emitWithAck("subscribe:file", { fileId: file.id });
    assert.deepEqual([answer.ok, answer.code, answer.fileId], [false, "room-not-found", file.id]);
    socket.emit("subscribe:file", { fileId: file.id });
    await tells(socket, "the refusal", ([event]) => event === "error");
    const { message } = answer;
    const refusal = { status: "error", ok: false, code: "room-not-found", message, error: message, fileId: file.id };
    assert.deepEqual(socket.told, [["exception", refusal], ["error", refusal]]);
  });
});

describe("origins", () => {
  const ask = (origin, init) => fetch(`${server.url}/socket.io/?EIO=4&transport=polling`, { ...init, headers: { origin, ...init?.headers } });

  test("of the old gateway's list may connect, with their cookies", async () => {
    const answer = await ask("https://app.example.com");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("access-control-allow-origin"), "https://app.example.com");
    assert.equal(answer.headers.get("access-control-allow-credentials"), "true");
    const headers = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
    const preflight = await ask("https://other.example.com", { method: "OPTIONS", headers });
    assert.ok(preflight.ok);
    assert.equal(preflight.headers.get("access-control-allow-origin"), "https://other.example.com");
    assert.equal(preflight.headers.get("access-control-allow-credentials"), "true");
    assert.match(preflight.headers.get("access-control-allow-methods"), /POST/);
    for (const transports of [["polling"], ["websocket"]]) {
      const socket = client(server, { user: "ada", transports, extraHeaders: { origin: "https://app.example.com" } });
      await once(socket, "connect");
    }
  });

  test("that are not in it may not, over either transport", async () => {
    const answer = await ask("https://evil.example");
    assert.deepEqual([answer.status, (await answer.json()).code], [403, 4]);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
    for (const transports of [["polling"], ["websocket"]]) {
      const socket = client(server, { user: "ada", transports, extraHeaders: { origin: "https://evil.example" }, reconnection: false });
      assert.match((await once(socket, "connect_error")).message, /xhr poll error|websocket error/);
    }
  });
});

describe("a network that lets the handshake of a WebSocket pass and nothing more", () => {
  for (const [how, does] of [["cut", "cuts it"], ["hole", "loses all that is said over it"]]) {
    test(`and then ${does}, leaves long polling as it was: one connection, every event once`, async () => {
      // How long a WebSocket may be tried that says nothing.
      const strict = await Server.start({ config: `[limits]\nhello_timeout = "2s"\n${CONFIG}\n[dialects.socketio]\nenabled = true` });
      const road = await DeadEnd.to(strict.port, how);
      try {
        const room = await store(strict, "ada");
        const socket = client(road, { user: "ada" });
        const [failed, ends] = [once(socket.io.engine, "upgradeError"), []];
        let connects = 0;
        socket.on("connect", () => void connects++);
        socket.on("disconnect", (reason) => ends.push(reason));
        assert.ok((await socket.emitWithAck("subscribe:file", { fileId: room.id })).ok);
        await until("the WebSocket came to its end", () => road.met === 1);
        await progress(strict, room.id, 500);
        await until("they are heard meanwhile", () => heard(socket).length === 500);
        await failed;
        await progress(strict, room.id, 500, { first: 500 });
        assert.ok((await socket.emitWithAck("subscribe:file", { fileId: room.id })).ok);
        await until("all are there", () => heard(socket).length >= 1000);
        assert.deepEqual(heard(socket), numbers(1000));
        assert.deepEqual([connects, ends, transport(socket), road.met], [1, [], "polling", 1]);
      } finally {
        closeAll();
        await road.close();
        await strict.remove();
      }
    });
  }
});

/** The connection of somebody who speaks another format, and so has a session and no place among clients of Socket.IO. */
async function session(server) {
  const headers = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==" };
  const [, socket] = await happens(request(`${server.url}/api/v1/streams/s/ws`, { headers }).end(), "upgrade");
  return socket.on("error", () => {});
}

for (const transports of [["websocket"], ["polling"]]) {
  test(`whose token is taken back hears why before the connection ends, over ${transports}`, async () => {
    const user = `kim by ${transports}`;
    const socket = client(server, { user, transports, reconnection: false });
    const ends = once(socket, "disconnect");
    await once(socket, "connect");
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const answer = await fetch(`${server.url}/api/revocations`, { method: "POST", headers, body: JSON.stringify({ user }) });
    assert.ok(answer.ok);
    assert.equal(await ends, "transport close");
    assert.deepEqual(socket.told.map(([name, { code }]) => [name, code]), [["exception", "token-revoked"], ["error", "token-revoked"]]);
  });
}

test("who comes while the server is full comes in by itself as soon as there is room", async () => {
  const small = await Server.start({ config: `[limits]\nmax_sessions = 2\n${CONFIG}\n[dialects.socketio]\nenabled = true\n[dialects.stream_updates]\nenabled = true\nanonymous = true` });
  try {
    const others = await Promise.all([1, 2].map(() => session(small)));
    await until("the server is full", async () => (await (await fetch(`${small.url}/healthz`)).json()).sessions === 2);
    const sockets = [["websocket"], ["polling"]].map((transports) => client(small, { user: "ada", transports }));
    const refusals = [];
    for (const socket of sockets) socket.on("connect_error", (error) => refusals.push(error.message));
    for (const socket of sockets) await once(socket.io, "reconnect_attempt");
    assert.ok(sockets.every((socket) => socket.active && !socket.connected));
    for (const other of others) other.destroy();
    await until("they are in", () => sockets.every((socket) => socket.connected));
    assert.deepEqual(refusals.filter((message) => message.includes("sessions")), []);
  } finally {
    closeAll();
    await small.remove();
  }
});

test("who reads too slowly is told how the file is, and nobody waits for it", async () => {
  const strict = await Server.start({ config: CONFIG.replace(/slow = "recover"[^]*$/, 'history = 20\n') });
  try {
    const room = await store(strict, "ada");
    const [slow, quick] = [client(strict, { user: "ada", transports: ["websocket"] }), client(strict, { user: "ada", transports: ["websocket"] })];
    for (const socket of [slow, quick]) await socket.emitWithAck("subscribe:file", { fileId: room.id });
    await tells(quick, "how it is", ([event]) => event === "processing:completed");
    await until("the other too", () => slow.told.length === 2);
    const network = slow.io.engine.transport.ws._socket;
    network.pause();
    const filling = "x".repeat(8 * 1024);
    for (let first = 0; first < 2000; first += 50) {
      await progress(strict, room.id, 50, { first, filling });
      await until("the quick one has them", () => heard(quick).length === first + 50);
    }
    assert.deepEqual(heard(quick), numbers(2000));
    network.resume();
    await until("it is told how the file is, in place of what it missed", () => all(slow, "processing:completed").length >= 2);
    await progress(strict, room.id, 1, { first: 2000 });
    await until("it goes on", () => heard(slow).at(-1) === 2000);
    const got = heard(slow);
    assert.ok(got.length < 2000, `it got ${got.length}`);
    assert.deepEqual(got, got.toSorted((one, other) => one - other), "in order");
  } finally {
    closeAll();
    await strict.remove();
  }
});

describe("in a browser", () => {
  let browser, place;
  before(async () => {
    // Its pages of other origins are made up here, and Chromium would ask somebody whether they may reach this machine.
    browser = await launch({ flags: ["--disable-features=LocalNetworkAccessChecks"] });
    place = await folder();
  });
  after(async () => {
    await browser?.close();
    await place?.remove();
  });

  test("a page of another origin connects over either transport", async () => {
    const page = await (await browser.newContext()).newPage();
    await serveClient(page.context());
    const body = '<script src="/socket.io-client/socket.io.min.js"></script>';
    await page.route("**/plain.html", (route) => route.fulfill({ contentType: "text/html", body }));
    await page.goto("https://other.example.com/plain.html");
    const seen = await page.evaluate(
      async ([url, auth, fileId]) => {
        const answers = [];
        for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
          const socket = io(`${url}/file-processing`, { auth, transports, withCredentials: true, forceNew: true });
          answers.push(await socket.timeout(15_000).emitWithAck("subscribe:file", { fileId }));
          socket.close();
        }
        return answers;
      },
      [server.url, { token: token("ada") }, file.id],
    );
    assert.deepEqual(seen, Array(3).fill({ ok: true, fileId: file.id }));
    await page.context().close();
  });

  test("the gateway's own instructions work as they are, and a client of the SDK sees the same", async (t) => {
    // As that gateway had it: whoever knows the file's id may watch.
    const config = '[dialects.socketio]\nenabled = true\nanonymous = true\n[rooms.kinds.file]\naccess = "open"\n';
    const open_ = await Server.start({ config });
    try {
      const clip = await film(place, "harbour.mp4", { seconds: 6 });
      const old = await open(browser, `${open_.url}/dialects/socketio.html`, { prepare: serveClient });
      const own = await open(browser, `${open_.url}/stage.html`);
      await own.page.waitForFunction(() => window.ready);
      await old.page.getByTestId("file").setInputFiles(clip.path);
      await old.page.waitForFunction(() => window.seen.response);
      const response = await old.page.evaluate(() => window.seen.response);
      assert.deepEqual([response.isProcessed, response.videoId], [false, response.fileId]);
      await own.page.evaluate(async ([token, id]) => {
        window.room = await enter(newClient({ token }), `file:${id}`);
      }, [token("ada"), response.fileId]);
      const finished = () => window.seen.events.some(([name]) => name === "processing:completed");
      await old.page.waitForFunction(finished, null, { timeout: PATIENCE });
      const { events, logged } = await old.page.evaluate(() => window.seen);
      await own.page.evaluate(() => tells(room, "event", ({ name }) => name === "processing:completed"));
      const theirs = await own.page.evaluate(() => room.told.event.map(({ name, data }) => ({ name, progress: data.progress })));

      assert.equal(events[0][0], "subscribed");
      const steps = events.filter(([name]) => name === "processing:progress").map(([, { progress }]) => progress);
      assert.deepEqual(steps, steps.toSorted((one, other) => one - other), "it never falls");
      assert.deepEqual(logged, steps.map((step) => `Progress: ${step}%`));
      const [, done] = events.at(-1);
      assert.deepEqual([done.status, done.progress, done.isProcessed, done.videoId], ["completed", 100, true, response.videoId]);
      assert.ok(done.parts.some(({ media }) => media === "video/mp4"));
      // The SDK came later: from then on both heard the same.
      const common = events.filter(([name]) => name.startsWith("processing:")).slice(-theirs.length);
      const same = ([name, { progress }]) => ({ name, progress: name === "processing:completed" ? undefined : progress });
      assert.deepEqual(common.map(same), theirs);
      t.diagnostic(`progress: ${steps.join(" ")}; in common: ${theirs.length}`);
      await picture(old.page, "dialect-socketio");
      assert.deepEqual([old.trace.problems, own.trace.problems], [[], []]);
    } finally {
      await open_.remove();
    }
  });
});
