// What happened to the stream, the newest first, as the room told it.

import { h, show } from "./dom.js";
import { plural } from "./format.js";
import { qualityWords, whyEnded } from "./live-words.js";

const MOST = 80;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** How each event is told: its look, and its words. One that is not here is shown as it is. */
const EVENTS = {
  stream_started: () => ["join", "the stream begins"],
  stream_paused: () => ["cut", "the broadcaster is away"],
  stream_resumed: () => ["join", "the broadcaster is back"],
  stream_changed: () => ["join", "the stream goes on with something else said of it"],
  stream_ended: ({ reason }) => ["cut", whyEnded(reason)],
  viewer_count_changed: ({ viewer_count: now, peak_viewers: most }) => ["count", `${plural(now, "viewer")}, ${most} at most so far`],
  quality_changed: ({ quality }) => ["count", Object.values(qualityWords(quality)).filter(Boolean).join(", ")],
};

/** Fills `place`, and returns what adds a line that no event told: `note(kind, name, text)`. */
export function mountLog(place, observer) {
  const list = h("ol", { class: "log", "data-testid": "log", tabindex: 0, "aria-label": "Events, the newest first" });
  const empty = h("p", { class: "empty" }, "Events appear here as they happen.");
  place.append(h("div", { class: "section-head" }, h("h2", { id: "log-title" }, "Events")), empty, list);
  const add = (kind, name, text, at = Date.now()) => {
    show(empty, false);
    list.prepend(
      h(
        "li",
        { class: "log-row live-log-row", "data-testid": "log-row", "data-kind": kind, "data-name": name },
        h("span", { class: "log-name" }, name),
        h("time", { class: "log-time" }, clock.format(at)),
        h("span", { class: "log-text", title: text }, text),
      ),
    );
    while (list.childElementCount > MOST) list.lastElementChild.remove();
  };
  observer.on("event", ({ name, data }) => {
    const [kind, text] = EVENTS[name]?.(data) ?? ["count", JSON.stringify(data)];
    add(kind, name, text, Date.parse(data.timestamp) || Date.now());
  });
  return add;
}
