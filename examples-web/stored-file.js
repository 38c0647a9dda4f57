// One stored file: what it is, its download with progress and digest, and its removal, asked for twice.

import { h, icon, mediaIcon, setText, show } from "./dom.js";
import { download } from "./download.js";
import { isCancel } from "./errors.js";
import { ago, bytes, percent, shortDigest } from "./format.js";
import { announce, toast, toastError } from "./toast.js";

export class StoredFile {
  file;
  element;

  #client;
  #hooks;
  #download = null;
  #parts;

  /** `hooks`: `onBytes(count)`, `onGone()` after a removal, `onStale()` when the server knows better than the list. */
  constructor(file, client, hooks) {
    this.file = file;
    this.#client = client;
    this.#hooks = hooks;
    const button = (id, label, iconName, run, look = "") =>
      h(
        "button",
        { type: "button", class: `button small ${look}`, "data-testid": id, "aria-label": `${label} ${file.name}`, onclick: run },
        iconName && icon(iconName),
        label,
      );
    const parts = {
      age: h("span", {}),
      download: button("download", "Download", "download", () => this.#save()),
      stop: button("stop-download", "Stop", "close", () => this.#download?.abort()),
      remove: button("remove", "Remove", "remove", () => this.#ask(true), "quiet"),
      confirm: button("remove-confirm", "Remove", "remove", () => this.#remove(), "danger"),
      keep: button("remove-keep", "Keep", null, () => this.#ask(false)),
      bar: h(
        "div",
        {
          class: "bar thin",
          role: "progressbar",
          "aria-label": `Download of ${file.name}`,
          "aria-valuemin": 0,
          "aria-valuemax": 100,
        },
        h("div", { class: "bar-durable" }),
      ),
      line: h("p", { class: "file-line", "data-testid": "download-state" }),
    };
    parts.question = h(
      "div",
      { class: "file-question", role: "group", "aria-label": `Remove ${file.name} for good?` },
      h("span", {}, "Remove for good?"),
      parts.confirm,
      parts.keep,
    );
    parts.question.addEventListener("keydown", (event) => event.key === "Escape" && this.#ask(false));
    parts.actions = h("div", { class: "file-actions" }, parts.download, parts.stop, parts.remove);
    for (const name of ["stop", "question", "bar", "line"]) parts[name].hidden = true;
    this.#parts = parts;
    this.element = h(
      "li",
      { class: "file", "data-testid": "stored-file", "data-id": file.id, "data-name": file.name },
      mediaIcon(file.media),
      h(
        "div",
        { class: "file-name" },
        h("strong", { title: file.name }, file.name),
        h(
          "span",
          { class: "soft" },
          `${bytes(file.size)} · `,
          parts.age,
          h(
            "span",
            { class: "file-digest" },
            " · ",
            h("code", { title: file.digest, "data-testid": "digest" }, shortDigest(file.digest)),
          ),
        ),
      ),
      parts.actions,
      parts.question,
      parts.bar,
      parts.line,
    );
  }

  get busy() {
    return this.#download !== null;
  }

  /** Says anew how old the file is. */
  age() {
    setText(this.#parts.age, ago(this.file.created));
  }

  async #save() {
    const { file } = this;
    const { bar, line, stop } = this.#parts;
    this.#download = new AbortController();
    this.#busy(true);
    let got = 0;
    let drawn = 0;
    const draw = (force) => {
      if (!force && performance.now() - drawn < 100) return;
      drawn = performance.now();
      const done = percent(got, file.size);
      bar.style.setProperty("--durable", `${file.size ? (got / file.size) * 100 : 100}%`);
      bar.setAttribute("aria-valuenow", done);
      setText(line, `Downloading · ${done} % · ${bytes(got)} of ${bytes(file.size)}`);
    };
    draw(true);
    try {
      await download(this.#client, file, {
        signal: this.#download.signal,
        onBytes: (count) => {
          got += count;
          this.#hooks.onBytes(count);
          draw();
        },
      });
      line.replaceChildren(icon("check"), "Downloaded, verified against ", h("code", {}, file.digest));
      line.dataset.look = "good";
      announce(`${file.name} downloaded and verified`);
    } catch (error) {
      line.dataset.look = "";
      setText(line, isCancel(error) ? "Download stopped. Nothing was saved." : "");
      if (!isCancel(error)) {
        toastError(`${file.name} could not be downloaded`, error, { label: "Try again", run: () => this.#save() });
        if (error.code === "file-not-found") this.#hooks.onStale();
      }
    } finally {
      const focused = document.activeElement === stop;
      this.#download = null;
      this.#busy(false);
      if (focused) this.#parts.download.focus();
      show(line, line.textContent !== "");
    }
  }

  #busy(busy) {
    const { bar, download: start, line, remove, stop } = this.#parts;
    const focused = document.activeElement === start;
    show(bar, busy);
    show(stop, busy);
    show(start, !busy);
    show(remove, !busy);
    if (busy) {
      show(line, true);
      line.dataset.look = "";
      if (focused) stop.focus();
    }
  }

  #ask(asking) {
    const { actions, keep, question, remove } = this.#parts;
    show(question, asking);
    show(actions, !asking);
    (asking ? keep : remove).focus();
  }

  async #remove() {
    const { confirm } = this.#parts;
    confirm.disabled = true;
    try {
      await this.#client.api.files.remove({ id: this.file.id });
      this.#hooks.onGone();
      toast(`Removed ${this.file.name}`);
    } catch (error) {
      confirm.disabled = false;
      this.#ask(false);
      toastError(`${this.file.name} could not be removed`, error);
      if (error.code === "file-not-found") this.#hooks.onStale();
    }
  }
}
