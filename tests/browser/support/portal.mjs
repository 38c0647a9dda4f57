// A window of the demo's portal page, as a person uses it.

import { open } from "./browser.mjs";
import { until } from "./wait.mjs";

/** How long something may take to be shown, on a slow machine. */
const PATIENCE = 20_000;

/** Opens the page and waits until it is in the room. */
export async function openPortal(browser, address, options) {
  const opened = await open(browser, address, options);
  const portal = new PortalPage(opened.page, opened);
  await portal.status("In the room");
  return portal;
}

export class PortalPage {
  /** `place`: the page, or a frame of it. */
  constructor(place, { page, trace, context }) {
    this.place = place;
    this.page = page;
    this.trace = trace;
    this.context = context;
  }

  /** Waits until the window stands so in the room. */
  async status(word) {
    await this.part("room-status", word).waitFor();
  }

  /** A part of the page that has this text. */
  part(name, text) {
    const part = this.place.getByTestId(name);
    return text === undefined ? part : part.filter({ hasText: text });
  }

  /** Waits until this is shown. */
  async shows(title, caption) {
    await this.part("stage-title", title).waitFor({ timeout: PATIENCE });
    if (caption !== undefined) await this.part("stage-caption", caption).waitFor({ timeout: PATIENCE });
  }

  async press(name) {
    await this.part(name).click();
  }

  async pick(number) {
    await this.place.locator(`[data-testid=item][data-item="${number}"]`).click();
  }

  async writeCaption(text) {
    await this.part("caption").fill("");
    await this.part("caption").pressSequentially(text);
  }

  /** Who is in the room: `[name, role]`, controllers first. */
  people() {
    return this.part("person").evaluateAll((people) => people.map(({ dataset: { name, role } }) => [name, role]));
  }

  /** The offsets in the log of events, the oldest first. */
  offsets() {
    const rows = this.place.locator("[data-testid=log-row][data-kind=event]");
    return rows.evaluateAll((rows) => rows.map(({ dataset }) => Number(dataset.offset)).reverse());
  }

  /** What the page's own room says. */
  room() {
    return this.place.evaluate(() => {
      const { status, role, state, offset, epoch, lost, recovered } = window.portal.room;
      return { status, role, state, offset, epoch, lost, recovered };
    });
  }

  /** The address of a window for somebody new: what the button opens. After that it is for somebody else. */
  async viewer() {
    const link = this.part("open-viewer");
    const address = await link.getAttribute("href");
    await link.evaluate((link) => {
      link.addEventListener("click", (event) => event.preventDefault(), { once: true });
      link.click();
    });
    await until("somebody else is invited", async () => (await link.getAttribute("href")) !== address);
    return address;
  }

  close() {
    return this.context.close();
  }
}
