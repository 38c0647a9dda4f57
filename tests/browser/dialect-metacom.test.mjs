// npm metacom, unmodified, in Node: it has one server or the other, and need not know which.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";

import { folder, MiB, sha256, write } from "./support/files.mjs";
import { connect, outcome, version } from "./support/metacom.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server, token } from "./support/server.mjs";
import { slowDisk } from "./support/slow-disk.mjs";
import { until } from "./support/wait.mjs";

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

let server, place;

before(async () => {
  [server, place] = [await Server.start(), await folder()];
});

after(async () => {
  await server?.remove();
  await place?.remove();
});

const url = (user = `user-${randomBytes(4).toString("hex")}`) => `${server.url.replace("http", "ws")}/api?token=${token(user)}`;

/** A client with these units loaded, which is closed after the test. */
async function client(t, { address = url(), units = ["system", "files", "rooms", "auth", "file", "demo"], options } = {}) {
  // The package writes what it does not understand of a stream.
  t.mock.method(console, "error", () => {});
  const client = await connect(address, options);
  t.after(() => client.close());
  await client.load(...units);
  return client;
}

/** Names of stored files and the digests of what is stored. */
async function stored(server) {
  return Promise.all((await server.blobs()).map(sha256));
}

/** Reads a file of the server's. */
async function download(client, args) {
  const { streamId } = await client.api.files.download(args);
  return Buffer.from(await (await client.getStream(streamId).toBlob()).arrayBuffer());
}

test("it is the very package that npm installed", () => assert.equal(version, "3.2.6"));

test("calls, their errors, and what there is", async (t) => {
  const { api, ...rest } = await client(t);
  assert.deepEqual(await api.system.echo({ a: [1, null, "two"] }), { a: [1, null, "two"] });
  const { error } = await outcome(api.files.get({ id: "no id" }));
  assert.equal(error.code, 400);
  assert.match(error.message, /the params do not fit `files\/get`/);
  assert.ok(["upload", "download", "list", "remove"].every((method) => typeof api.files[method] === "function"));
  assert.deepEqual(Object.keys(rest.streams), []);
});

test("the manual's upload, as it is written there", async (t) => {
  const metacom = await client(t);
  const file = new File([randomBytes(300_000)], "manual.bin");
  const done = once(metacom.api.files, "uploaded");
  // From the README of the package, word for word.
  const uploadFile = async (file) => {
    // createBlobUploader creates streamId and inits file reader for convenience
    const uploader = metacom.createBlobUploader(file);
    // Prepare backend file consumer
    await metacom.api.files.upload({
      streamId: uploader.streamId,
      name: file.name,
    });
    // Start uploading stream and wait for its end
    await uploader.upload();
    return { uploadedFile: file };
  };
  await uploadFile(file);
  const [{ id, size, streamId }] = await done;
  assert.deepEqual({ size, streamId }, { size: 300_000, streamId: 1 });
  assert.deepEqual(await download(metacom, { id }), Buffer.from(await file.arrayBuffer()));
});

test("the manual's download, as it is written there", async (t) => {
  const metacom = await client(t);
  const bytes = randomBytes(5 * MiB + 1);
  const uploader = metacom.createBlobUploader(new File([bytes], "there.bin"));
  await uploader.upload();
  await metacom.api.files.upload({ streamId: uploader.id });
  // From the README of the package, word for word.
  const downloadFile = async (name) => {
    // Init backend file producer to get streamId
    const { streamId } = await metacom.api.files.download({ name });
    // Get metacom readable stream
    const readable = await metacom.getStream(streamId);
    // Convert stream to blob to make a file on the client
    const blob = await readable.toBlob();
    return new File([blob], name);
  };
  const file = await downloadFile("there.bin");
  assert.equal(hash(Buffer.from(await file.arrayBuffer())), hash(bytes));
});

