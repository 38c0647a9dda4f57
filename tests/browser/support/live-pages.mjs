// Windows of the demo's broadcast and watch pages, as people use them.

import { open } from "./browser.mjs";
import { until } from "./wait.mjs";

/** How long a picture may take to come, on a slow machine. */
const PATIENCE = 90_000;

/** A camera that the browser makes up, and peers that meet on loopback: no test depends on the networks of the machine. */
export const CAMERA = [
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

class LivePage {
  /** `place`: the page, or a frame of it. */
  constructor(place, { page, trace, context }) {
    Object.assign(this, { place, page, trace, context });
    // Whoever encodes and decodes several pictures at once has little time for anything else.
    context.setDefaultTimeout(PATIENCE);
  }

  /** A part of the page that has this text. */
  part(name, text) {
    const part = this.place.getByTestId(name);
    return text === undefined ? part : part.filter({ hasText: text });
  }

  async press(name) {
    await this.part(name).click();
  }

  /** Waits until the picture stands so: the word on it. */
  async stands(word) {
    await this.part("live-state", word).waitFor({ timeout: PATIENCE });
  }

  /** Waits until a part says so. */
  async tells(name, text) {
    await this.part(name, text).first().waitFor({ timeout: PATIENCE });
  }

  /** Waits until so many more frames were shown, and their pictures are not all the same: says how many pictures there were. */
  async moves(frames = 10) {
    return this.part("video").evaluate(async (video, frames) => {
      const brush = new OffscreenCanvas(32, 18).getContext("2d", { willReadFrequently: true });
      const seen = new Set();
      await new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${seen.size} pictures of ${frames} were seen`)), 60_000);
        const shown = () => {
          brush.drawImage(video, 0, 0, 32, 18);
          seen.add(brush.getImageData(0, 0, 32, 18).data.join());
          if (seen.size < frames) return void video.requestVideoFrameCallback(shown);
          clearTimeout(late);
          resolve();
        };
        video.requestVideoFrameCallback(shown);
      });
      return seen.size;
    }, frames);
  }

  /** How many frames were decoded in all. */
  decoded() {
    return this.part("video").evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames);
  }

  /** The names of the events in the log, the newest first. */
  events() {
    return this.part("log-row").evaluateAll((rows) => rows.map(({ dataset }) => dataset.name));
  }

  /** The value of a figure: `count`, `peak`, `bitrate` and so on. */
  async figure(name) {
    return this.part(name).innerText();
  }

  /** Waits until a figure has this value. */
  async counts(name, value) {
    await until(`${name} is ${value}`, async () => (await this.figure(name)) === String(value), { patience: PATIENCE });
  }

  close() {
    return this.context.close();
  }
}

export class BroadcastPage extends LivePage {
  static async open(browser, address, { query = "", ...options } = {}) {
    const opened = await open(browser, `${address}/broadcast.html${query}`, options);
    const page = new BroadcastPage(opened.page, opened);
    await page.tells("session-way", "Live");
    return page;
  }

  get stream() {
    return new URL(this.page.url()).searchParams.get("stream");
  }

  async goOnAir(title) {
    if (title) await this.part("title").fill(title);
    await this.press("start");
    await this.stands("On air");
  }

  /** The viewers that are listed: `[{ user, state }]`. */
  viewers() {
    return this.part("viewer").evaluateAll((rows) => rows.map(({ dataset: { user, state } }) => ({ user, state })));
  }

  /** Waits until so many viewers are connected, and no others are listed. */
  async serves(count) {
    const served = async () => {
      const viewers = await this.viewers();
      return viewers.length === count && viewers.every(({ state }) => state === "connected");
    };
    await until(`${count} viewers are connected`, served, { patience: PATIENCE });
  }

  /** The address of a viewer who is somebody else each time: what the button opens. */
  async viewerAddress() {
    const link = this.part("open-viewer");
    const address = await link.getAttribute("href");
    await link.evaluate((link) => {
      link.addEventListener("click", (event) => event.preventDefault(), { once: true });
      link.click();
    });
    await until("the next viewer is somebody else", async () => (await link.getAttribute("href")) !== address);
    return address;
  }
}

export class WatchPage extends LivePage {
  /** `path` is what a button or a link leads to. */
  static async open(browser, address, path, options) {
    const opened = await open(browser, address + path, options);
    return new WatchPage(opened.page, opened);
  }
}
