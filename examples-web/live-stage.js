// The picture, large, and what is written on it: how it stands, for how long it has been on, how many watch, and what it is called.

import { h, icon, setText, show } from "./dom.js";
import { clock } from "./format.js";

export class LiveStage {
  video;
  #place;
  #word = h("span", { "data-testid": "live-state" });
  #elapsed = h("span", { class: "stage-elapsed", "data-testid": "elapsed" });
  #count = h("span", { "data-testid": "stage-count" });
  #watchers = h("span", { class: "chip", title: "Watching now", hidden: true }, icon("eye"), this.#count, h("span", { class: "unseen" }, "watching"));
  #title = h("strong", { "data-testid": "stage-title" });
  #by = h("span", { class: "stage-by" });
  #banner = h("p", { class: "stage-away", "data-testid": "stage-note", hidden: true });
  #curtain = h("div", { class: "curtain", "data-testid": "curtain", hidden: true });
  #drawn = "";
  #since;

  /** `label` says what the picture is. */
  constructor(place, label) {
    this.#place = place;
    this.video = h("video", { class: "live-video", "data-testid": "video", playsinline: true, autoplay: true, "aria-label": label });
    const chip = h("span", { class: "chip chip-state" }, h("span", { class: "dot" }), this.#word, this.#elapsed);
    this.corner = h("div", { class: "stage-corner" });
    place.append(
      this.video,
      this.#curtain,
      h("div", { class: "stage-top" }, chip, this.#watchers),
      this.#banner,
      h("div", { class: "stage-foot" }, h("p", { class: "stage-words" }, this.#title, this.#by), this.corner),
    );
    setInterval(() => this.#tick(), 500);
  }

  /** How it stands: `{ word, look, note }`. With `over`, the words and buttons of it stand in front of the picture. */
  stands({ word, look, note }, over) {
    this.#place.dataset.look = look;
    setText(this.#word, word);
    setText(this.#banner, note);
    show(this.#banner, note !== "" && !over);
    this.#hang(over && { ...over, note });
  }

  /** What the server says of the stream. */
  record(record) {
    const on = record?.state === "live" || record?.state === "paused";
    this.#since = on && record.started_at ? Date.parse(record.started_at) : undefined;
    show(this.#watchers, on);
    setText(this.#count, String(record?.viewer_count ?? 0));
    setText(this.#title, record?.title ?? record?.stream_id ?? "");
    setText(this.#by, record?.broadcaster ? `by ${record.broadcaster}` : "");
    this.#tick();
  }

  #tick() {
    setText(this.#elapsed, this.#since === undefined ? "" : clock((Date.now() - this.#since) / 1000));
  }

  /** A curtain with an icon, words, and buttons: `{ image, what, note, buttons }`. */
  #hang(curtain) {
    show(this.#curtain, Boolean(curtain));
    if (!curtain) return void (this.#drawn = "");
    const { image, what, note, buttons = [] } = curtain;
    const drawn = JSON.stringify([image, what, buttons.length]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#curtain.replaceChildren(icon(image), h("strong", {}, what), h("p", {}), h("div", { class: "curtain-buttons" }, buttons));
    }
    setText(this.#curtain.querySelector("p"), note);
  }
}
