// What a controller works with: previous and next, the items, the health, the caption. A viewer is told that there is nothing to do.

import { h, icon, setText, show } from "./dom.js";
import { followNote, thumbnail } from "./portal-stage.js";
import { toast, toastError } from "./toast.js";

export class Controls {
  #portal;
  #place;
  #desk;
  #note;
  #strip = h("div", { class: "strip", role: "radiogroup", "aria-label": "Items" });
  #thumbs = new Map();
  #health;
  #caption;
  #captionOf;
  #label = h("span", {}, "Caption");

  constructor(place, portal) {
    this.#portal = portal;
    this.#place = place;
    this.#health = h(
      "button",
      { type: "button", class: "switch", role: "switch", "aria-checked": "false", "data-testid": "health", onclick: () => this.#toggle() },
      h("span", { class: "switch-track" }),
      "Show health",
    );
    this.#caption = h("input", {
      class: "field",
      id: "caption",
      "data-testid": "caption",
      maxlength: 200,
      autocomplete: "off",
      placeholder: "Write something about it",
      oninput: () => this.#do("The caption", portal.setCaption(this.#captionOf, this.#caption.value)),
      onblur: () => this.#draw(),
    });
    const step = (name, label, by) =>
      h(
        "button",
        { type: "button", class: "button", "data-testid": name, onclick: () => this.#do("The item", portal.step(by)) },
        by < 0 && icon("left"),
        label,
        by > 0 && icon("right"),
      );
    this.#desk = h(
      "div",
      { class: "desk-tools" },
      h("div", { class: "desk-row" }, step("previous", "Previous", -1), step("next", "Next", 1), this.#health),
      this.#strip,
      h("div", { class: "desk-caption" }, h("label", { for: "caption" }, this.#label), this.#caption),
    );
    this.#note = followNote(portal, () => this.#try());
    place.append(this.#desk, this.#note);
    for (const type of ["state", "status"]) portal.room.on(type, () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { room, controls, items, current } = this.#portal;
    show(this.#place, room.role !== undefined);
    show(this.#desk, controls);
    show(this.#note, !controls);
    if (!controls) return;
    this.#health.setAttribute("aria-checked", String(Boolean(room.state?.showHealth)));
    this.#drawStrip(items, current);
    this.#caption.disabled = !current;
    // What is being typed is ahead of what the room says, and stays with its item when another one is shown.
    if (!current || (this.#captionOf && document.activeElement === this.#caption)) return;
    this.#captionOf = current.id;
    setText(this.#label, `Caption of ${current.title}`);
    if (this.#caption.value !== current.caption) this.#caption.value = current.caption;
  }

  #drawStrip(items, current) {
    for (const [id, thumb] of this.#thumbs) {
      if (items.some((item) => item.id === id)) continue;
      thumb.remove();
      this.#thumbs.delete(id);
    }
    for (const { id, title } of items) {
      let thumb = this.#thumbs.get(id);
      if (!thumb) {
        const pick = () => this.#do("The item", this.#portal.show(id));
        const attributes = { type: "button", class: "thumb", role: "radio", title, "aria-label": title, "data-testid": "item", "data-item": id, onclick: pick };
        this.#thumbs.set(id, (thumb = h("button", attributes, thumbnail(id))));
        this.#strip.append(thumb);
      }
      thumb.setAttribute("aria-checked", String(id === current?.id));
    }
  }

  #toggle() {
    this.#do("The health", this.#portal.showHealth(!this.#portal.room.state?.showHealth));
  }

  async #do(what, change) {
    try {
      await change;
    } catch (error) {
      if (error.code !== "not-joined") toastError(`${what} could not be changed`, error);
    }
  }

  /** A viewer that tries to change the view, to see what the server says. */
  async #try() {
    try {
      await this.#portal.step(1);
      toast("The server allowed it", { kind: "good" });
    } catch (error) {
      toast(`The server refused: ${error.code}`, { detail: error.message, kind: "info" });
    }
  }
}
