// The demo's media page: films that are really processed, seen from several windows at once.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { launch } from "./support/browser.mjs";
import { forThumbs, lose, PHONE, picture } from "./support/demo.mjs";
import { folder } from "./support/files.mjs";
import { brokenFilm, film, journey, photo, probe } from "./support/films.mjs";
import { openMedia } from "./support/media.mjs";
import { Server } from "./support/server.mjs";
import { until } from "./support/wait.mjs";

/** Chromium's own camera and microphone: a moving picture with a beep. */
const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

let browser, place, server, first, second, id, long;

before(async () => {
  place = await folder();
  long = await film(place, "harbour.mp4", { seconds: 40 });
  server = await Server.start({ demo: true });
  browser = await launch({ flags: CAMERA });
  first = await openMedia(browser, server.url);
  second = await first.second();
});

after(async () => {
  await browser?.close();
  await server?.remove();
  await place?.remove();
});

afterEach(() => {
  for (const media of [first, second]) assert.deepEqual(media?.trace.problems ?? [], []);
});

const values = (list) => [...new Set(list)];
const neverFalls = (list) => assert.deepEqual(list, list.toSorted((one, other) => one - other), "progress never falls");

describe("a film", () => {
  test("goes up, and another window sees it come and its progress rise", async () => {
    await second.part("stage-empty").waitFor();
    await second.watch();
    await first.choose(long);
    await second.stands(long.name, "processing");
    await second.pick(long.name);
    id = await second.page.evaluate(() => location.hash.slice(1));
    await first.part("stage-title", long.name).waitFor();
    assert.equal(await first.page.evaluate(() => location.hash.slice(1)), id, "the window that sent it shows it");
    await second.progressed(15);
  });

  test("a window that comes late is right at once, and one that was cut off comes back right", async () => {
    const late = await openMedia(browser, server.url, { file: id, ...(await whoever()) });
    await late.part("stage-percent").waitFor();
    assert.ok((await late.share()) >= 15, "it knows what was told before it came");
    await late.close();
    await lose(second.page, () => second.part("cut").click());
    await second.word("Processing");
  });

  test("what the other window saw rises in many steps and never falls", async (t) => {
    await second.word("Ready");
    await first.word("Ready");
    const seen = await second.watched();
    t.diagnostic(`seen: ${seen.join(" ")}`);
    assert.ok(values(seen).length >= 5, `seen: ${seen}`);
    neverFalls(seen);
  });

  test("plays there, with sound", async () => {
    const { times, width, height, duration, sound, decoded } = await second.play();
    assert.deepEqual([width, height], [1280, 720]);
    assert.ok(Math.abs(duration - 40) < 0.5, `${duration} s`);
    assert.ok(decoded >= times.length, `${decoded} frames were decoded`);
    assert.ok(sound > 0, "sound was decoded");
    assert.ok(times.at(-1) > times[0]);
  });

  test("the strip of frames moves about in it", async () => {
    const before = await second.pixels();
    const answers = [];
    second.page.on("response", (answer) => answer.url().includes("/parts/video") && answers.push(answer.status()));
    const late = await second.seek(0.9);
    assert.ok(Math.abs(late - 36) < 1.5, `at ${late} s`);
    assert.notDeepEqual(await second.pixels(), before, "another picture is shown");
    const early = await second.seek(0.1);
    assert.ok(Math.abs(early - 4) < 1.5, `at ${early} s`);
    await second.part("scrub").press("ArrowRight");
    assert.match(await second.part("scrub").getAttribute("aria-valuetext"), /^0:0\d of 0:40$/);
    assert.ok(answers.every((status) => status === 206 || status === 304), `pieces of the film: ${answers}`);
    await second.page.locator("[data-testid=strip][data-loaded]").waitFor();
  });

  test("can be saved as it came and as it plays", async () => {
    const save = async (button) => {
      const [download] = await Promise.all([second.page.waitForEvent("download"), second.part(button).click()]);
      return { name: download.suggestedFilename(), path: await download.path() };
    };
    const original = await save("save-original");
    assert.equal(original.name, long.name);
    const { format } = await probe(original.path);
    assert.equal(Number(format.size), long.size);
    const { streams } = await probe((await save("save-rendition")).path);
    assert.deepEqual(streams.map(({ codec_name: codec }) => codec).toSorted(), ["aac", "h264"]);
  });

  test("is nobody else's business", async () => {
    const stranger = await openMedia(browser, server.url, { file: id });
    await stranger.part("stage-empty", "no such file").waitFor();
    await stranger.part("media-empty").waitFor();
    assert.deepEqual(stranger.trace.problems, []);
    await stranger.close();
  });
});

