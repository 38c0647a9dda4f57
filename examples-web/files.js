// The list of stored files, with download and removal.

import { h, icon, setText, show } from "./dom.js";
import { isCancel } from "./errors.js";
import { StoredFile } from "./stored-file.js";
import { bytes, plural } from "./format.js";
import { toastError } from "./toast.js";

export class FileList {
  #client;
  #list = h("ul", { class: "rows", "data-testid": "stored-files" });
  #summary = h("span", { class: "soft", "data-testid": "stored-summary" });
  #empty = h("p", { class: "empty", "data-testid": "stored-empty", hidden: true });
  #refresh;
  #rows = new Map();
  #onBytes;
  #asked = 0;

  /** Fills `section`. `onBytes(count)` hears of downloaded bytes. */
  constructor(section, client, { onBytes }) {
    this.#client = client;
    this.#onBytes = onBytes;
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
    section.append(
      h("div", { class: "section-head" }, h("h2", {}, "Stored files"), this.#summary, this.#refresh),
      this.#list,
      this.#empty,
    );
    this.load();
  }

  /** Whether a download is under way, which leaving the page would break off. */
  get busy() {
    return [...this.#rows.values()].some((row) => row.busy);
  }

  /** Asks the server. The call names no stream, so it goes over HTTP. */
  async load() {
    const asked = ++this.#asked;
    this.#refresh.setAttribute("aria-busy", "true");
    try {
      const { files } = await this.#client.api.files.list({});
      // An answer that another request has overtaken would show the past.
      if (asked === this.#asked) this.#show(files);
    } catch (error) {
      if (isCancel(error)) return;
      this.#count("The list could not be read.");
      toastError("The list of files could not be read", error, { label: "Try again", run: () => this.load() });
    } finally {
      if (asked === this.#asked) this.#refresh.removeAttribute("aria-busy");
    }
  }

  /** Rows are kept by id, so that a download under way outlives a refresh. */
  #show(files) {
    const ids = new Set(files.map((file) => file.id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id) || row.busy) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    let before = this.#list.firstChild;
    for (const file of files) {
      let row = this.#rows.get(file.id);
      if (!row) {
        row = new StoredFile(file, this.#client, {
          onBytes: this.#onBytes,
          onGone: () => this.#gone(file.id),
          onStale: () => this.load(),
        });
        this.#rows.set(file.id, row);
      }
      row.age();
      // Moving an element takes its focus away, so only what stands elsewhere is moved.
      if (row.element === before) before = before.nextSibling;
      else this.#list.insertBefore(row.element, before);
    }
    this.#count();
  }

  #gone(id) {
    const { element, file } = this.#rows.get(id);
    const near = element.nextElementSibling ?? element.previousElementSibling;
    (near?.querySelector("button") ?? this.#refresh).focus();
    element.remove();
    this.#rows.delete(id);
    this.#count();
    return file;
  }

  #count(instead = "Nothing is stored yet. Files that you upload appear here.") {
    const files = [...this.#rows.values()].map((row) => row.file);
    const size = files.reduce((sum, file) => sum + file.size, 0);
    setText(this.#summary, files.length ? `${plural(files.length, "file")}, ${bytes(size)}` : "");
    setText(this.#empty, instead);
    show(this.#empty, files.length === 0);
  }
}
