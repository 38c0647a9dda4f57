// The life of a session as a program sees it: its states, tokens, servers that crash, pages that sleep.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { token as tokenFor } from "./support/server.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

let stage, page, trace, token;

// Tokens of some seconds mean that, and no clock is to be forgiven anything.
before(async () => (stage = await Stage.start({ config: "[auth]\nleeway = '0s'\n" })));
after(() => stage?.end());
beforeEach(async () => ({ page, trace, token } = await stage.page()));
afterEach(async () => {
  stage.proxy.refuse(false);
  stage.proxy.rate = Infinity;
  assert.deepEqual(trace.problems, []);
  await page.context().close();
});

describe("states", () => {
  test("are told as events and as an iterator", async () => {
    await page.evaluate(async (token) => {
      window.client = newClient({ token, autoConnectWebSocket: false });
      window.told = [];
      window.off = client.on("state", ({ state }) => told.push(state));
      window.iterated = (async () => {
        const states = [];
        for await (const { state } of client.states()) {
          states.push(state);
          if (state === "closed") break;
        }
        return states;
      })();
      await client.connect();
    }, token);
    await stage.lose(page);
    const { told, iterated } = await page.evaluate(async () => {
      client.close();
      const iterated = await window.iterated;
      off();
      await client.connect();
      return { told, iterated };
    });
    assert.deepEqual(told, ["connecting", "live", "waiting", "connecting", "live", "closed"]);
    assert.deepEqual(iterated, ["idle", ...told]);
  });

  test("waiting says when the next attempt is made", async () => {
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      window.waits = [];
      client.on("state", ({ state, retryIn }) => state === "waiting" && waits.push(retryIn));
      await client.connect();
    }, token);
    stage.proxy.refuse(true);
    stage.proxy.cut();
    await page.waitForFunction(() => window.waits.length >= 2);
    stage.proxy.refuse(false);
    await page.waitForFunction(() => client.state === "live");
    const waits = await page.evaluate(() => window.waits);
    for (const wait of waits) assert.ok(wait >= 0 && wait < 30_000, `${waits} ms`);
  });

  test("a session that comes back is the same one", async () => {
    const before = await page.evaluate(async (token) => {
      window.client = newClient({ token });
      await client.connect();
      return { session: client.session, continuity: client.continuity, identity: client.identity };
    }, token);
    await stage.lose(page);
    const after = await page.evaluate(() => ({ session: client.session, continuity: client.continuity }));
    assert.match(before.session, /^se_[0-9a-f]{32}$/);
    assert.match(before.identity, /^user-/);
    assert.deepEqual([before.continuity, after.continuity, after.session], ["fresh", "kept", before.session]);
  });

  test("close() ends everything, and connect() begins anew", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      const uploader = client.createBlobUploader(new Blob([bytes(5_000_000)]));
      uploader.pause();
      const upload = outcome(uploader.upload());
      const call = outcome(client.call("system/echo", uploader.id, { idempotent: false }));
      const waits = outcome(client.api.files.upload({ stream: uploader }));
      client.close();
      client.close();
      const states = [client.state];
      const late = await outcome(client.call("system/echo", uploader.id));
      const ended = [await upload, await call, await waits, late].map(({ error }) => error?.code);
      await client.connect();
      states.push(client.state);
      const again = await client.wsTransport.call("system/echo", "again");
      return { ended, states, again };
    }, token);
    assert.deepEqual(seen.ended, Array(4).fill("session-closed"));
    assert.deepEqual(seen.states, ["closed", "live"]);
    assert.equal(seen.again, "again");
  });

  test("the server hears of a closed session at once", async () => {
    const { sessions } = await stage.server.health();
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      await client.connect();
    }, token);
    assert.equal((await stage.server.health()).sessions, sessions + 1);
    await page.evaluate(() => client.close());
    await until("the session is gone", async () => (await stage.server.health()).sessions <= sessions);
  });
});

