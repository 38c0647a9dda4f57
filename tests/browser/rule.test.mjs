// A call that names a stream is answered by the session that carries the stream, whatever transport calls prefer otherwise.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { Stage } from "./support/stage.mjs";

const OVER_SESSION = { http: 0, session: 1 };
const OVER_HTTP = { http: 1, session: 0 };

let stage, page, trace, token;

before(async () => (stage = await Stage.start()));
after(() => stage?.end());
beforeEach(async () => {
  ({ page, trace, token } = await stage.page());
  await page.evaluate(`window.fill = ${fill}`);
});
afterEach(async () => {
  assert.deepEqual(trace.problems, []);
  await page.context().close();
});

/** Calls of this method, by wire. */
const wires = (method) => ({
  http: trace.http.filter((name) => name === method).length,
  session: trace.session.filter((name) => name === method).length,
});

/** What `template` is with these two in the places of "(uploader)" and "(id)". Runs here and in pages. */
function fill(template, uploader, id) {
  if (template === "(uploader)") return uploader;
  if (template === "(id)") return id;
  if (Array.isArray(template)) return template.map((value) => fill(value, uploader, id));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, fill(value, uploader, id)]));
}

describe("where HTTP is preferred", () => {
  for (const template of [
    "(uploader)",
    "(id)",
    { stream: "(uploader)" },
    { streamId: "(id)" },
    { a: { b: [1, [{ c: "(id)" }]] }, d: null },
    [[], ["(uploader)"]],
    ["st_", "stream", "(id)"],
  ]) {
    test(`${JSON.stringify(template)} goes over the session`, async () => {
      const { id, answer } = await page.evaluate(
        async ({ token, template }) => {
          const client = newClient({ token });
          const uploader = client.createBlobUploader(new Blob(["a few bytes"]));
          const answer = await client.call("system/echo", window.fill(template, uploader, uploader.id));
          uploader.cancel();
          client.close();
          return { id: uploader.id, answer };
        },
        { token, template },
      );
      assert.deepEqual(answer, fill(template, id, id));
      assert.deepEqual(wires("system/echo"), OVER_SESSION);
    });
  }

  test("what only looks like a stream's id goes over HTTP", async () => {
    const digits = "0123456789abcdef".repeat(2);
    const params = [`st_${digits}0`, `st_${digits.slice(1)}`, `ST_${digits}`, `st_${digits.toUpperCase()}`, ` st_${digits}`, { [`st_${digits}`]: 1 }];
    const answer = await page.evaluate(({ token, params }) => newClient({ token }).call("system/echo", params), { token, params });
    assert.deepEqual(answer, params);
    assert.deepEqual(wires("system/echo"), OVER_HTTP);
  });

  test("the id of a stream that this client never had goes over the session too", async () => {
    const outcome = await page.evaluate(
      ({ token, id }) => outcome(newClient({ token }).api.files.upload({ streamId: id })),
      { token, id: `st_${"0".repeat(32)}` },
    );
    assert.equal(outcome.error.code, "stream-not-found");
    assert.equal(outcome.error.ran, "no");
    assert.deepEqual(wires("files/upload"), OVER_SESSION);
  });

  test("calls that name no stream go over HTTP", async () => {
    const answers = await page.evaluate(async (token) => {
      const client = newClient({ token });
      await client.connect();
      return [
        await client.api.files.list(),
        await client.api.files.list({}),
        await client.call("system/echo", [null, 1, "ä"]),
        await client.call("system/echo"),
        (await client.api.system.introspect({})).server,
      ];
    }, token);
    assert.deepEqual(answers, [{ files: [], more: false }, { files: [], more: false }, [null, 1, "ä"], null, "samewire"]);
    assert.deepEqual(trace.session, []);
    assert.equal(trace.http.length, 5);
  });

  test("a method that only a session can answer goes over it", async () => {
    const { error } = await page.evaluate(
      (token) => outcome(newClient({ token }).api.files.open({ id: `fi_${"0".repeat(32)}` })),
      token,
    );
    assert.equal(error.code, "file-not-found");
    assert.deepEqual(wires("files/open"), OVER_SESSION);
  });
});

describe("where the session is preferred", () => {
  test("nothing goes over HTTP", async () => {
    await page.evaluate(async (token) => {
      const client = newClient({ token, preferWebSocket: true });
      const uploader = client.createBlobUploader(new Blob(["a few bytes"]), { name: "few.txt" });
      await client.api.files.upload({ streamId: uploader.id });
      const { files } = await client.api.files.list();
      await client.call("system/echo", files);
    }, token);
    assert.deepEqual(trace.http, []);
    assert.deepEqual(trace.session, ["files/upload", "files/list", "system/echo"]);
  });
});

