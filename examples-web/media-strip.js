// Frames of a film side by side, with a line where it is. A range input lies over them: pointer, finger and keyboard all move it.

import { h, setText, show } from "./dom.js";
import { clock } from "./format.js";
import { partOf } from "./media-file.js";

/** One step of the keyboard, in milliseconds. */
const STEP = 200;

export class Strip {
  element;
  #video;
  #duration;
  #every;
  #count;
  #range;
  #preview;
  #time = h("span", { class: "strip-time" });
  /** The sheet that all frames are cut from: `{ columns, rows }`, and its address once that is known. */
  #sheet;

  constructor(record, video, links) {
    this.#video = video;
    this.#duration = partOf(record, "video").duration;
    const { columns, rows, width, height, every } = partOf(record, "thumbnails").extra;
    this.#sheet = { columns, rows };
    this.#every = every;
    this.#count = Math.max(1, Math.min(columns * rows, Math.ceil(this.#duration / every)));
    const frames = Array.from({ length: this.#count }, (_, at) => this.#frame(at));
    this.#preview = h("div", { class: "strip-preview", hidden: true }, h("div", { class: "strip-cut" }), this.#time);
    this.#range = h("input", {
      type: "range",
      class: "strip-range",
      "data-testid": "scrub",
      "aria-label": `Position in ${record.name}`,
      min: 0,
      max: this.#duration,
      step: STEP,
      value: 0,
      oninput: () => this.#seek(),
      onpointermove: (event) => this.#hover(event),
      onpointerleave: () => show(this.#preview, false),
    });
    this.element = h(
      "div",
      { class: "strip", "data-testid": "strip" },
      h("div", { class: "strip-frames", "aria-hidden": "true" }, frames),
      h("div", { class: "strip-now", "aria-hidden": "true" }),
      this.#range,
      this.#preview,
    );
    this.element.style.setProperty("--aspect", width / height);
    for (const type of ["timeupdate", "seeking", "loadedmetadata"]) video.addEventListener(type, () => this.#follow());
    // Between two reports of the time the line goes on by itself.
    video.addEventListener("play", () => this.#run());
    this.#follow();
    this.#load(record, links);
  }

  #frame(at) {
    return h("div", { class: "strip-frame" }, this.#aim(h("div", { class: "strip-cut" }), at));
  }

  /** Shows the frame of this number in an element. */
  #aim(element, at) {
    const { columns, rows } = this.#sheet;
    const share = (index, of) => (of > 1 ? (index / (of - 1)) * 100 : 0);
    element.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
    element.style.backgroundPosition = `${share(at % columns, columns)}% ${share(Math.floor(at / columns), rows)}%`;
    return element;
  }

  async #load(record, links) {
    try {
      const url = await links.of(record.id, "thumbnails");
      for (const cut of this.element.querySelectorAll(".strip-cut")) cut.style.backgroundImage = `url(${JSON.stringify(url)})`;
      this.element.dataset.loaded = "";
    } catch {
      // Without its pictures the strip still is a place to move on.
    }
  }

  #seek() {
    this.#video.currentTime = this.#range.valueAsNumber / 1000;
    this.#follow();
  }

  #follow() {
    const now = this.#video.currentTime * 1000;
    this.#range.value = now;
    this.#range.setAttribute("aria-valuetext", `${clock(now / 1000)} of ${clock(this.#duration / 1000)}`);
    this.element.style.setProperty("--now", Math.min(1, now / this.#duration));
  }

  #run() {
    if (!this.element.isConnected || this.#video.paused) return;
    this.#follow();
    requestAnimationFrame(() => this.#run());
  }

  /** What is there under the pointer, larger. */
  #hover({ clientX, pointerType }) {
    const { left, width } = this.element.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - left) / width));
    const at = share * this.#duration;
    this.#aim(this.#preview.firstChild, Math.min(this.#count - 1, Math.floor(at / this.#every)));
    setText(this.#time, clock(at / 1000));
    this.element.style.setProperty("--pointer", share);
    // A finger covers what it points at, and never hovers.
    show(this.#preview, pointerType === "mouse");
  }
}
