// What happened in the room, the newest first: events with their offsets, who came and went, and what a return brought back.

import { h, setText, show } from "./dom.js";
import { plural } from "./format.js";

const MOST = 120;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function mountLog(place, { room }) {
  const list = h("ol", { class: "log", "data-testid": "log", tabindex: 0, "aria-label": "Events, the newest first" });
  const lost = h("span", { class: "soft", "data-testid": "lost" });
  const empty = h("p", { class: "empty" }, "Events appear here as they happen.");
  place.append(h("div", { class: "section-head" }, h("h2", { id: "log-title" }, "Events"), lost), empty, list);

  const add = (kind, offset, name, text, at = Date.now()) => {
    show(empty, false);
    const row = h(
      "li",
      { class: "log-row", "data-testid": "log-row", "data-kind": kind, "data-offset": offset, "data-name": name },
      h("span", { class: "log-offset" }, offset === undefined ? "·" : `#${offset}`),
      h("span", { class: "log-name" }, name),
      h("time", { class: "log-time" }, clock.format(at)),
      h("span", { class: "log-text", title: text }, text),
    );
    list.prepend(row);
    while (list.childElementCount > MOST) list.lastElementChild.remove();
    return row;
  };
  const count = () => setText(lost, room.lost === null ? "some missed" : room.lost > 0 ? `${room.lost} missed` : "none missed");

  room.on("event", ({ name, offset, from, user, own, at, data, patch, state }) => {
    const who = own ? "you" : (user ?? (from === undefined ? "the server" : `member ${from}`));
    const what = patch ?? state ?? data;
    add(offset === undefined ? "cast" : "event", offset, name, `${who}  ${what === undefined ? "" : JSON.stringify(what)}`, at);
  });
  room.on("presence", ({ joined, left }) => {
    // Those who were there before us did not come just now.
    if (room.status !== "joined") return;
    for (const { id, user } of joined) add("presence", undefined, "came", user ?? id);
    for (const { id, user } of left) add("presence", undefined, "went", user ?? id);
  });
  room.on("status", (status) => {
    if (status === "joined" && room.recovered === undefined) add("join", room.offset, "joined", `as ${room.role}, with the state as of here`);
    if (status === "away") add("cut", room.offset, "cut off", "what was seen last");
    if (status === "left") add("cut", undefined, "left", room.error?.message ?? "");
    count();
  });
  room.on("recovery", ({ recovered, lost }) => {
    const missed = lost === null ? "what was missed cannot be told" : `${plural(lost, "event")} missed`;
    add(recovered ? "join" : "cut", room.offset, recovered ? "recovered" : "not recovered", recovered ? "what was missed follows" : `${missed}; the state is as of here`);
    count();
  });
  count();
}
