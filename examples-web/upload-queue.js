// Files chosen by a person, in the order they came, the stored ones last. A few go up at once, so that fifty do not share the wire in
// crumbs.

import { h, setText, show } from "./dom.js";
import { plural } from "./format.js";
import { UploadJob } from "./upload-job.js";
import { uploadCard } from "./upload-card.js";

const AT_ONCE = 3;

export class UploadQueue {
  #jobs = [];
  #cards = new Map();
  #client = null;
  #list;
  #section;
  #summary;
  #clear;
  #onBytes;
  #onStored;
  #keepsStored;

  /**
   * `section` holds the list; `onBytes(count)` hears of durable bytes, `onStored(record, job)` of stored files, which stay in this list
   * too unless `keepsStored` is false.
   */
  constructor(section, { onBytes = () => {}, onStored, keepsStored = true }) {
    this.#section = section;
    this.#onBytes = onBytes;
    this.#onStored = onStored;
    this.#keepsStored = keepsStored;
    this.#list = h("ul", { class: "cards", "data-testid": "uploads" });
    this.#summary = h("span", { class: "soft", "data-testid": "upload-summary" });
    this.#clear = h(
      "button",
      { type: "button", class: "button small", "data-testid": "clear-finished", onclick: () => this.#clearStored() },
      "Clear finished",
    );
    section.append(h("div", { class: "section-head" }, h("h2", {}, "Uploads"), this.#summary, this.#clear), this.#list);
    this.#draw();
  }

  /** Uploads begin once there is a client; files may be chosen before. What a page before this one did not finish is shown too. */
  async use(client) {
    this.#client = client;
    this.#pump();
    // Where a browser remembers nothing, there is nothing to go on with.
    const remembered = await client.rememberedUploads().catch(() => []);
    this.add(remembered.filter(({ active }) => !active).map((upload) => ({ remembered: upload })));
  }

  /** `chosen`: as UploadJob takes it. */
  add(chosen) {
    for (const one of chosen) {
      const job = new UploadJob(one, this.#onBytes);
      const card = uploadCard(job, { onDismiss: (gone) => this.#remove(gone) });
      let state = job.state;
      job.addEventListener("change", () => {
        this.#goesOn(job);
        if (job.state === state) return;
        state = job.state;
        if (state === "stored") this.#stored(job);
        this.#pump();
      });
      this.#jobs.push(job);
      this.#cards.set(job, card);
      this.#place(job);
    }
    this.#pump();
  }

  /** Where somebody has chosen the file of an unfinished upload anew, that goes on, and need not be asked about. */
  #goesOn(job) {
    const same = (other) => other !== job && other.state === "remembered" && job.running && other.streamId === job.streamId;
    for (const other of this.#jobs.filter(same)) this.#take(other);
  }

  #stored(job) {
    if (this.#keepsStored) this.#place(job);
    else this.#take(job);
    this.#onStored(job.record, job);
  }

  /** Whether leaving the page now would lose something: what has been begun and can be gone on with is not lost. */
  get busy() {
    return this.#jobs.some((job) => !job.over && job.state !== "remembered" && (!job.lasting || job.state === "queued"));
  }

  #pump() {
    if (this.#client) {
      // A paused upload gives its place to the next.
      const running = this.#jobs.filter((job) => job.running && job.state !== "paused").length;
      const next = this.#jobs.filter((job) => job.state === "queued").slice(0, Math.max(0, AT_ONCE - running));
      for (const job of next) job.start(this.#client);
    }
    this.#draw();
  }

  /** What is under way stands above what is stored, of which the newest comes first. */
  #place(job) {
    const card = this.#cards.get(job);
    const { activeElement } = document;
    const focused = card.contains(activeElement);
    card.toggleAttribute("data-stored", job.state === "stored");
    const stored = [...this.#list.children].find((other) => other !== card && other.hasAttribute("data-stored"));
    this.#list.insertBefore(card, stored ?? null);
    // Moving an element takes its focus away.
    if (focused) activeElement.focus();
  }

  #remove(job) {
    job.dismiss();
    this.#take(job);
  }

  #take(job) {
    const card = this.#cards.get(job);
    const heir = card.nextElementSibling ?? card.previousElementSibling ?? document.querySelector("[data-testid=choose]");
    if (card.contains(document.activeElement)) heir?.focus();
    card.remove();
    this.#cards.delete(job);
    this.#jobs = this.#jobs.filter((other) => other !== job);
    this.#draw();
  }

  #clearStored() {
    for (const job of this.#jobs.filter((candidate) => candidate.state === "stored")) this.#remove(job);
  }

  #draw() {
    show(this.#section, this.#jobs.length > 0);
    const count = (...states) => this.#jobs.filter((job) => states.includes(job.state)).length;
    const parts = [
      [count("uploading", "waiting", "verifying", "storing"), "under way"],
      [count("paused"), "paused"],
      [count("queued"), "in line"],
      [count("remembered"), "not finished"],
      [count("failed"), "failed"],
      [count("stored"), "stored"],
    ];
    const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
    setText(this.#summary, this.#jobs.length > 1 ? `${plural(this.#jobs.length, "file")}: ${said.join(", ")}` : "");
    show(this.#clear, count("stored") > 1);
  }
}
