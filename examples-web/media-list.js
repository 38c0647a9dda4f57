// The list of a person's files, each as its room tells it. Other windows of this browser are told when one comes or goes.

import { h, icon, setText, show } from "./dom.js";
import { isCancel } from "./errors.js";
import { plural } from "./format.js";
import { MediaFile } from "./media-file.js";
import { MediaRow } from "./media-row.js";
import { toastError } from "./toast.js";

/** How many files are shown at first, and how many more each time somebody asks for more. */
const PAGE = 20;

export class MediaList {
  #client;
  #links;
  #list = h("ul", { class: "rows", "data-testid": "media-files" });
  #summary = h("span", { class: "soft", "data-testid": "media-summary" });
  #empty = h("p", { class: "empty", "data-testid": "media-empty", hidden: true });
  #refresh;
  #more;
  #rows = new Map();
  #shown = "";
  #limit = PAGE;
  #asked = 0;
  #others = new BroadcastChannel("samewire.files");

  /** Fills `section`; `load` fills the list. */
  constructor(section, client, links) {
    this.#client = client;
    this.#links = links;
    this.#refresh = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "data-testid": "refresh",
        "aria-label": "Refresh the list",
        title: "Refresh",
        onclick: () => this.load(),
      },
      icon("refresh"),
    );
    this.#more = h(
      "button",
      { type: "button", class: "button small", "data-testid": "more-files", hidden: true, onclick: () => this.#loadMore() },
      "Show older files",
    );
    section.append(
      h("div", { class: "section-head" }, h("h2", {}, "Your files"), this.#summary, this.#refresh),
      this.#list,
      this.#empty,
      this.#more,
    );
    this.#others.addEventListener("message", () => this.load());
    // Files also come from other browsers, and by other ways than a page.
    window.addEventListener("focus", () => this.load());
  }

  /** Asks the server. Resolves with the newest file, if there is one. */
  async load() {
    const asked = ++this.#asked;
    this.#refresh.setAttribute("aria-busy", "true");
    try {
      const { files, more } = await this.#client.api.files.list({ limit: this.#limit });
      // An answer that another request has overtaken would show the past.
      if (asked === this.#asked) this.#show(files, more);
      return files[0];
    } catch (error) {
      if (isCancel(error)) return undefined;
      this.#count("The list could not be read.");
      toastError("The list of files could not be read", error, { label: "Try again", run: () => this.load() });
      return undefined;
    } finally {
      if (asked === this.#asked) this.#refresh.removeAttribute("aria-busy");
    }
  }

  /** A file that has just been stored. */
  add(record) {
    if (!this.#rows.has(record.id)) this.#list.prepend(this.#row(record).element);
    this.#count();
    this.#others.postMessage("stored");
  }

  /** A file that has just been removed here. */
  remove(id) {
    this.#drop(id);
    this.#others.postMessage("removed");
  }

  /** Says which file is shown. */
  mark(id) {
    this.#shown = id;
    for (const row of this.#rows.values()) row.mark(row.file.id === id);
  }

  async #loadMore() {
    this.#limit += PAGE;
    await this.load();
  }

  #row(record) {
    const { id } = record;
    const row = new MediaRow(new MediaFile(this.#client, id, record), this.#links, () => this.#drop(id));
    row.mark(id === this.#shown);
    this.#rows.set(id, row);
    return row;
  }

  #drop(id) {
    const row = this.#rows.get(id);
    if (!row) return;
    const { element, file } = row;
    const near = element.nextElementSibling ?? element.previousElementSibling;
    if (element.contains(document.activeElement)) (near?.querySelector("a") ?? this.#refresh).focus();
    element.remove();
    this.#rows.delete(id);
    file.leave();
    this.#count();
  }

  #show(files, more) {
    const ids = new Set(files.map((file) => file.id));
    for (const id of this.#rows.keys()) if (!ids.has(id)) this.#drop(id);
    let before = this.#list.firstChild;
    for (const record of files) {
      const { element } = this.#rows.get(record.id) ?? this.#row(record);
      // Moving an element takes its focus away, so only what stands elsewhere is moved.
      if (element === before) before = before.nextSibling;
      else this.#list.insertBefore(element, before);
    }
    for (const row of this.#rows.values()) row.draw();
    show(this.#more, more === true, this.#refresh);
    this.#count();
  }

  #count(instead = "Nothing is stored yet. Files that you upload appear here.") {
    const { size } = this.#rows;
    setText(this.#summary, size ? plural(size, "file") : "");
    setText(this.#empty, instead);
    show(this.#empty, size === 0);
  }
}