describe("from the camera", () => {
  test("a few seconds are recorded, processed and played", async (t) => {
    await first.part("record").click();
    await first.part("record-time", "0:03").waitFor();
    await first.part("record-stop").click();
    await first.part("stage-title", /^Camera/).waitFor();
    const name = await first.part("stage-title").innerText();
    await second.stands(name, "ready");
    await second.pick(name);
    const { times, duration, sound } = await second.play();
    t.diagnostic(`${duration} s, ${times.length} frames`);
    assert.ok(duration > 2 && duration < 6, `${duration} s`);
    assert.ok(sound > 0, "sound was decoded");
    const late = await second.seek(0.8);
    assert.ok(Math.abs(late - duration * 0.8) < 1.5, `at ${late} s of ${duration} s`);
    const [download] = await Promise.all([second.page.waitForEvent("download"), second.part("save-original").click()]);
    const { format } = await probe(await download.path());
    assert.match(format.format_name, /webm/);
    assert.equal(format.duration, undefined, "a browser does not know how long it will record");
  });

  test("what is discarded goes nowhere", async () => {
    const before = await first.part("media-file").count();
    await first.part("record").click();
    await first.part("record-time", "0:01").waitFor();
    await first.part("record-discard").click();
    await first.part("record-time").waitFor({ state: "detached" });
    assert.equal(await first.part("upload-card").count(), 0);
    assert.equal(await first.part("media-file").count(), before);
  });
});

describe("what goes wrong", () => {
  test("a film that was cut short fails with a reason in both windows, and again when it is tried again", async () => {
    const broken = await brokenFilm(place, "broken.mp4");
    await first.choose(broken);
    await second.stands(broken.name, "failed");
    await second.pick(broken.name);
    assert.match(await second.part("stage-problem").innerText(), /cannot be read|not a video|cut short/i);
    const row = await first.stands(broken.name, "failed");
    assert.equal(await row.getByTestId("file-problem").innerText(), await second.part("stage-problem").innerText());
    const words = first.page.evaluate((name) => {
      const word = document.querySelector(`[data-name="${name}"] [data-testid=file-word]`);
      const seen = [];
      new MutationObserver(() => seen.push(word.textContent)).observe(word, { childList: true, characterData: true, subtree: true });
      window.words = seen;
    }, broken.name);
    await words;
    await second.part("stage-again").click();
    await until("it has been tried again", async () => (await first.page.evaluate(() => window.words)).at(-1) === "Failed");
    const seen = await first.page.evaluate(() => window.words);
    assert.ok(seen.includes("Waiting") || seen.includes("Processing"), `the other window saw: ${seen}`);
  });

  test("processing is canceled in one window, and begun again in the other", async () => {
    const copy = await film(place, "long walk.mp4", { seconds: 60 });
    await first.choose(copy);
    await second.stands(copy.name, "processing");
    await second.pick(copy.name);
    await second.progressed(3);
    await second.part("stage-cancel").click();
    const row = await first.stands(copy.name, "failed");
    assert.equal(await row.getByTestId("file-word").innerText(), "Canceled");
    await row.getByTestId("process-again").click();
    await second.word("Processing");
    await first.row(copy.name).getByTestId("cancel-processing").click();
    await second.word("Canceled");
  });

  test("a file that is removed in one window goes from the other", async () => {
    await first.pick("long walk.mp4");
    await first.part("remove").click();
    await first.part("remove-confirm").click();
    await second.part("stage-empty", "removed").waitFor();
    await second.row("long walk.mp4").waitFor({ state: "detached" });
  });
});

test("a silent film plays while another is processed", async () => {
  const [valley, night] = [await journey(place, "into the valley.mp4"), await film(place, "night train.mov", { seconds: 40 })];
  await first.choose(valley);
  await first.stands(valley.name, "ready");
  await first.pick(valley.name);
  const { times, sound } = await first.play();
  assert.ok(times.length >= 15);
  assert.equal(sound, 0);
  await first.choose(night);
  await second.stands(night.name, "processing");
  await first.pick(valley.name);
  const late = await first.seek(0.75);
  assert.ok(Math.abs(late - 7.5) < 1, `at ${late} s`);
  await until("it is on its way", async () => parseInt(await first.row(night.name).getByTestId("file-percent").innerText(), 10) > 10, { patience: 120_000 });
  await picture(first.page, "media");
  await second.row(night.name).getByTestId("cancel-processing").click();
  await first.stands(night.name, "failed");
});

test("pictures have thumbnails, and what is neither is stored as it is", async () => {
  const heron = await photo(place, "heron.png");
  await first.choose(heron);
  const row = await second.stands(heron.name, "ready");
  await until("the thumbnail is shown", () => row.locator("img").evaluate((image) => image.naturalWidth > 0));
  assert.ok((await row.locator("img").evaluate(({ naturalWidth }) => naturalWidth)) <= 320);
  await second.pick(heron.name);
  await until("the picture is shown", () => second.page.locator(".stage-img").evaluate((image) => image.naturalWidth === 1200));
});

describe("on a phone", () => {
  test("all of it is within reach of a thumb", async () => {
    const phone = await openMedia(browser, server.url, { file: id, ...PHONE, ...(await whoever()) });
    await phone.word("Ready");
    const { times } = await phone.play(5);
    assert.equal(times.length, 5);
    await picture(phone.page, "media-phone");
    const { width, small } = await forThumbs(phone.page);
    assert.equal(width, 390, "nothing sticks out");
    assert.deepEqual(small, [], "buttons big enough to hit");
    assert.deepEqual(phone.trace.problems, []);
    await phone.close();
  });
});

/** What makes another browser the same user. */
async function whoever() {
  return { storageState: await first.context.storageState() };
}