describe("with no session open", () => {
  test("a call that names a stream opens one first", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token, autoConnectWebSocket: false });
      const before = [client.state];
      await client.api.files.list();
      before.push(client.state);
      const uploader = client.createBlobUploader(new Blob(["a few bytes"]), { name: "few.txt" });
      before.push(client.state);
      const record = await client.api.files.upload({ streamId: uploader.id });
      return { before, after: client.state, size: record.size };
    }, token);
    assert.deepEqual(seen, { before: ["idle", "idle", "idle"], after: "live", size: 11 });
    assert.deepEqual(wires("files/upload"), OVER_SESSION);
    assert.deepEqual(wires("files/list"), OVER_HTTP);
    assert.equal(trace.sockets, 1);
  });

  test("an uploader that was made before works", async () => {
    const record = await page.evaluate(async (token) => {
      const client = newClient({ token, autoConnectWebSocket: false });
      const uploader = client.createBlobUploader(new Blob([bytes(300_000)]), { name: "early.bin" });
      const { id, size, digest } = await uploader.upload();
      const record = await client.api.files.upload({ streamId: uploader.id });
      return { same: id === uploader.id && digest === record.digest && size === record.size, ...record };
    }, token);
    assert.equal(record.name, "early.bin");
    assert.equal(record.size, 300_000);
    assert.ok(record.same);
  });
});

describe("the transports by name", () => {
  test("wsTransport.call goes over the session, whatever it holds", async () => {
    const answer = await page.evaluate((token) => newClient({ token }).wsTransport.call("system/echo", { a: 1 }), token);
    assert.deepEqual(answer, { a: 1 });
    assert.deepEqual(wires("system/echo"), OVER_SESSION);
  });

  test("httpTransport.call goes over HTTP where that can be answered", async () => {
    const answer = await page.evaluate(
      (token) => newClient({ token, preferWebSocket: true }).httpTransport.call("system/echo", { a: 1 }),
      token,
    );
    assert.deepEqual(answer, { a: 1 });
    assert.deepEqual(wires("system/echo"), OVER_HTTP);
  });
});

describe("code as it is written elsewhere", () => {
  test("what used to be right works", async () => {
    const record = await page.evaluate(async (token) => {
      const file = new File([bytes(70_000)], "report.pdf", { type: "application/pdf" });
      const client = newClient({ token, preferWebSocket: false, autoConnectWebSocket: true });
      const uploader = client.createBlobUploader(file);
      await uploader.upload();
      return client.wsTransport.call("files/upload", { streamId: uploader.id });
    }, token);
    assert.deepEqual([record.name, record.media, record.size], ["report.pdf", "application/pdf", 70_000]);
  });

  test("what used to be wrong works as well", async () => {
    const record = await page.evaluate(async (token) => {
      const file = new File([bytes(70_000)], "report.pdf", { type: "application/pdf" });
      const client = newClient({ token, preferWebSocket: false, autoConnectWebSocket: true });
      const uploader = client.createBlobUploader(file);
      await uploader.upload();
      return client.api.files.upload({ streamId: uploader.id });
    }, token);
    assert.deepEqual([record.name, record.media, record.size], ["report.pdf", "application/pdf", 70_000]);
    assert.deepEqual(wires("files/upload"), OVER_SESSION);
  });

  test("over HTTP without the session's credential it is answered 421, and nothing ran", async () => {
    const seen = await page.evaluate(async (token) => {
      const client = newClient({ token });
      const uploader = client.createBlobUploader(new Blob(["a few bytes"]), { name: "few.txt" });
      await uploader.upload();
      const answer = await fetch("/rpc/files/upload", {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ streamId: uploader.id }),
      });
      const problem = await answer.json();
      const { files } = await client.api.files.list();
      const record = await client.api.files.upload({ streamId: uploader.id });
      return { status: answer.status, type: answer.headers.get("content-type"), problem, files, size: record.size };
    }, token);
    assert.equal(seen.status, 421);
    assert.equal(seen.type, "application/problem+json");
    assert.deepEqual([seen.problem.code, seen.problem.ran, seen.problem.status], ["misdirected", "no", 421]);
    assert.match(seen.problem.detail, /session/);
    assert.deepEqual(seen.files, []);
    assert.equal(seen.size, 11);
  });
});
