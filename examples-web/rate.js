// How fast bytes move, drawn as one line from half a minute ago to now. Where the connection was away, the line is torn.

import { h, icon, setText, svg } from "./dom.js";
import { bytes, rate } from "./format.js";

const EVERY = 250;
const SPAN = 30_000;
const SAMPLES = SPAN / EVERY;
// In the drawing's own units; it is stretched to the width of its box.
const WIDTH = 1000;
const HEIGHT = 100;
const FLOOR = HEIGHT - 6;
const TOP = 8;
// Bytes become durable in lumps; without smoothing the line would be a comb.
const SMOOTHING = 0.35;

/** Counts bytes as they move; `sampler.up(n)` and `sampler.down(n)` are called from wherever that happens. */
export class RateGraph {
  #counted = { up: 0, down: 0 };
  #smooth = { up: 0, down: 0 };
  #samples = [];
  #ceiling = 1;
  #linked;
  #torn = false;
  #place;
  #marks = [];
  #last = performance.now();
  #drawn = {};
  #labels;

  /** `linked` says whether the connection stands; `labels` are the elements for the numbers: `{ up, down, peak }`. */
  constructor(place, linked, labels) {
    this.#linked = linked;
    this.#place = place;
    this.#labels = labels;
    const path = (name) => (this.#drawn[name] = svg("path", { class: `rate-${name}` }));
    place.append(
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
        path("gaps"),
        path("area"),
        path("down"),
        path("up"),
        path("torn"),
      ),
    );
    setInterval(() => this.#sample(), EVERY);
    this.#draw();
  }

  up(count) {
    this.#counted.up += count;
  }

  down(count) {
    this.#counted.down += count;
  }

  /** The connection was lost. It may be back before the next sample, and is shown all the same. */
  tear() {
    this.#torn = true;
  }

  #sample() {
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    const linked = this.#linked() && !this.#torn;
    this.#torn = false;
    for (const way of ["up", "down"]) {
      const measured = this.#counted[way] / seconds;
      const smoothed = this.#smooth[way] + (measured - this.#smooth[way]) * SMOOTHING;
      // An average never quite gets to nothing, but a wire does.
      this.#smooth[way] = linked && smoothed > 500 ? smoothed : 0;
      this.#counted[way] = 0;
    }
    this.#samples.push({ ...this.#smooth, linked });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    if (!document.hidden) this.#draw();
  }

  #draw() {
    const peak = this.#samples.reduce((most, { up, down }) => Math.max(most, up, down), 0);
    const target = Math.max(peak * 1.08, 1);
    // Grows at once and shrinks gently, so that old hills do not jump.
    this.#ceiling = target > this.#ceiling ? target : this.#ceiling + (target - this.#ceiling) * 0.1;
    const first = SAMPLES - this.#samples.length;
    const x = (index) => (((first + index) / (SAMPLES - 1)) * WIDTH).toFixed(1);
    const y = (value) => (FLOOR - (value / this.#ceiling) * (FLOOR - TOP)).toFixed(1);

    let [up, down, area, torn, gaps] = ["", "", "", "", ""];
    const cuts = [];
    for (const { from, to, linked } of this.#runs()) {
      if (!linked) {
        // From the last sample before to the first one after.
        const left = x(Math.max(from - 1, 0));
        const right = x(Math.min(to + 1, this.#samples.length - 1));
        torn += `M${left} ${FLOOR}H${right}`;
        gaps += `M${left} 0H${right}V${HEIGHT}H${left}Z`;
        cuts.push((Number(left) + Number(right)) / 2 / WIDTH);
        continue;
      }
      const points = (way) => this.#samples.slice(from, to + 1).map((sample, at) => `${x(from + at)} ${y(sample[way])}`);
      up += `M${points("up").join("L")}`;
      area += `M${x(from)} ${FLOOR}L${points("up").join("L")}L${x(to)} ${FLOOR}Z`;
      if (this.#samples.slice(from, to + 1).some((sample) => sample.down > 0)) down += `M${points("down").join("L")}`;
    }
    // Before there is a history, the wire lies flat.
    if (first > 0) up = `M0 ${FLOOR}H${x(0)}${up}`;
    for (const [name, d] of Object.entries({ up, down, area, torn, gaps })) this.#drawn[name].setAttribute("d", d);
    this.#mark(cuts);
    const end = this.#samples.at(-1);
    this.#place.style.setProperty("--now", `${100 - Number(y(end?.linked ? end.up : 0))}%`);
    setText(this.#labels.up, rate(this.#smooth.up));
    setText(this.#labels.down, rate(this.#smooth.down));
    setText(this.#labels.peak, peak > 0 ? `peak ${bytes(peak)}/s` : "the wire is quiet");
  }

  /** Scissors stand where the line is torn. They are no part of the drawing, which is stretched. */
  #mark(cuts) {
    while (this.#marks.length > cuts.length) this.#marks.pop().remove();
    while (this.#marks.length < cuts.length) {
      const mark = h("span", { class: "rate-cut" }, icon("cut"));
      this.#marks.push(mark);
      this.#place.append(mark);
    }
    cuts.forEach((at, index) => this.#marks[index].style.setProperty("--at", `${at * 100}%`));
  }

  /** Neighbouring samples that were all linked, or all not. */
  #runs() {
    const runs = [];
    this.#samples.forEach(({ linked }, index) => {
      const last = runs.at(-1);
      if (last?.linked === linked) last.to = index;
      else runs.push({ from: index, to: index, linked });
    });
    return runs;
  }
}