describe("a token", () => {
  const refused = (wanted) =>
    page.evaluate(async (token) => {
      const client = newClient({ token });
      const ended = [await outcome(client.connect()), await outcome(client.httpTransport.call("system/echo", 1))];
      return { ended: ended.map(({ error }) => error), state: client.state };
    }, wanted);

  for (const [what, make, code] of [
    ["has expired", () => tokenFor("maria", { expires: -3600 }), "token-expired"],
    ["was signed by somebody else", () => tokenFor("maria", { secret: "another secret of thirty-two bytes or more" }), "token-invalid"],
    ["is nonsense", () => "nonsense", "token-invalid"],
  ]) {
    test(`that ${what} is refused with ${code}, and the client does not try again`, async () => {
      const { ended, state } = await refused(make());
      assert.deepEqual(ended.map((error) => error.code), [code, code]);
      for (const error of ended) assert.ok(error.ours && !error.retryable && error.ran === "no");
      assert.equal(ended[1].status, 401);
      assert.equal(state, "closed");
      await new Promise((resolve) => setTimeout(resolve, 600));
      assert.equal(trace.sockets, 1);
    });
  }

  test("may come from a function, which is asked once for all who need it", async () => {
    const asked = await page.evaluate(async (token) => {
      window.asked = [];
      window.client = newClient({
        token: async ({ reason }) => {
          asked.push(reason);
          await pause(20);
          return token;
        },
      });
      await Promise.all([client.connect(), client.call("system/echo", 1), client.wsTransport.call("system/echo", 2)]);
      return asked;
    }, token);
    assert.deepEqual(asked, ["first"]);
    await stage.lose(page);
    assert.deepEqual(await page.evaluate(() => window.asked), ["first"], "it is good for more than one connection");
  });

  test("that is no longer taken is asked for anew, on either wire", async () => {
    const seen = await page.evaluate(
      async ([old, fresh]) => {
        const asked = [];
        const client = newClient({ token: old, autoConnectWebSocket: false });
        client.on("token", async ({ reason }) => {
          asked.push(reason);
          await pause(20);
          return fresh;
        });
        const echoes = await Promise.all([1, 2, 3].map((n) => client.httpTransport.call("system/echo", n)));
        const other = newClient({ token: old, autoConnectWebSocket: false });
        other.on("token", ({ reason }) => (asked.push(reason), fresh));
        await other.connect();
        return { asked, echoes, identity: other.identity };
      },
      [tokenFor("maria", { expires: -3600 }), tokenFor("maria")],
    );
    assert.deepEqual(seen, { asked: ["expired", "expired"], echoes: [1, 2, 3], identity: "maria" });
  });

  test("is renewed on the live session before it expires, without a reconnect", async () => {
    const seen = await page.evaluate(
      async (tokens) => {
        const asked = [];
        const client = newClient({ token: tokens.shift() });
        const states = [];
        client.on("state", ({ state }) => states.push(state));
        client.on("token", ({ reason }) => (asked.push(reason), tokens.shift()));
        await client.connect();
        const session = client.session;
        // Longer than the first two are good for.
        await pause(6_500);
        return { asked, states, same: session === client.session, echo: await client.wsTransport.call("system/echo", "still here") };
      },
      [tokenFor("maria", { expires: 3 }), tokenFor("maria", { expires: 6 }), tokenFor("maria")],
    );
    assert.deepEqual(seen.states, ["connecting", "live"]);
    assert.deepEqual([seen.asked, seen.same, seen.echo], [["expiring", "expiring"], true, "still here"]);
    assert.equal(trace.sockets, 1);
  });

  test("that expires ends the session, where the app has no other", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      const closed = new Promise((resolve) => client.on("state", ({ state, error }) => state === "closed" && resolve(error.code)));
      const call = outcome(client.wsTransport.call("system/echo", "first"));
      return { first: (await call).value, code: await closed, late: await outcome(client.wsTransport.call("system/echo", "late")) };
    }, tokenFor("maria", { expires: 2 }));
    assert.deepEqual([seen.first, seen.code, seen.late.error.code], ["first", "token-expired", "token-expired"]);
  });

  test("never shows up in an address", async () => {
    const addresses = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("websocket", (socket) => addresses.push(socket.url()));
    await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      await client.api.files.list();
    }, token);
    assert.ok(addresses.length >= 2);
    for (const address of addresses) assert.ok(!address.includes(token.split(".")[2]), address);
  });
});

