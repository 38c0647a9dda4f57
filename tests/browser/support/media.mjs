// A window of the demo's media page, as a person uses it.

import { open, Trace } from "./browser.mjs";
import { until } from "./wait.mjs";

/** How long a film may take to be processed, on a slow machine. */
const PATIENCE = 180_000;

/** Opens the page in a browser of its own and waits until it is connected. `file`: the one that is to be shown. */
export async function openMedia(browser, address, { file = "", ...options } = {}) {
  const media = new MediaPage(await open(browser, `${address}/media.html${file && `#${file}`}`, options));
  await media.connection("Live");
  return media;
}

export class MediaPage {
  constructor({ page, trace, context }) {
    this.page = page;
    this.trace = trace;
    this.context = context;
  }

  part(name, text) {
    const part = this.page.getByTestId(name);
    return text === undefined ? part : part.filter({ hasText: text });
  }

  async connection(word) {
    await this.part("conn-state", word).waitFor();
  }

  async choose(...files) {
    await this.part("file-input").setInputFiles(files.map(({ path }) => path));
  }

  /** What the button opens: another window of this browser, that shows the same. */
  async second() {
    const [page] = await Promise.all([this.context.waitForEvent("page"), this.part("second-window").click()]);
    const media = new MediaPage({ page, trace: new Trace(page), context: this.context });
    await media.connection("Live");
    return media;
  }

  /** The row of a file in the list. */
  row(name) {
    return this.page.locator(`[data-testid=media-file][data-name=${JSON.stringify(name)}]`);
  }

  /** Waits for the row of a file that stands so: "processing", "ready", "failed" or "stored". */
  async stands(name, state) {
    const row = this.page.locator(`[data-testid=media-file][data-name=${JSON.stringify(name)}][data-stands=${state}]`);
    await row.waitFor({ timeout: PATIENCE });
    return row;
  }

  /** Chooses a file from the list. */
  async pick(name) {
    await this.row(name).getByRole("link").click();
    await this.part("stage-title", name).waitFor();
  }

  /** Waits until what is shown stands so, as it is told there. */
  async word(text) {
    await this.part("stage-word", text).waitFor({ timeout: PATIENCE });
  }

  /** From now on notes each value that the progress bar of the stage has. */
  async watch() {
    await this.page.evaluate(() => {
      window.values = [];
      const note = (bar) => {
        const value = Number(bar.getAttribute("aria-valuenow"));
        if (bar.hasAttribute("aria-valuenow") && window.values.at(-1) !== value) window.values.push(value);
      };
      new MutationObserver(() => document.querySelectorAll("[data-testid=stage-bar]").forEach(note)).observe(
        document.querySelector("[data-testid=stage]"),
        { subtree: true, childList: true, attributeFilter: ["aria-valuenow"] },
      );
    });
  }

  watched() {
    return this.page.evaluate(() => window.values);
  }

  /** Waits until the stage shows that so much is done. */
  async progressed(percent) {
    await until(`${percent} % are done`, async () => (await this.share()) >= percent, { patience: PATIENCE });
  }

  async share() {
    return Number.parseInt(await this.part("stage-word").innerText().then((text) => /\d+/.exec(text)?.[0] ?? "100"), 10);
  }

  /** Plays the film without being heard until so many frames have been shown; says what was decoded. */
  async play(frames = 15) {
    // A browser shows next to nothing of a window that is behind another one.
    await this.page.bringToFront();
    return this.page.getByTestId("film").evaluate(async (video, frames) => {
      video.muted = true;
      await video.play();
      const times = [];
      await new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`only ${times.length} frames were shown`)), 60_000);
        const shown = (_, { mediaTime }) => {
          times.push(mediaTime);
          if (times.length < frames) return void video.requestVideoFrameCallback(shown);
          clearTimeout(late);
          resolve();
        };
        video.requestVideoFrameCallback(shown);
      });
      video.pause();
      const { videoWidth: width, videoHeight: height, duration, webkitAudioDecodedByteCount: sound } = video;
      return { times, width, height, duration, sound, decoded: video.getVideoPlaybackQuality().totalVideoFrames };
    }, frames);
  }

  /** Presses the strip of frames at a share of its width; resolves with the time of the frame that is then shown. */
  async seek(share) {
    await this.page.bringToFront();
    await this.page.getByTestId("film").evaluate(async (video) => {
      if (video.readyState < 2) await new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
      let shown;
      window.sought = new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no frame was shown; the last one was of ${shown} s`)), 20_000);
        let moved = false;
        const told = () => {
          if (!moved || video.seeking || shown === undefined || Math.abs(shown - video.currentTime) > 1) return false;
          clearTimeout(late);
          resolve(shown);
          return true;
        };
        // Every frame from now on is looked at: the one that is sought may be there before the page hears that it is being sought.
        const follow = () =>
          video.requestVideoFrameCallback((_, { mediaTime }) => {
            shown = mediaTime;
            told() || follow();
          });
        follow();
        video.addEventListener("seeking", () => (moved = true), { once: true });
        video.addEventListener("seeked", told);
      });
    });
    const { width, height } = await this.part("scrub").boundingBox();
    await this.part("scrub").click({ position: { x: Math.round(width * share), y: Math.round(height / 2) } });
    return this.page.evaluate(() => window.sought);
  }

  /** The colours of the picture that is shown, as bytes of some of its pixels. */
  pixels() {
    return this.page.getByTestId("film").evaluate((video) => {
      const canvas = new OffscreenCanvas(16, 9);
      const context = canvas.getContext("2d");
      context.drawImage(video, 0, 0, 16, 9);
      return [...context.getImageData(0, 0, 16, 9).data];
    });
  }

  close() {
    return this.context.close();
  }
}
