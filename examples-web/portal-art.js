// The pictures of the portal: drawn here from a number, so that every window draws the same one and nothing is loaded.

import { svg } from "./dom.js";
import { SCENES } from "./portal-scenes.js";

export const WIDTH = 1600;
export const HEIGHT = 900;

let drawn = 0;

/** A picture for an item, by its number. Takes whatever room its box has. */
export function picture(item) {
  const brush = new Brush(Number(item) || 1);
  const scene = SCENES[(Math.max(1, Number(item) || 1) - 1) % SCENES.length];
  scene(brush);
  return svg(
    "svg",
    { class: "art", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", focusable: "false" },
    svg("defs", {}, brush.defs),
    brush.shapes,
  );
}

/** Collects the shapes of one picture. Whatever looks like chance follows from the number. */
export class Brush {
  shapes = [];
  defs = [];
  #state;

  constructor(seed) {
    this.#state = Math.imul(seed + 7, 0x9e3779b1) | 1;
  }

  /** Between two numbers. */
  between(least, most) {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return least + ((this.#state >>> 0) / 2 ** 32) * (most - least);
  }

  add(tag, attributes) {
    this.shapes.push(svg(tag, attributes));
  }

  /** A fill that runs from one colour to another, down or outwards. Each stop is `[offset, colour, opacity]`. */
  gradient(stops, { radial = false } = {}) {
    const id = `art-${(drawn += 1)}`;
    const parts = stops.map(([offset, color, opacity = 1]) => svg("stop", { offset, "stop-color": color, "stop-opacity": opacity }));
    this.defs.push(svg(radial ? "radialGradient" : "linearGradient", radial ? { id } : { id, x1: 0, y1: 0, x2: 0, y2: 1 }, ...parts));
    return `url(#${id})`;
  }

  sky(...colors) {
    const fill = this.gradient(colors.map((color, at) => [at / (colors.length - 1), color]));
    this.add("rect", { width: WIDTH, height: HEIGHT, fill });
  }

  /** A sun or moon with its glow. */
  light(cx, cy, r, color, glow = color) {
    const halo = this.gradient([[0, glow, 0.55], [0.4, glow, 0.18], [1, glow, 0]], { radial: true });
    this.add("circle", { cx, cy, r: r * 4.5, fill: halo });
    this.add("circle", { cx, cy, r, fill: color });
  }

  stars(count, lowest) {
    for (let at = 0; at < count; at += 1) {
      const r = this.between(0.8, 2.6);
      this.add("circle", { cx: this.between(0, WIDTH), cy: this.between(0, lowest), r, fill: "#fff", opacity: this.between(0.35, 1) });
    }
  }

  /** The height of a hilly line at any place: waves over each other, from long and high to short and low. */
  hills(height, swing, waves = 4, length = 900) {
    const parts = Array.from({ length: waves }, (_, at) => ({
      swing: swing / 1.9 ** at,
      length: length / 2.1 ** at,
      phase: this.between(0, Math.PI * 2),
    }));
    return (x) => height + parts.reduce((sum, part) => sum + Math.sin((x / part.length) * Math.PI * 2 + part.phase) * part.swing, 0);
  }

  /** Everything below a line. */
  ground(line, fill, step = 20) {
    let d = `M0 ${HEIGHT}`;
    for (let x = 0; x <= WIDTH; x += step) d += `L${x} ${line(x).toFixed(1)}`;
    this.add("path", { d: `${d}L${WIDTH} ${HEIGHT}Z`, fill });
  }

  /** A fir, by its foot. */
  fir(x, y, height, fill) {
    const half = height * 0.2;
    let d = "";
    for (const [top, foot, wide] of [[0, 0.45, 0.55], [0.22, 0.72, 0.8], [0.46, 1, 1]]) {
      d += `M${x} ${y - height * (1 - top)}L${x + half * wide} ${y - height * (1 - foot)}H${x - half * wide}Z`;
    }
    this.add("path", { d, fill });
  }
}