describe("a server that crashes", () => {
  test("an upload goes on with the next server, and calls end honestly", async () => {
    stage.proxy.rate = 10e6;
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      window.all = bytes(16_000_000, 3);
      await client.connect();
      window.uploader = client.createBlobUploader(new Blob([all]), { name: "survivor.bin" });
      window.told = [];
      uploader.on("progress", ({ durable }) => told.push(durable));
      // One of these may run twice and is made again; of the other nobody can say whether it ran.
      window.stored = client.api.files.upload({ stream: uploader });
      window.once = outcome(client.call("files/upload", { stream: uploader }, { idempotent: false }));
    }, token);
    await page.waitForFunction(() => window.uploader.progress.durable > 4_000_000);
    await stage.lose(page, { how: () => stage.server.kill(), meanwhile: () => stage.server.run() });
    const seen = await page.evaluate(async () => {
      const { error } = await window.once;
      const record = await window.stored;
      const same = (await sha256(await bytesOf(client, record))) === (await sha256(all));
      return { error, record, same, told, continuity: client.continuity, files: (await client.api.files.list()).files };
    });
    assert.deepEqual([seen.error.code, seen.error.ran], ["connection-lost", "maybe"]);
    assert.equal(seen.record.size, 16_000_000);
    assert.ok(seen.same, "the stored bytes are those of the file");
    assert.equal(seen.continuity, "restarted");
    assert.equal(seen.files.length, 1);
    assert.ok(seen.told.every((value, at) => at === 0 || value >= seen.told[at - 1]), `progress went back: ${seen.told}`);
  });

  test("an orderly stop sends clients away, and they come back", async () => {
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      await client.connect();
    }, token);
    await stage.lose(page, { how: () => stage.server.stop(), meanwhile: () => stage.server.run() });
    assert.equal(await page.evaluate(() => client.continuity), "restarted");
  });
});

describe("a page that sleeps", () => {
  let stage, page, token;

  // A server that soon gives up on a silent client.
  const settings = { SAMEWIRE_LIMITS_HEARTBEAT_INTERVAL: "400ms", SAMEWIRE_LIMITS_HEARTBEAT_TIMEOUT: "400ms" };
  before(async () => (stage = await Stage.start({ settings })));
  after(() => stage?.end());
  beforeEach(async () => ({ page, token } = await stage.page()));
  afterEach(() => page.context().close());

  test("for longer than the server waits comes back, and its upload goes on", async () => {
    stage.proxy.rate = 6e6;
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      await client.connect();
      window.uploader = client.createBlobUploader(new Blob([bytes(9_000_000, 4)]), { name: "asleep.bin" });
      window.record = client.api.files.upload({ stream: uploader });
    }, token);
    await page.waitForFunction(() => window.uploader.progress.durable > 1_000_000);
    // A page whose scripts stand still, as in a frozen tab or a closed laptop.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Debugger.enable");
    await devtools.send("Debugger.pause");
    await until("the server gives the connection up", () => stage.proxy.sessions === 0);
    await devtools.send("Debugger.resume");
    await devtools.send("Debugger.disable");
    const record = await page.evaluate(() => window.record);
    stage.proxy.rate = Infinity;
    assert.equal(record.size, 9_000_000);
  });

  test("takes silence for a loss only while somebody looks", async () => {
    await page.evaluate(async (token) => {
      window.show = (visible) => {
        Object.defineProperty(document, "hidden", { value: !visible, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      };
      window.client = newClient({ token });
      await client.connect();
      show(false);
    }, token);
    stage.proxy.stall(true);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.equal(await page.evaluate(() => client.state), "live", "timers of a hidden page are late, and prove nothing");
    await stage.lose(page, { how: () => page.evaluate(() => show(true)), meanwhile: () => stage.proxy.stall(false) });
    await stage.lose(page, { how: () => stage.proxy.stall(true), meanwhile: () => stage.proxy.stall(false) });
  });
});
