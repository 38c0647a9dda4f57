// The demo's pages, as a person uses them.

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

import { open } from "./browser.mjs";
import { DOCS, RESULTS } from "./environment.mjs";

/** How long a transfer may take, on a slow machine. */
const PATIENCE = 60_000;

/** Opens the upload page and waits until it is connected. */
export async function openUploadPage(browser, address, options) {
  const opened = await open(browser, `${address}/upload.html`, options);
  const demo = new UploadPage(opened);
  await demo.connection("Live");
  return demo;
}

/** Whether the pictures of the documentation are to be renewed. */
export const RENEWING = process.env.SAMEWIRE_UPDATE_SCREENSHOT === "1";

/** Takes a picture of a page, and where the documentation is to be renewed puts it there. */
export async function picture(page, name) {
  await mkdir(RESULTS, { recursive: true });
  const path = join(RESULTS, `${name}.png`);
  await page.screenshot({ path });
  if (RENEWING) await copyFile(path, join(DOCS, `${name}.png`));
}

/** What a page has that a thumb cannot use: how wide it is, and the buttons that are too small. */
export function forThumbs(page) {
  return page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    small: [...document.querySelectorAll("button, a.button")]
      .map((button) => ({ label: button.ariaLabel ?? button.innerText, ...button.getBoundingClientRect().toJSON() }))
      .filter(({ width, height }) => height > 0 && (width < 40 || height < 40))
      .map(({ label, width, height }) => `${label}: ${width} x ${height}`),
  }));
}

/** Does what loses a page's connection, which may be for a moment only, and waits until it is back. */
export async function lose(page, how) {
  await page.evaluate(() => {
    window.back = new Promise((resolve) => {
      let away = false;
      const off = window.samewire.on("state", ({ state }) => {
        if (away && state === "live") resolve(off());
        away ||= state !== "live";
      });
    });
  });
  await how();
  await page.evaluate(() => window.back);
}

/** A phone's screen. */
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

export class UploadPage {
  constructor({ page, trace, context }) {
    this.page = page;
    this.trace = trace;
    this.context = context;
  }

  /** Waits until the pill in the header says so. */
  async connection(word) {
    await this.page.getByTestId("conn-state").filter({ hasText: word }).waitFor();
  }

  /** Does what loses the connection, and waits until it is back. */
  async lose(how) {
    await lose(this.page, how);
    await this.connection("Live");
  }

  /** Chooses files from the disk. */
  async choose(...files) {
    await this.page.getByTestId("file-input").setInputFiles(files.map((file) => file.path));
  }

  /** The card of an upload. */
  card(file) {
    return this.page.locator(`[data-testid=upload-card][data-name=${JSON.stringify(file.name)}]`);
  }

  /** Waits until an upload is in this state: "uploading", "paused", and so on; "stored" may take its time. */
  async upload(file, state) {
    const card = this.page.locator(`[data-testid=upload-card][data-name=${JSON.stringify(file.name)}][data-state=${state}]`);
    await card.waitFor(state === "stored" ? { timeout: PATIENCE } : {});
    return this.card(file);
  }

  /** Waits until a download says that it is whole. */
  async downloaded(file) {
    const line = this.stored(file).getByTestId("download-state").filter({ hasText: "Downloaded, verified" });
    await line.waitFor({ timeout: PATIENCE });
  }

  /** The row of a stored file. */
  stored(file) {
    return this.page.locator(`[data-testid=stored-file][data-name=${JSON.stringify(file.name)}]`);
  }

  /** From now on notes what the page's client says happens, to be read with `watched`. */
  async watch() {
    await this.page.evaluate(() => {
      const seen = { states: [], streams: {}, percents: [] };
      window.seen = seen;
      window.samewire.on("state", () => seen.states.push(window.samewire.state));
      window.samewire.on("activity", ({ kind, id, offset }) => {
        if (kind === "stream") (seen.streams[id] ??= []).push(offset);
      });
      new MutationObserver((changes) => {
        for (const { target } of changes) seen.percents.push(Number(target.getAttribute("aria-valuenow")));
      }).observe(document.querySelector("[data-testid=uploads]"), { subtree: true, attributeFilter: ["aria-valuenow"] });
    });
  }

  /** `{ states, streams: { id: [durable bytes] }, percents }` since `watch`. */
  watched() {
    return this.page.evaluate(() => window.seen);
  }

  /** What the server stores, as the page's own client gets it. */
  async files() {
    return (await this.page.evaluate(() => window.samewire.api.files.list({}))).files;
  }

  /** What the live panel shows: `[{ kind, wire, name, state }]`, the newest first. */
  panel() {
    return this.page
      .getByTestId("panel-row")
      .evaluateAll((rows) => rows.map(({ dataset: { kind, wire, name, state } }) => ({ kind, wire, name, state })));
  }

  picture(name) {
    return picture(this.page, name);
  }

  close() {
    return this.context.close();
  }
}
