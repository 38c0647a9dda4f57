// What is shown large: one file, while it is processed and after. It is drawn anew for another file and for another outcome; in
// between only numbers move.

import { h, icon, mediaIcon, setText, show } from "./dom.js";
import { explain } from "./errors.js";
import { ago, bytes, clock } from "./format.js";
import { MediaActions } from "./media-actions.js";
import { kindOf, MediaFile, partOf, shapeOf, standing } from "./media-file.js";
import { Player } from "./media-player.js";
import { announce } from "./toast.js";

const GONE = {
  "file-not-found": { what: "This file was removed.", todo: "Choose another one." },
  "room-not-found": { what: "There is no such file, or it is somebody else’s.", todo: "Choose one of your own." },
};

export class MediaStage {
  #place;
  #client;
  #links;
  #onRemoved;
  #file = null;
  #player = null;
  #drawn = "";
  #said = "";
  #head;
  #screen = h("div", { class: "media-screen", "data-testid": "screen" });
  #parts;

  /** Fills `place`. `onRemoved(id)` is called when somebody has removed the file that is shown. */
  constructor(place, client, links, { onRemoved }) {
    this.#place = place;
    this.#client = client;
    this.#links = links;
    this.#onRemoved = onRemoved;
    const word = h("span", { "data-testid": "stage-word" });
    this.#parts = {
      title: h("h2", { class: "stage-title", "data-testid": "stage-title", tabindex: -1 }),
      pill: h("span", { class: "pill" }, h("span", { class: "dot" }), word),
      word,
      facts: h("p", { class: "soft stage-facts" }),
    };
    const { title, pill, facts } = this.#parts;
    this.#head = h("div", { class: "stage-head" }, title, pill, facts);
  }

  /** Shows the file with this id; with none, says what could be shown. */
  show(id) {
    if (this.#file && this.#file.id === id) return;
    this.#player?.end();
    this.#file?.leave();
    this.#player = this.#file = null;
    this.#drawn = this.#said = "";
    this.#place.dataset.file = id;
    if (!id) return this.#empty("video", "A film or a picture is shown here", "Drop one on this page, or choose one of your files.");
    const file = new MediaFile(this.#client, id);
    this.#file = file;
    file.addEventListener("change", () => this.#file === file && this.#draw());
    this.#empty("refresh", "Asking the server", "");
    this.#draw();
  }

  #empty(iconName, what, todo) {
    this.#place.dataset.stands = "";
    this.#place.replaceChildren(
      h("div", { class: "stage-empty", "data-testid": "stage-empty" }, icon(iconName), h("strong", {}, what), h("p", { class: "soft" }, todo)),
    );
  }

  #draw() {
    const { problem, record } = this.#file;
    if (problem) {
      const { what, todo } = GONE[problem.code] ?? explain(problem);
      this.#player?.end();
      this.#drawn = "";
      return this.#empty("warning", what, todo);
    }
    if (!record) return;
    const stands = standing(record);
    const { width, height, duration } = shapeOf(record);
    const { facts, pill, title, word } = this.#parts;
    this.#place.dataset.stands = record.state;
    setText(title, record.name);
    pill.dataset.look = stands.look;
    setText(word, stands.progress === undefined ? stands.word : `${stands.word} ${stands.progress} %`);
    const size = kindOf(record) === "video" && width && `${width} × ${height}`;
    setText(facts, [record.media, bytes(record.size), duration && clock(duration / 1000), size, ago(record.created)].filter(Boolean).join(" · "));
    // What was made of a file again looks as before, but is at the same address.
    const look = JSON.stringify([record.id, stands.word, record.parts]);
    if (look !== this.#drawn) this.#fill(record, stands);
    this.#drawn = look;
    this.#move(stands);
    this.#say(record, stands);
  }

  /** The screen and what stands under it, for a file that stands so. */
  #fill(record, stands) {
    this.#player?.end();
    this.#player = null;
    if (partOf(record, "video")) {
      this.#player = new Player(record, this.#links);
      this.#screen.replaceChildren(this.#player.element);
    } else if (kindOf(record) === "image" && record.state !== "failed") {
      this.#screen.replaceChildren(this.#media("img", record, { alt: record.name }));
    } else if (kindOf(record) === "audio" && record.state !== "failed") {
      this.#screen.replaceChildren(this.#media("audio", record, { controls: true, preload: "metadata", "aria-label": record.name }));
    } else {
      this.#screen.replaceChildren(this.#plate(record, stands));
    }
    const focused = this.#place.contains(document.activeElement);
    const actions = new MediaActions(this.#file, this.#links, this.#onRemoved);
    this.#place.replaceChildren(this.#head, this.#screen, actions.element);
    // The button that had the focus is no more.
    if (focused) this.#parts.title.focus();
  }

  /** Where there is nothing to see yet, or never will be. */
  #plate(record, stands) {
    const busy = stands.progress !== undefined;
    return h(
      "div",
      { class: "plate" },
      !busy && mediaIcon(record.media),
      busy && h("strong", { class: "plate-share", "data-testid": "stage-percent" }),
      busy &&
        h(
          "div",
          { class: "bar", role: "progressbar", "data-testid": "stage-bar", "aria-label": `Processing of ${record.name}`, "aria-valuemin": 0, "aria-valuemax": 100 },
          h("div", { class: "bar-durable" }),
        ),
      busy && h("p", { class: "soft", "data-testid": "stage-note" }),
      stands.problem && h("p", { class: "problem", "data-testid": "stage-problem" }, stands.problem),
      !busy && !stands.problem && h("p", { class: "soft" }, stands.note ?? "There is nothing to play here. It can be downloaded."),
    );
  }

  #media(tag, record, attributes) {
    const element = h(tag, { ...attributes, class: `stage-${tag}` });
    this.#links.of(record.id).then(
      (url) => (element.src = url),
      () => {},
    );
    return element;
  }

  #move({ progress, note }) {
    const bar = this.#screen.querySelector(".bar");
    if (progress === undefined || !bar) return;
    bar.style.setProperty("--durable", `${progress}%`);
    bar.setAttribute("aria-valuenow", progress);
    setText(this.#screen.querySelector(".plate-share"), `${progress} %`);
    const about = this.#screen.querySelector("p");
    setText(about, note ?? "");
    show(about, Boolean(note));
  }

  /** What a screen reader is told: changes of state, and every quarter of the way. */
  #say({ name }, { word, problem, progress }) {
    const quarter = progress >= 25 ? ` ${Math.floor(progress / 25) * 25} percent` : "";
    const news = `${name}: ${word}${quarter}. ${problem ?? ""}`.trim();
    if (news !== this.#said) announce(news);
    this.#said = news;
  }
}
