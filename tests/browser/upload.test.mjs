// The demo's upload page with real files, through a network that breaks.

import assert from "node:assert/strict";
import { appendFile, stat } from "node:fs/promises";
import { after, before, describe, test } from "node:test";

import { launch } from "./support/browser.mjs";
import { forThumbs, openUploadPage, PHONE, RENEWING, UploadPage } from "./support/demo.mjs";
import { folder, MiB, sha256, write } from "./support/files.mjs";
import { Proxy } from "./support/proxy.mjs";
import { Server } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

const BIG = 256 * MiB;
/** What a cut may cost: what was in the socket's buffers and in the window, and is sent again. */
const LOST_PER_CUT = 8 * MiB;

const between = (least, most) => Math.round(least + Math.random() * (most - least));

let browser, place, server, proxy, demo, big, notes, photo;

before(async () => {
  place = await folder();
  [big, notes, photo] = await Promise.all([
    write(place, "holiday-2026.mov", BIG, 1),
    write(place, "garden notes.txt", 14_200, 2),
    write(place, "heron.jpg", 3.4 * MiB, 3),
  ]);
  server = await Server.start({ demo: true });
  proxy = await Proxy.to(server.port);
  browser = await launch();
  demo = await openUploadPage(browser, proxy.url);
});

after(async () => {
  await browser?.close();
  await proxy?.close();
  await server?.remove();
  await place?.remove();
});

describe("256 MiB through five cuts", () => {
  let passed;

  test("small files are stored at once", async () => {
    await demo.choose(notes, photo);
    await demo.upload(notes, "stored");
    await demo.upload(photo, "stored");
    await demo.stored(photo).waitFor();
    await demo.page.getByTestId("clear-finished").click();
    await demo.card(photo).waitFor({ state: "detached" });
  });

  test("it goes on where it was after every cut, and is stored", async (t) => {
    // For the documentation slowly, so that its picture has something of a history.
    proxy.rate = RENEWING ? 10e6 : 40e6;
    await demo.watch();
    const before = { bytes: proxy.up, cuts: proxy.cuts };
    await demo.choose(big);
    await demo.upload(big, "uploading");
    for (let cut = 1; cut <= 3; cut += 1) {
      const at = between(16 * MiB, 40 * MiB);
      t.diagnostic(`cut ${cut} after ${at} more bytes`);
      await demo.lose(() => proxy.cutAfter(at));
    }
    await demo.upload(big, "uploading");
    await picture();
    await demo.lose(() => demo.page.getByTestId("cut").click());
    // A network that is away for longer than one attempt to come back.
    proxy.refuse(true);
    proxy.cut();
    await demo.connection("Reconnecting");
    await demo.upload(big, "waiting");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await demo.lose(() => proxy.refuse(false));
    const card = await demo.upload(big, "stored");
    assert.match(await card.innerText(), /through 5 cuts/);
    passed = proxy.up - before.bytes;
    assert.equal(proxy.cuts - before.cuts, 4);
    proxy.rate = Infinity;
  });

  async function picture() {
    // The speed is an average over some seconds.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    proxy.rate = 10e6;
    await demo.picture("upload");
    proxy.rate = 40e6;
  }

  test("progress never went back, and began only once at 0", async () => {
    const { states, streams, percents } = await demo.watched();
    assert.ok(states.filter((state) => state === "waiting").length >= 5, states.join(" "));
    const [offsets, ...others] = Object.values(streams);
    assert.equal(others.length, 0, "one stream carried all of it");
    assert.ok(offsets.length > 20, `progress was told ${offsets.length} times`);
    for (const counted of [offsets, percents]) {
      const back = counted.findIndex((value, at) => at > 0 && value < counted[at - 1]);
      assert.equal(back, -1, `progress went back: ${counted.slice(Math.max(0, back - 2), back + 2)}`);
    }
    assert.equal(offsets.at(-1), BIG);
  });

  test("a cut cost what was on its way, and no more", (t) => {
    t.diagnostic(`${passed} bytes were sent for ${BIG}`);
    assert.ok(passed >= BIG);
    assert.ok(passed < BIG + 5 * LOST_PER_CUT, `${passed - BIG} bytes were sent again`);
  });

  test("the call that names the stream took the session, although HTTP is preferred", async () => {
    const rows = await demo.panel();
    const wires = (name) => new Set(rows.filter((row) => row.name === name).map((row) => row.wire));
    assert.deepEqual(wires("files/upload"), new Set(["session"]));
    assert.deepEqual(wires("files/list"), new Set(["http"]));
    assert.ok(!demo.trace.http.includes("files/upload"), "the panel tells the truth");
    assert.ok(!demo.trace.session.includes("files/list"), "the panel tells the truth");
  });

  test("the stored bytes are those of the file", async () => {
    const record = (await demo.files()).find((file) => file.name === big.name);
    assert.equal(record.size, BIG);
    assert.match(record.digest, /^blake3:[0-9a-f]{64}$/);
    const blobs = await server.blobs();
    assert.equal(blobs.length, 3, "no byte is stored twice");
    const sizes = await Promise.all(blobs.map(async (path) => (await stat(path)).size));
    assert.equal(await sha256(blobs[sizes.indexOf(BIG)]), big.sha256);
  });
});

