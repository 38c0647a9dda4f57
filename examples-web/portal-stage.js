// What is shown, large: the picture of the current item, its caption, and its health where that is to be seen.

import { h, icon, setText, show } from "./dom.js";
import { picture } from "./portal-art.js";

export class Stage {
  #portal;
  #place;
  #shown;
  #art = h("div", { class: "stage-art" });
  #count = h("span", { class: "chip", "data-testid": "stage-count" });
  #title = h("strong", { "data-testid": "stage-title" });
  #caption = h("span", { class: "stage-caption", "data-testid": "stage-caption" });
  #typing = h("p", { class: "stage-typing", "data-testid": "typing", role: "status" });
  #health = h("b", { "data-testid": "stage-health" });
  #meter = h("span", { class: "meter", role: "img" });
  #healthChip = h("span", { class: "chip health", hidden: true }, "Health", this.#meter, this.#health);
  #away = h("p", { class: "stage-away", "data-testid": "stage-away", hidden: true });

  constructor(place, portal) {
    this.#portal = portal;
    this.#place = place;
    place.append(
      this.#art,
      h("div", { class: "stage-top" }, this.#count, this.#healthChip),
      this.#away,
      h("div", { class: "stage-foot" }, h("p", { class: "stage-words" }, this.#title, this.#caption), this.#typing),
    );
    for (const type of ["state", "status"]) portal.room.on(type, () => this.#draw());
    portal.onTyping(() => this.#draw());
    this.#draw();
  }

  #draw() {
    const { room, current } = this.#portal;
    this.#place.dataset.status = room.status;
    this.#place.dataset.item = current?.id ?? "";
    if (current && current.id !== this.#shown) this.#change(current);
    setText(this.#count, current ? `${current.at + 1} of ${current.of}` : "…");
    setText(this.#title, current?.title ?? (room.status === "joining" ? "Joining…" : "Nothing is shown"));
    setText(this.#caption, current?.caption ?? "");
    this.#drawHealth(current, room.state?.showHealth);
    const typing = [...this.#portal.typing.keys()];
    setText(this.#typing, typing.length > 0 ? `${typing.join(" and ")} ${typing.length > 1 ? "are" : "is"} typing` : "");
    show(this.#away, room.status === "away" || room.status === "left");
    const then = `This is what was shown at event ${room.offset}.`;
    setText(this.#away, room.status === "away" ? `Cut off. ${then}` : `Not in the room. ${current ? then : ""}`.trim());
  }

  #drawHealth(current, shown) {
    const health = current?.health;
    show(this.#healthChip, Boolean(shown) && health !== undefined);
    if (health === undefined) return;
    setText(this.#health, String(health));
    this.#meter.style.setProperty("--health", `${health}%`);
    this.#meter.ariaLabel = `${health} of 100`;
    this.#meter.dataset.level = health >= 70 ? "good" : health >= 40 ? "fair" : "poor";
  }

  #change({ id }) {
    const fresh = picture(id);
    // The old picture stays behind the new one while that appears.
    const old = this.#art.lastElementChild;
    for (const other of [...this.#art.children]) if (other !== old) other.remove();
    this.#art.append(fresh);
    fresh.addEventListener("animationend", () => old?.remove());
    this.#shown = id;
  }
}

/** A small picture of an item, for lists. */
export function thumbnail(item) {
  return h("span", { class: "thumbnail" }, picture(item));
}

/** The words under a viewer's picture. */
export function followNote(portal, onTry) {
  return h(
    "div",
    { class: "follow" },
    icon("eye"),
    h("p", {}, "You see what the controllers show. The server lets viewers change nothing."),
    h("button", { type: "button", class: "button small", "data-testid": "try", onclick: onTry }, "Try it"),
  );
}
