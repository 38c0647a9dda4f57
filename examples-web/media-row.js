// One file in the list: its picture, how it stands, and what can be done about that.

import { h, icon, mediaIcon, setText, show } from "./dom.js";
import { ago, bytes, clock } from "./format.js";
import { kindOf, partOf, shapeOf, standing } from "./media-file.js";
import { toastError } from "./toast.js";

/** Where a file is shown. On the page itself that is only another fragment of the address. */
const PAGE = "/media.html";

export class MediaRow {
  element;
  file;

  #links;
  #onGone;
  #parts;
  #picture;

  /** `onGone()` is called when the file is no longer there. */
  constructor(file, links, onGone) {
    this.file = file;
    this.#links = links;
    this.#onGone = onGone;
    const { id, name, media } = file.record;
    const button = (testid, label, iconName, run) =>
      h(
        "button",
        { type: "button", class: "button small", "data-testid": testid, "aria-label": `${label} ${name}`, onclick: run },
        icon(iconName),
        h("span", {}, label),
      );
    this.#parts = {
      link: h("a", { class: "media-link", href: `${PAGE}#${id}`, title: name }, name),
      thumb: h("span", { class: "thumb" }, mediaIcon(media)),
      facts: h("span", { class: "soft" }),
      word: h("span", { class: "state", "data-testid": "file-word" }),
      share: h("span", { class: "share", "data-testid": "file-percent" }),
      note: h("span", { class: "detail" }),
      problem: h("p", { class: "problem", "data-testid": "file-problem", hidden: true }),
      cancel: button("cancel-processing", "Cancel", "close", () => this.#ask("cancel")),
      again: button("process-again", "Try again", "retry", () => this.#ask("process")),
      bar: h("div", { class: "bar thin", "aria-hidden": "true" }, h("div", { class: "bar-durable" })),
    };
    const { link, thumb, facts, word, share, note, problem, cancel, again, bar } = this.#parts;
    this.element = h(
      "li",
      { class: "media-row", "data-testid": "media-file", "data-id": id, "data-name": name },
      thumb,
      h("div", { class: "media-name" }, link, facts),
      h("p", { class: "upload-line" }, word, share, note),
      h("div", { class: "media-actions" }, cancel, again),
      bar,
      problem,
    );
    file.addEventListener("change", () => this.draw());
    this.draw();
  }

  mark(shown) {
    if (shown) this.#parts.link.setAttribute("aria-current", "true");
    else this.#parts.link.removeAttribute("aria-current");
  }

  draw() {
    if (this.file.gone) return this.#onGone();
    const { record } = this.file;
    const { bar, cancel, again, facts, link, note, problem, share, word } = this.#parts;
    const stands = standing(record);
    const { duration } = shapeOf(record);
    this.element.dataset.stands = record.state;
    this.element.dataset.look = stands.look;
    setText(facts, [bytes(record.size), duration && clock(duration / 1000), ago(record.created)].filter(Boolean).join(" · "));
    setText(word, stands.word);
    const busy = stands.progress !== undefined;
    setText(share, stands.look === "busy" && stands.progress > 0 ? `${stands.progress} %` : "");
    setText(note, stands.note ?? "");
    bar.style.setProperty("--durable", `${stands.progress ?? 0}%`);
    show(bar, busy);
    setText(problem, stands.problem ?? "");
    show(problem, stands.problem !== undefined);
    show(cancel, stands.can === "cancel", link);
    show(again, stands.can === "again", link);
    this.#draw(record);
  }

  /** The poster of a film, the thumbnail of a picture. */
  async #draw(record) {
    const part = partOf(record, kindOf(record) === "video" ? "poster" : "thumbnail");
    if (!part || this.#picture) return;
    const picture = h("img", { alt: "" });
    this.#picture = picture;
    try {
      picture.src = await this.#links.of(record.id, part.name);
      await picture.decode();
      this.#parts.thumb.replaceChildren(picture);
    } catch {
      // The icon does as well.
      this.#picture = null;
    }
  }

  async #ask(what) {
    const { cancel, again } = this.#parts;
    cancel.disabled = again.disabled = true;
    try {
      // What comes of it is told by the room.
      await this.file[what]();
    } catch (error) {
      toastError(what === "cancel" ? "Processing could not be canceled" : "Processing could not be begun again", error);
    } finally {
      cancel.disabled = again.disabled = false;
    }
  }
}
