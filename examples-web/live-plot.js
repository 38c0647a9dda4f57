// One figure of a stream, drawn from a minute ago to now. A sample a second arrives; between two of them the line glides on.

import { h, setText, svg } from "./dom.js";

const SPAN = 60;
const EVERY = 1000;
// In the drawing's own units; it is stretched to the width of its box.
const STEP = 10;
const WIDTH = SPAN * STEP;
const HEIGHT = 100;
const FLOOR = HEIGHT - 2;
const TOP = 10;

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Plot {
  element;
  #samples = [];
  #ceiling;
  #least;
  #format;
  #now = h("b", { class: "plot-now" });
  #peak = h("span", {});
  #box;
  #moving;
  #drawn = {};

  /** `format` puts a value into words; `least` is the smallest value that the top of the plot may stand for. */
  constructor({ name, label, format, least }) {
    this.#format = format;
    this.#least = this.#ceiling = least;
    const path = (part) => (this.#drawn[part] = svg("path", { class: `plot-${part}` }));
    this.#moving = svg("g", {}, path("gaps"), path("frozen"), path("area"), path("line"));
    const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" };
    this.#box = h("div", { class: "plot-box" }, svg("svg", attributes, this.#moving), h("span", { class: "plot-end" }));
    this.#now.dataset.testid = name;
    this.element = h(
      "figure",
      { class: "plot", "data-plot": name },
      h("figcaption", {}, h("span", { class: "soft" }, label), this.#now),
      this.#box,
      h("p", { class: "plot-axis" }, h("span", {}, "1 min ago"), this.#peak, h("span", {}, "now")),
    );
    this.#draw();
  }

  /** The next second: its value, undefined where there is none; whether the session stood, and whether the picture froze. */
  push({ value, linked = true, frozen = false }) {
    this.#samples.push({ value, linked, frozen });
    // One more than is seen, which glides in.
    if (this.#samples.length > SPAN + 2) this.#samples.shift();
    if (!document.hidden) this.#draw();
  }

  #draw() {
    const known = this.#samples.map(({ value }) => value).filter((value) => value !== undefined);
    const peak = Math.max(0, ...known);
    this.#ceiling = Math.max(this.#least, peak * 1.15);
    const first = SPAN + 1 - (this.#samples.length - 1);
    const x = (index) => (first + index) * STEP;
    const y = (value) => (FLOOR - (value / this.#ceiling) * (FLOOR - TOP)).toFixed(1);
    const [line, area] = [this.#line(x, y), this.#area(x, y)];
    const parts = { line, area, gaps: this.#spans(x, ({ linked }) => !linked), frozen: this.#spans(x, ({ frozen }) => frozen) };
    for (const [name, d] of Object.entries(parts)) this.#drawn[name].setAttribute("d", d);
    const now = this.#samples.at(-1)?.value;
    this.#box.dataset.there = String(now !== undefined);
    this.#box.style.setProperty("--now", `${y(now ?? 0)}%`);
    setText(this.#now, now === undefined ? "–" : this.#format(now));
    setText(this.#peak, peak > 0 ? `peak ${this.#format(peak)}` : "");
    this.#glide();
  }

  /** From where the last sample left it to one step further on. */
  #glide() {
    for (const animation of this.#moving.getAnimations()) animation.cancel();
    const there = `translateX(${-STEP}px)`;
    this.#moving.style.transform = there;
    if (!still.matches) this.#moving.animate({ transform: ["translateX(0px)", there] }, EVERY);
  }

  #line(x, y) {
    return this.#runs()
      .map((run) => `M${run.map((index) => `${x(index)} ${y(this.#samples[index].value)}`).join("L")}`)
      .join("");
  }

  #area(x, y) {
    return this.#runs()
      .map((run) => `M${x(run[0])} ${HEIGHT}L${run.map((index) => `${x(index)} ${y(this.#samples[index].value)}`).join("L")}L${x(run.at(-1))} ${HEIGHT}Z`)
      .join("");
  }

  /** Neighbours that have a value: the places of each such run. */
  #runs() {
    const runs = [];
    this.#samples.forEach(({ value }, index) => {
      if (value === undefined) return;
      if (runs.at(-1)?.at(-1) === index - 1) runs.at(-1).push(index);
      else runs.push([index]);
    });
    return runs;
  }

  #spans(x, meant) {
    return this.#samples.map((sample, index) => (meant(sample) ? `M${x(index) - STEP} 0H${x(index)}V${HEIGHT}H${x(index) - STEP}Z` : "")).join("");
  }
}
