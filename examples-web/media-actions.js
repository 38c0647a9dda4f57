// What can be done with the file that is shown: cancel or repeat its processing, save it, pass on its address, remove it.

import { h, icon, show } from "./dom.js";
import { explain } from "./errors.js";
import { bytes } from "./format.js";
import { partOf, standing } from "./media-file.js";
import { toast, toastError } from "./toast.js";

const time = new Intl.DateTimeFormat("en", { timeStyle: "short" });

export class MediaActions {
  element;

  #file;
  #links;
  #onRemoved;
  #buttons;
  #question;
  #remove;
  #keep;

  constructor(file, links, onRemoved) {
    this.#file = file;
    this.#links = links;
    this.#onRemoved = onRemoved;
    const { record } = file;
    const { can } = standing(record);
    const made = partOf(record, "video");
    this.#remove = button("remove", "Remove", "remove", () => this.#ask(true), "quiet");
    this.#keep = button("remove-keep", "Keep", null, () => this.#ask(false));
    this.#question = h(
      "div",
      { class: "file-question", role: "group", "aria-label": `Remove ${record.name} for good?`, hidden: true },
      h("span", {}, "Remove for good?"),
      button("remove-confirm", "Remove", "remove", () => this.#removeForGood(), "danger"),
      this.#keep,
    );
    this.#question.addEventListener("keydown", (event) => event.key === "Escape" && this.#ask(false));
    this.#buttons = h(
      "div",
      { class: "stage-buttons" },
      can === "cancel" && button("stage-cancel", "Cancel processing", "close", (self) => this.#tell("cancel", self)),
      can === "again" && button("stage-again", "Try again", "retry", (self) => this.#tell("process", self), "strong"),
      made && button("save-rendition", `Film, ${bytes(made.size)}`, "download", () => this.#save("video"), "", `Download the film that plays, ${bytes(made.size)}`),
      button("save-original", `Original, ${bytes(record.size)}`, "download", () => this.#save(), "", `Download the original, ${bytes(record.size)}`),
      button("copy-link", "Copy a link", "link", () => this.#copy(made && "video")),
      this.#remove,
    );
    this.element = h("div", { class: "stage-actions" }, this.#buttons, this.#question);
  }

  #ask(asking) {
    show(this.#question, asking);
    show(this.#buttons, !asking);
    (asking ? this.#keep : this.#remove).focus();
  }

  async #tell(what, self) {
    self.disabled = true;
    try {
      // What comes of it is told by the room.
      await this.#file[what]();
    } catch (error) {
      toastError(what === "cancel" ? "Processing could not be canceled" : "Processing could not be begun again", error);
    } finally {
      self.disabled = false;
    }
  }

  async #save(part) {
    try {
      const link = h("a", { href: await this.#links.toSave(this.#file.id, part), download: true });
      link.click();
    } catch (error) {
      toastError(`${this.#file.record.name} could not be downloaded`, error);
    }
  }

  async #copy(part) {
    try {
      const { url, expires } = await this.#links.ask(this.#file.id, part);
      await navigator.clipboard.writeText(new URL(url, location.origin).href);
      toast("The link is copied", { detail: `Whoever has it can watch until ${time.format(expires)}.`, kind: "good" });
    } catch (error) {
      toastError("The link could not be copied", error);
    }
  }

  async #removeForGood() {
    const { name } = this.#file.record;
    try {
      await this.#file.remove();
      this.#onRemoved(this.#file.id);
      toast(`Removed ${name}`);
    } catch (error) {
      this.#ask(false);
      toastError(`${name} could not be removed`, error);
    }
  }
}

function button(testid, label, iconName, run, look = "", spoken = null) {
  const self = h(
    "button",
    { type: "button", class: `button small ${look}`, "data-testid": testid, "aria-label": spoken, onclick: () => run(self) },
    iconName && icon(iconName),
    label,
  );
  return self;
}
