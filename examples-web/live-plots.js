// What moves, second by second: the bitrate and the frames. Where the session was cut the ground is copper, and the lines go on.

import { h, show } from "./dom.js";
import { bitrate } from "./format.js";
import { Plot } from "./live-plot.js";

/** A second without statistics is one all the same. In milliseconds. */
const LATE = 1_400;

const fps = (value) => `${Math.round(value)} fps`;

export class Plots {
  #client;
  #bitrate = new Plot({ name: "bitrate", label: "Bitrate", format: bitrate, least: 250_000 });
  #fps = new Plot({ name: "fps", label: "Frames", format: fps, least: 30 });
  #legend;
  #cutSeen = 0;
  #freezes;
  #late;

  /** `goesOn` says what goes on without the session. */
  constructor(place, client, goesOn) {
    this.#client = client;
    this.#legend = h("p", { class: "plots-legend", "data-testid": "plots-legend", hidden: true }, h("span", { class: "plots-key" }), `The session was cut here. ${goesOn}`);
    place.append(this.#bitrate.element, this.#fps.element, this.#legend);
    this.push();
  }

  /** One second's statistics; none where nothing is known of it. */
  push(stats = {}) {
    clearTimeout(this.#late);
    this.#late = setTimeout(() => this.push(), LATE);
    // Before the first connection nothing has been cut.
    const linked = this.#client.state === "live" || this.#client.session == null;
    const frozen = stats.freezes > (this.#freezes ?? stats.freezes);
    this.#freezes = stats.freezes;
    this.#bitrate.push({ value: stats.bitrate, linked });
    this.#fps.push({ value: stats.fps, linked, frozen });
    // The legend stays for as long as there is something to explain.
    this.#cutSeen = linked ? Math.max(0, this.#cutSeen - 1) : 60;
    show(this.#legend, this.#cutSeen > 0);
  }
}