test("a reader that begins late, and reads slowly, reads the same", async (t) => {
  const metacom = await client(t);
  // More of it than the package has room for, in pieces of the size that is usual.
  const bytes = randomBytes(80 * MiB);
  const uploader = metacom.createBlobUploader(new Blob([bytes.subarray(0, 7 * MiB), bytes.subarray(7 * MiB)]));
  const done = once(metacom.api.files, "uploaded");
  await metacom.api.files.upload({ streamId: uploader.id });
  await uploader.upload();
  const [{ id }] = await done;
  const { streamId } = await metacom.api.files.download({ id });
  const stream = metacom.getStream(streamId);
  // All of it is here before any of it is read.
  await until("the stream has come", async () => (await server.health()).streams === 0);
  const read = [];
  for await (const chunk of stream) {
    read.push(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(read.length <= 32, `${read.length} chunks`);
  assert.equal(hash(Buffer.concat(read)), hash(bytes));
});

test("answers come while a large file does", async (t) => {
  const metacom = await client(t, { options: { callTimeout: 60_000 } });
  const bytes = randomBytes(40 * MiB);
  const uploader = metacom.createBlobUploader(new Blob([bytes]));
  await uploader.upload();
  const { id } = await metacom.api.files.upload({ streamId: uploader.id });
  const two = [download(metacom, { id }), download(metacom, { id })];
  const echoes = await Promise.all(Array.from({ length: 200 }, (_, n) => metacom.api.system.echo({ n, text: "x".repeat(20_000) })));
  assert.deepEqual(echoes.map(({ n }) => n), Array.from({ length: 200 }, (_, n) => n));
  for (const read of await Promise.all(two)) assert.equal(hash(read), hash(bytes));
});

test("an event named error ends nobody", async (t) => {
  const [ada, bob] = [await client(t), await client(t)];
  await bob.api.rooms.join({ room: "demo:error" });
  const heard = once(bob.api.demo, "error.");
  await ada.api.rooms.join({ room: "demo:error" });
  await ada.api.rooms.publish({ room: "demo:error", name: "error", payload: { n: 1 } });
  assert.deepEqual(await heard, [{ room: "demo:error", n: 1 }]);
});

test("an upload before a call, its file, and the same file by another client", async (t) => {
  const address = url();
  const [metacom, other] = [await client(t, { address }), await client(t, { address })];
  const source = await write(place, "source.bin", 16 * MiB, 3);
  const uploader = metacom.createBlobUploader(await openAsBlob(source.path));
  await uploader.upload();
  const file = await metacom.api.files.upload({ streamId: uploader.id, name: "source.bin" });
  assert.deepEqual([file.name, file.size, file.streamId], ["source.bin", 16 * MiB, uploader.id]);
  assert.ok((await stored(server)).includes(source.sha256));
  assert.equal(hash(await download(other, { name: "source.bin" })), source.sha256);
});

describe("what its own server does not tell", () => {
  test("a stream that was begun before the connection was open", async (t) => {
    const { Metacom } = await import("metacom");
    const early = Metacom.create(url());
    t.after(() => early.close());
    const uploader = early.createBlobUploader(new Blob(["too early"]));
    await early.opening;
    await early.load("files");
    await uploader.upload();
    const { error } = await outcome(early.api.files.upload({ streamId: uploader.id }));
    assert.equal(error.code, 404);
    assert.match(error.message, /create the uploader once the connection is open/);
  });

  test("a size that is not met, and one that is passed", async (t) => {
    const metacom = await client(t);
    for (const [declared, sent] of [[10, 5], [3, 5], [0, 1]]) {
      const failed = once(metacom.api.files, "failed");
      const stream = metacom.createStream("a file", declared);
      stream.write(new Uint8Array(sent));
      stream.end();
      const { error } = await outcome(metacom.api.files.upload({ streamId: stream.id }));
      assert.equal(error.code, 409, `${declared} and ${sent}`);
      assert.equal((await failed)[0].reason, "size-mismatch");
    }
    assert.deepEqual((await metacom.api.files.list()).files, []);
  });

  test("what is wrong with a stream, to no call of the same number", async (t) => {
    const metacom = await client(t);
    const waiting = metacom.createStream("a file", 6);
    waiting.write(new Uint8Array(3));
    const calls = [1, 2, 3, 4, 5].map(() => metacom.api.files.upload({ streamId: waiting.id }));
    const numbers = [...metacom.calls.keys()];
    for (const id of numbers.filter((id) => id !== waiting.id)) {
      const frame = new DataView(new ArrayBuffer(8));
      frame.setInt32(0, id);
      metacom.write(new Uint8Array(frame.buffer));
    }
    await metacom.api.system.echo({});
    waiting.write(new Uint8Array(3));
    waiting.end();
    assert.deepEqual((await Promise.all(calls)).map(({ size }) => size), [6, 6, 6, 6, 6]);
  });

  test("a connection that is cut in the middle of an upload", async (t) => {
    const proxy = await Proxy.to(server.port, { counts: /^GET \/api\?/ });
    t.after(() => proxy.close());
    const address = url().replace(String(server.port), String(proxy.port));
    const metacom = await client(t, { address, options: { reconnectTimeout: 1 } });
    const before = await stored(server);
    const bytes = randomBytes(4 * MiB);
    const uploader = metacom.createBlobUploader(new Blob([bytes.subarray(0, 2 * MiB), bytes.subarray(2 * MiB)]));
    assert.equal((await metacom.api.files.upload({ streamId: uploader.id, name: "cut" })).result, "Stream initialized");
    const cut = proxy.cutAfter(MiB);
    const back = cut.then(() => once(metacom, "open"));
    // It says that all is well; that is what the package says.
    await uploader.upload();
    await back;
    await until("the stream is gone with its connection", async () => (await server.health()).streams === 0);
    assert.deepEqual(await stored(server), before, "half a file is no file");
    assert.equal((await outcome(metacom.api.files.upload({ streamId: uploader.id }))).error.code, 404);
    // It is whole the second time.
    const again = metacom.createBlobUploader(new Blob([bytes]));
    await again.upload();
    const file = await metacom.api.files.upload({ streamId: again.id, name: "cut" });
    assert.equal(hash(await download(metacom, { id: file.id })), hash(bytes));
  });
});

test("a slow disk slows the socket, and nothing is lost", async (t) => {
  const slow = await Server.start({ settings: await slowDisk(place, 32 * MiB) });
  t.after(() => slow.remove());
  const metacom = await client(t, { address: `${slow.url.replace("http", "ws")}/api`, options: { callTimeout: 60_000 } });
  const memory = async (field) => Number(/(\d+) kB/.exec((await readFile(`/proc/${slow.pid}/status`, "utf8")).split(field)[1])[1]) * 1024;
  const before = await memory("VmRSS:");
  const source = await write(place, "slow.bin", 64 * MiB, 5);
  const uploader = metacom.createBlobUploader(await openAsBlob(source.path));
  await uploader.upload();
  assert.ok(metacom.socket.bufferedAmount > 16 * MiB, "the client has to keep what the disk has not taken");
  const file = await metacom.api.files.upload({ streamId: uploader.id, name: "slow.bin" });
  assert.equal(file.size, 64 * MiB);
  assert.deepEqual(await stored(slow), [source.sha256]);
  const grown = (await memory("VmHWM:")) - before;
  assert.ok(grown < 24 * MiB, `the server held ${Math.round(grown / MiB)} MiB`);
});

test("events of a room, and of a file", async (t) => {
  const [ada, bob] = [await client(t), await client(t)];
  const heard = [];
  bob.api.demo.on("say", (data) => heard.push(data));
  await bob.api.rooms.join({ room: "demo:metacom" });
  await ada.api.rooms.join({ room: "demo:metacom" });
  for (let n = 0; n < 50; n += 1) await ada.api.rooms.publish({ room: "demo:metacom", name: "say", payload: { n } });
  await until("all is heard", () => heard.length === 50);
  assert.deepEqual(heard, Array.from({ length: 50 }, (_, n) => ({ room: "demo:metacom", n })));
  assert.equal(await bob.api.rooms.leave({ room: "demo:metacom" }), true);
});

test("a session is restored, on a connection that came without", async (t) => {
  const address = `${server.url.replace("http", "ws")}/api`;
  const first = await client(t, { address });
  const uploader = first.createBlobUploader(new Blob(["mine"]));
  await uploader.upload();
  const { id } = await first.api.files.upload({ streamId: uploader.id, name: "mine" });
  const { token: ticket } = await first.api.auth.status();
  first.close();
  const second = await client(t, { address });
  assert.equal((await outcome(second.api.files.get({ id }))).error.code, 404);
  assert.deepEqual(await second.api.auth.restore({ token: ticket }), { status: "logged", user: null });
  assert.equal((await download(second, { id })).toString(), "mine");
  assert.deepEqual(await second.api.auth.restore({ token: token("ada") }), { status: "logged", user: "ada" });
  assert.equal((await second.api.auth.restore({ token: "forged" })).status, "not logged");
  assert.equal((await second.api.auth.status()).user, "ada", "a restore that fails changes nothing");
});

test("over HTTP: calls, and streams refused with the address of a WebSocket", async (t) => {
  const { Metacom } = await import("metacom");
  const metacom = Metacom.create(`${server.url}/api`);
  t.after(() => metacom.close());
  await metacom.load("system", "files");
  assert.deepEqual(await metacom.api.system.echo({ over: "HTTP" }), { over: "HTTP" });
  const { error } = await outcome(metacom.api.files.upload({ streamId: 1 }));
  assert.equal(error.code, 421);
  assert.ok(error.message.includes(`ws://127.0.0.1:${server.port}/api`), error.message);
});

test("pings of the client are answered", async (t) => {
  const metacom = await client(t, { options: { pingInterval: 20 } });
  const pong = new Promise((resolve) => metacom.socket.on("message", (text) => text.toString() === "{}" && resolve()));
  await pong;
});