describe("downloads", () => {
  test("256 MiB go to disk through cuts, and are the file", async () => {
    // A file dialog cannot be answered from here, so the browser's private disk takes the place of a person's.
    await demo.page.evaluate(() => {
      window.showSaveFilePicker = async () =>
        (window.place = await (await navigator.storage.getDirectory()).getFileHandle("download", { create: true }));
    });
    proxy.rate = 80e6;
    const row = demo.stored(big);
    await row.getByTestId("download").click();
    for (let cut = 1; cut <= 3; cut += 1) {
      await demo.lose(() => proxy.cutAfter(between(8 * MiB, 40 * MiB), "down"));
    }
    await demo.downloaded(big);
    proxy.rate = Infinity;
    const saved = await demo.page.evaluate(async () => {
      const file = await window.place.getFile();
      const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
      return { size: file.size, sha256: [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") };
    });
    assert.deepEqual(saved, { size: BIG, sha256: big.sha256 });
  });

  test("a small file is saved the ordinary way, under its own name", async () => {
    const [download] = await Promise.all([
      demo.page.waitForEvent("download"),
      demo.stored(photo).getByTestId("download").click(),
    ]);
    assert.equal(download.suggestedFilename(), photo.name);
    assert.equal(await sha256(await download.path()), photo.sha256);
  });
});

describe("buttons", () => {
  let film;

  before(async () => {
    film = await write(place, "rehearsal.mp4", 24 * MiB, 4);
    proxy.rate = 8e6;
  });

  test("pause sends nothing, and resume goes on", async () => {
    await demo.choose(film);
    const card = await demo.upload(film, "uploading");
    await until("something is durable", async () => /MB safe/.test(await card.innerText()));
    await card.getByTestId("pause").click();
    await demo.upload(film, "paused");
    const detail = card.getByTestId("upload-detail");
    await quiet(() => proxy.up);
    const [bytes, told] = [proxy.up, await detail.innerText()];
    assert.match(told, /of 25.2 MB safe on the server/);
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.ok(proxy.up - bytes < 1000, `${proxy.up - bytes} bytes were sent during the pause`);
    assert.equal(await detail.innerText(), told);
    await card.getByTestId("resume").click();
    await demo.upload(film, "uploading");
  });

  test("a pause outlives a cut", async () => {
    const card = demo.card(film);
    await card.getByTestId("pause").click();
    await demo.upload(film, "paused");
    await demo.lose(() => proxy.cut());
    await quiet(() => proxy.up);
    assert.equal(await card.getAttribute("data-state"), "paused");
    await card.getByTestId("resume").click();
    await demo.upload(film, "uploading");
  });

  test("cancel leaves nothing on the server, and trying again begins anew", async () => {
    const blobs = (await server.blobs()).length;
    const card = demo.card(film);
    await card.getByTestId("cancel").click();
    await demo.upload(film, "canceled");
    await until("the server drops the stream", async () => (await server.health()).streams === 0);
    await until("its bytes are deleted", async () => (await server.blobs()).length === blobs - 1);
    proxy.rate = Infinity;
    await card.getByTestId("retry").click();
    await demo.upload(film, "stored");
    await demo.stored(film).waitFor();
  });

  test("what is under way stands above what is stored", async () => {
    const names = () => demo.page.getByTestId("upload-card").evaluateAll((cards) => cards.map(({ dataset }) => dataset.name));
    assert.deepEqual((await names()).slice(0, 2), [film.name, big.name], "the one that was stored last comes first");
    const extra = await write(place, "take two.mp4", 16 * MiB, 7);
    proxy.rate = 8e6;
    await demo.choose(extra);
    await demo.upload(extra, "uploading");
    assert.equal((await names())[0], extra.name);
    proxy.rate = Infinity;
    await demo.upload(extra, "stored");
  });

  test("a file that changes on its way fails and says so, and goes up when it is chosen again", async () => {
    const draft = await write(place, "draft.txt", 24 * MiB, 6);
    proxy.rate = 4e6;
    await demo.choose(draft);
    const card = await demo.upload(draft, "uploading");
    await until("something is durable", async () => /MB safe/.test(await card.innerText()));
    await appendFile(draft.path, "another line");
    await demo.upload(draft, "failed");
    assert.match(await card.getByTestId("upload-problem").innerText(), /changed.* Choose it again/);
    await until("the server drops the stream", async () => (await server.health()).streams === 0);
    assert.ok(!(await card.getByTestId("retry").isVisible()), "trying again would read the same");
    proxy.rate = Infinity;
    const [chooser] = await Promise.all([demo.page.waitForEvent("filechooser"), card.getByTestId("choose-again").click()]);
    await chooser.setFiles(draft.path);
    await demo.upload(draft, "stored");
    assert.equal((await demo.files()).find(({ name }) => name === draft.name).size, 24 * MiB + "another line".length);
    await card.getByTestId("dismiss").click();
    await card.waitFor({ state: "detached" });
  });

  test("files that are dropped on the page are stored, all of them", async () => {
    const names = ["one.txt", "two.txt", "three.txt", "four.txt", "five.txt"];
    await demo.page.evaluate((names) => {
      const dataTransfer = new DataTransfer();
      for (const name of names) dataTransfer.items.add(new File([name.repeat(50_000)], name));
      for (const type of ["dragenter", "dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
      }
    }, names);
    for (const name of names) await demo.stored({ name }).waitFor();
  });

  test("remove asks, then removes the file and its bytes", async () => {
    const blobs = (await server.blobs()).length;
    const row = demo.stored(big);
    await row.getByTestId("remove").click();
    await row.getByTestId("remove-keep").click();
    assert.ok((await demo.files()).some((file) => file.name === big.name), "Keep keeps");
    await row.getByTestId("remove").click();
    await row.getByTestId("remove-confirm").click();
    await row.waitFor({ state: "detached" });
    assert.ok(!(await demo.files()).some((file) => file.name === big.name));
    await until("its bytes are deleted", async () => (await server.blobs()).length === blobs - 1);
  });

  /** Waits until a counter has stood still for a while. */
  async function quiet(count) {
    let last;
    await until("nothing moves", () => {
      const still = last === count();
      last = count();
      return still;
    }, { every: 250 });
  }
});

describe("after a reload", () => {
  let film;

  before(async () => {
    film = await write(place, "wedding.mp4", 24 * MiB, 8);
  });

  /** Begins an upload, and reloads the page when some of it is safe. Resolves with how much the server has. */
  async function reload(begin) {
    proxy.rate = 8e6;
    await begin();
    const card = await demo.upload(film, "uploading");
    let percent = 0;
    await until("some of it is safe", async () => (percent = parseInt(await card.getByTestId("upload-percent").innerText(), 10)) >= 40);
    await demo.page.reload();
    await demo.connection("Live");
    await demo.upload(film, "remembered");
    proxy.rate = Infinity;
    return { begun: proxy.up, percent };
  }

  async function goneOnFrom({ begun, percent }, t) {
    await demo.upload(film, "stored");
    const sent = proxy.up - begun;
    t.diagnostic(`${sent} bytes after ${percent} %`);
    assert.ok(sent < film.size * (1 - percent / 100) + MiB, `${sent} bytes were sent after the reload`);
    const stored = (await demo.files()).filter(({ name }) => name === film.name);
    assert.deepEqual(stored.map(({ size }) => size), [film.size], "one file, and whole");
    await demo.page.evaluate((id) => window.samewire.api.files.remove({ id }), stored[0].id);
    await demo.card(film).getByTestId("dismiss").click();
  }

  test("an upload waits for its file, and goes on where it was", async (t) => {
    const before = await reload(() => demo.choose(film));
    const card = demo.card(film);
    const [chooser] = await Promise.all([demo.page.waitForEvent("filechooser"), card.getByTestId("choose-again").click()]);
    const other = await write(place, "other.mp4", 24 * MiB, 9);
    await chooser.setFiles(other.path);
    await card.getByTestId("upload-problem").filter({ hasText: "not the file" }).waitFor();
    await card.getByTestId("choose-again-input").setInputFiles(film.path);
    await goneOnFrom(before, t);
  });

  test("the same file chosen as a new one goes on too", async (t) => {
    const before = await reload(() => demo.choose(film));
    await demo.choose(film);
    await goneOnFrom(before, t);
    assert.equal(await demo.card(film).count(), 0, "nothing is left to be asked about");
  });

  test("with a handle of the file a click is enough", async (t) => {
    // A dialog of the browser's own cannot be answered from here, so its private disk takes the place of a person's.
    await demo.page.getByTestId("file-input").evaluate((input) => input.addEventListener("change", (event) => event.stopImmediatePropagation(), { capture: true, once: true }));
    await demo.page.getByTestId("file-input").setInputFiles(film.path);
    await demo.page.evaluate(async (name) => {
      const [file] = document.querySelector("[data-testid=file-input]").files;
      const handle = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
      await file.stream().pipeTo(await handle.createWritable());
      window.showOpenFilePicker = async () => [handle];
    }, film.name);
    const before = await reload(() => demo.page.getByTestId("choose").click());
    await demo.card(film).getByTestId("go-on").click();
    await goneOnFrom(before, t);
  });

  test("two tabs do not fight over one file", async () => {
    proxy.rate = 8e6;
    await demo.choose(film);
    await demo.upload(film, "uploading");
    const page = await demo.context.newPage();
    await page.goto(`${proxy.url}/upload.html`);
    const other = new UploadPage({ page, context: demo.context });
    await other.connection("Live");
    await other.choose(film);
    const card = await other.upload(film, "failed");
    assert.match(await card.getByTestId("upload-problem").innerText(), /going up already/);
    await page.close();
    proxy.rate = Infinity;
    await demo.upload(film, "stored");
  });

  test("what nobody wants is forgotten", async () => {
    await reload(async () => {
      await demo.page.getByTestId("dismiss").click();
      await demo.page.evaluate(async () => {
        for (const { id } of (await window.samewire.api.files.list({})).files) await window.samewire.api.files.remove({ id });
      });
      await demo.choose(film);
    });
    await demo.card(film).getByTestId("dismiss").click();
    await demo.page.reload();
    await demo.connection("Live");
    assert.deepEqual(await demo.page.evaluate(() => window.samewire.rememberedUploads()), []);
    assert.equal(await demo.card(film).count(), 0);
  });
});

describe("on a phone", () => {
  let phone, clip;

  before(async () => {
    clip = await write(place, "IMG_2031.mov", 32 * MiB, 5);
    phone = await openUploadPage(browser, proxy.url, PHONE);
    proxy.rate = 8e6;
  });

  after(() => phone?.close());

  test("a file goes up through a cut, all of it within reach of a thumb", async () => {
    await phone.choose(clip);
    await phone.upload(clip, "uploading");
    await phone.lose(() => proxy.cutAfter(6 * MiB));
    await phone.lose(() => phone.page.getByTestId("cut").tap());
    await phone.upload(clip, "uploading");
    proxy.refuse(true);
    await proxy.cutAfter(6 * MiB);
    await phone.upload(clip, "waiting");
    // While the connection is away; the desk's picture shows one that stands.
    await phone.picture("upload-phone");
    await phone.lose(() => proxy.refuse(false));
    await phone.upload(clip, "uploading");
    const { width, small } = await forThumbs(phone.page);
    assert.equal(width, 390, "nothing sticks out");
    assert.deepEqual(small, [], "buttons big enough to hit");
    proxy.rate = Infinity;
    await phone.upload(clip, "stored");
    await phone.stored(clip).waitFor();
    assert.deepEqual(phone.trace.problems, []);
  });
});

test("the page had no error of its own", () => {
  assert.deepEqual(demo.trace.problems, []);
});
