// Who is in the room: whoever comes and goes, what they may do, and who is typing.

import { h, icon, setText } from "./dom.js";
import { plural } from "./format.js";

export function mountPeople(place, portal) {
  const count = h("span", { class: "soft", "data-testid": "people-count" });
  const list = h("ul", { class: "people", "data-testid": "people" });
  place.append(h("div", { class: "section-head" }, h("h2", { id: "people-title" }, "In the room"), count), list);
  const { room } = portal;
  const rows = new Map();
  const draw = () => {
    const { entries, users, members } = room.presence;
    setText(count, users === members ? plural(users, "person", "people") : `${plural(users, "person", "people")} in ${members} windows`);
    for (const [id, row] of rows) {
      if (entries.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    // Controllers stand first.
    const ordered = [...entries.values()].sort((one, other) => rank(one) - rank(other));
    for (const entry of ordered) {
      if (!rows.has(entry.id)) rows.set(entry.id, person(entry));
      const row = rows.get(entry.id);
      row.update(entry, { own: isOwn(entry, portal), typing: portal.typing.has(entry.user ?? entry.id) });
      list.append(row.element);
    }
  };
  for (const type of ["presence", "status"]) room.on(type, draw);
  portal.onTyping(draw);
  draw();
}

const rank = ({ role }) => (role === "controller" ? 0 : 1);

function isOwn({ id, member }, { room, user }) {
  return member === undefined ? id === user : member === room.member;
}

function person(entry) {
  const name = entry.user ?? entry.id;
  const role = h("span", { class: "role" });
  const note = h("span", { class: "soft" });
  const dots = h("span", { class: "dots", title: "is typing", hidden: true }, h("i"), h("i"), h("i"));
  const element = h(
    "li",
    { class: "person", "data-testid": "person", "data-name": name },
    avatar(name),
    h("span", { class: "person-name" }, h("strong", {}, name), note),
    dots,
    entry.info?.touch && icon("phone"),
    role,
  );
  return {
    element,
    update(now, { own, typing }) {
      element.dataset.role = now.role ?? "";
      element.dataset.typing = String(typing);
      setText(role, now.role ?? "");
      setText(note, own ? "you" : "");
      dots.hidden = !typing;
    },
  };
}

/** The initials of a name, in a colour of its own. */
export function avatar(name) {
  const initials = name
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => /^\p{L}/u.test(part))
    .slice(0, 2)
    .map((part) => part[0].toUpperCase());
  const element = h("span", { class: "avatar", "aria-hidden": "true" }, initials.join("") || "?");
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  element.style.setProperty("--hue", String(hue));
  return element;
}
