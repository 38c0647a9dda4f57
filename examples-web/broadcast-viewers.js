// Whoever watches, each with a connection of its own: how that stands, and what goes over it.

import { h, setText, show, svg } from "./dom.js";
import { bitrate, milliseconds } from "./format.js";
import { PEER } from "./live-words.js";
import { avatar } from "./portal-people.js";

/** How many seconds the small line shows. */
const SPAN = 30;
/** Its top stands for no less than this, in bits a second. */
const LEAST = 200_000;

export class Viewers {
  #rows = new Map();
  #list = h("ul", { class: "viewers", "data-testid": "viewers" });
  #count = h("span", { class: "soft", "data-testid": "viewers-count" });
  #empty = h("p", { class: "empty", "data-testid": "viewers-empty" });

  constructor(place) {
    place.append(h("div", { class: "section-head" }, h("h2", { id: "viewers-title" }, "Viewers"), this.#count), this.#list, this.#empty);
    this.draw(undefined);
  }

  /** `viewers` is that of the broadcast; undefined where there is none. */
  draw(viewers) {
    const now = viewers ?? new Map();
    for (const [id, row] of this.#rows) {
      if (now.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    for (const viewer of now.values()) {
      if (!this.#rows.has(viewer.id)) {
        const row = new Row(viewer);
        this.#rows.set(viewer.id, row);
        this.#list.append(row.element);
      }
      this.#rows.get(viewer.id).draw(viewer);
    }
    const connected = [...now.values()].filter(({ state }) => state === "connected").length;
    setText(this.#count, now.size > 0 ? `${connected} of ${now.size} connected` : "");
    setText(this.#empty, viewers ? "Nobody watches yet. Open a viewer, or send somebody the address." : "Whoever watches appears here.");
    show(this.#empty, now.size === 0);
  }

  /** Another second has passed. */
  sample() {
    for (const row of this.#rows.values()) row.sample();
  }
}

class Row {
  element;
  #samples = [];
  #stats;
  #line = svg("path", { class: "spark-line" });
  #word = h("span", { class: "viewer-word" });
  #note = h("span", { class: "soft viewer-note" });
  #rate = h("b", { class: "viewer-rate" });

  constructor({ id, user }) {
    const attributes = { class: "spark", viewBox: `0 0 ${SPAN} 20`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" };
    this.element = h(
      "li",
      { class: "viewer", "data-testid": "viewer", "data-id": id, "data-user": user },
      avatar(user ?? id.slice(2)),
      h("span", { class: "viewer-name" }, h("strong", { title: id }, user ?? "Somebody"), h("span", { class: "viewer-state" }, h("span", { class: "dot" }), this.#word)),
      svg("svg", attributes, this.#line),
      h("span", { class: "viewer-figures" }, this.#rate, this.#note),
    );
  }

  draw({ state, stats, error }) {
    const { word, look } = PEER[state] ?? { word: state, look: "off" };
    this.element.dataset.state = state;
    this.element.dataset.look = look;
    setText(this.#word, error?.message ?? word);
    this.#stats = state === "connected" ? stats : undefined;
    setText(this.#rate, this.#stats?.bitrate === undefined ? "–" : bitrate(this.#stats.bitrate));
    const { round_trip_ms: trip, relay } = this.#stats ?? {};
    setText(this.#note, trip === undefined ? "" : `${milliseconds(trip)}${relay ? ", relayed" : ""}`);
  }

  sample() {
    this.#samples.push(this.#stats?.bitrate ?? 0);
    if (this.#samples.length > SPAN + 1) this.#samples.shift();
    const most = Math.max(LEAST, ...this.#samples);
    const first = SPAN + 1 - this.#samples.length;
    this.#line.setAttribute("d", `M${this.#samples.map((value, at) => `${first + at} ${(19 - (value / most) * 17).toFixed(1)}`).join("L")}`);
  }
}
