// Calls as a program makes them: given up, late, refused, lost on the way, and of every shape.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

let stage, page, trace, token;

before(async () => (stage = await Stage.start()));
after(() => stage?.end());
beforeEach(async () => ({ page, trace, token } = await stage.page()));
afterEach(async () => {
  stage.proxy.refuse(false);
  stage.proxy.rate = Infinity;
  assert.deepEqual(trace.problems, []);
  await page.context().close();
});

/** Makes the page's client, and an upload that never ends by itself: a call that names it waits for as long as a test wants. */
async function openWithWaitingUpload() {
  await page.evaluate(async (token) => {
    window.client = newClient({ token });
    await client.connect();
    window.waiting = client.createBlobUploader(new Blob([bytes(200_000)]), { name: "waiting.bin" });
    waiting.pause();
    waiting.upload().catch(() => {});
  }, token);
}

describe("a call", () => {
  test("that is aborted before it begins is not made", async () => {
    const reasons = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      const signal = AbortSignal.abort(new RangeError("not today"));
      const ended = [];
      for (const call of [client.call, client.wsTransport.call, client.httpTransport.call]) {
        ended.push((await outcome(call.call(client, "system/echo", 1, { signal }))).error.message);
      }
      return ended;
    }, token);
    assert.deepEqual(reasons, Array(3).fill("not today"));
    assert.deepEqual([trace.http, trace.session], [[], []]);
  });

  test("that is aborted on the way rejects with the signal's reason, and the server stops", async () => {
    await openWithWaitingUpload();
    const ended = await page.evaluate(async () => {
      const controller = new AbortController();
      const call = outcome(client.api.files.upload({ stream: waiting }, { signal: controller.signal }));
      await pause(100);
      controller.abort();
      const plain = new AbortController();
      const other = outcome(client.api.files.upload({ stream: waiting }, { signal: plain.signal }));
      await pause(100);
      plain.abort(new RangeError("had enough"));
      return [(await call).error.name, (await other).error.message];
    });
    assert.deepEqual(ended, ["AbortError", "had enough"]);
    await until("the server is told twice", () => trace.frames.filter((frame) => frame.type === "cancel").length === 2);
    const record = await page.evaluate(() => {
      waiting.resume();
      return client.api.files.upload({ stream: waiting });
    });
    assert.equal(record.size, 200_000, "the stream is as it was");
  });

  test("that takes too long says so, over either wire", async () => {
    await openWithWaitingUpload();
    const seen = await page.evaluate(async () => {
      const begun = performance.now();
      const { error } = await outcome(client.api.files.upload({ stream: waiting }, { timeout: 250 }));
      return { error, took: performance.now() - begun };
    });
    assert.equal(seen.error.code, "deadline-exceeded");
    assert.ok(seen.error.ours && seen.error.retryable);
    assert.ok(["yes", "maybe"].includes(seen.error.ran), seen.error.ran);
    assert.ok(seen.took >= 240 && seen.took < 2000, `after ${seen.took} ms`);

    stage.proxy.stall(true);
    const { error } = await page.evaluate(() => outcome(client.httpTransport.call("system/echo", 1, { timeout: 250 })));
    stage.proxy.stall(false);
    assert.deepEqual([error.code, error.ran, error.ours], ["deadline-exceeded", "maybe", true]);
  });

  test("that fails tells what, whether it ran and whether to try again, the same over both wires", async () => {
    const errors = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      const ended = [];
      for (const wire of [client.wsTransport, client.httpTransport]) {
        for (const [method, params] of [["no/such", {}], ["files/remove", { id: 7 }], ["files/remove", {}]]) {
          ended.push((await outcome(wire.call(method, params))).error);
        }
      }
      return ended;
    }, token);
    const [session, http] = [errors.slice(0, 3), errors.slice(3)];
    for (const [at, error] of session.entries()) {
      assert.ok(error.ours);
      assert.equal(error.name, "SamewireError");
      assert.deepEqual({ ...http[at], status: undefined }, error);
    }
    assert.deepEqual(session.map(({ code }) => code), ["method-not-found", "bad-params", "bad-params"]);
    assert.deepEqual(session.map(({ ran }) => ran), ["no", "no", "no"]);
    assert.deepEqual(session.map(({ retryable }) => retryable), [false, false, false]);
    assert.deepEqual(http.map(({ status }) => status), [404, 400, 400]);
  });

  test("with params of any shape leaves the session as it was", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      const states = [];
      client.on("state", ({ state }) => states.push(state));
      let nested = 1;
      for (let depth = 0; depth < 3000; depth += 1) nested = [nested];
      const ended = [];
      for (const wire of [client.wsTransport, client.httpTransport]) {
        const echo = (params) => outcome(wire.call("system/echo", params));
        const deep = await echo(nested);
        ended.push({
          half: (await echo("half a \ud800 pair")).value,
          deep: JSON.stringify(deep.value) === JSON.stringify(nested),
          big: (await echo("x".repeat(2_000_000))).error.code,
          bigint: (await echo(1n)).error.name,
        });
      }
      return { ended, states, state: client.state };
    }, token);
    const expected = { half: "half a \ud800 pair", deep: true, big: "too-big", bigint: "TypeError" };
    assert.deepEqual(seen, { ended: [expected, expected], states: [], state: "live" });
  });

  test("of what is no method's name is refused, and reaches nothing else", async () => {
    const names = ["", "a b", "..", "../dev/token", "files/../../dev/token", "/files/list", "files//list", "files/list/", "./files/list", "日本"];
    const ended = await page.evaluate(
      async ({ token, names }) => {
        const client = newClient({ token });
        const ended = [];
        for (const wire of [client.wsTransport, client.httpTransport]) {
          for (const name of names) ended.push((await outcome(wire.call(name, { name: "maria" }))).error?.code ?? name);
        }
        return ended;
      },
      { token, names },
    );
    assert.deepEqual(ended, Array(2 * names.length).fill("method-not-found"));
  });

  test("that was never sent says that it did not run", async () => {
    await page.evaluate(async (token) => {
      window.client = newClient({ token });
      await client.connect();
    }, token);
    const errors = [];
    await stage.lose(page, {
      how() {
        stage.proxy.refuse(true);
        stage.proxy.cut();
      },
      async meanwhile() {
        const { error } = await page.evaluate(() => outcome(client.wsTransport.call("system/echo", 1, { timeout: 100 })));
        errors.push(error);
        stage.proxy.refuse(false);
      },
    });
    assert.deepEqual(errors.map(({ code, ran }) => [code, ran]), [["deadline-exceeded", "no"]]);
  });

  test("that is on its way during a cut is answered, and ran once", async () => {
    await openWithWaitingUpload();
    await page.evaluate(() => {
      window.call = outcome(client.call("files/upload", { stream: waiting }, { idempotent: false }));
    });
    await until("it is on its way", () => trace.session.includes("files/upload"));
    await stage.lose(page);
    const { value } = await page.evaluate(() => {
      waiting.resume();
      return window.call;
    });
    assert.equal(value.size, 200_000);
    const { files } = await page.evaluate(() => client.api.files.list());
    assert.equal(files.length, 1);
  });

  test("in great numbers, each gets its own answer, through cuts", async () => {
    const done = page.evaluate(async (token) => {
      const client = newClient({ token, preferWebSocket: true });
      const answers = [];
      for (let round = 0; round < 20; round += 1) {
        const calls = Array.from({ length: 50 }, (_, at) => client.call("system/echo", [round, at]));
        answers.push(await Promise.all(calls));
        await pause(40);
      }
      return answers.every((answer, round) => answer.every((pair, at) => pair[0] === round && pair[1] === at));
    }, token);
    for (let cut = 0; cut < 3; cut += 1) {
      await until("the page is there", () => stage.proxy.sessions === 1);
      await stage.proxy.cutAfter(4_000);
    }
    assert.ok(await done);
  });
});
