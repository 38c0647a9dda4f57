// The live panel: each call and each stream, and which wire it took.

import { h, icon, setText, show } from "./dom.js";
import { bytes, milliseconds, shortId } from "./format.js";

const MOST = 100;

const WHY = "Calls prefer HTTP on this page. One that names a stream goes over the session that carries the stream: no other has it.";

const WIRES = { http: "HTTP", session: "session" };

/** The SDK's states in words, and whether something still happens in them. A state that is not here is shown as it is. */
const STATES = {
  sent: { word: "waiting", look: "open" },
  ok: { word: "answered", look: "done" },
  error: { word: "failed", look: "bad" },
  idle: { word: "not begun", look: "open" },
  open: { word: "receiving", look: "open" },
  uploading: { word: "sending", look: "open" },
  paused: { word: "paused", look: "open" },
  finished: { word: "verified", look: "done" },
  canceled: { word: "canceled", look: "done" },
  failed: { word: "failed", look: "bad" },
  aborted: { word: "failed", look: "bad" },
};

export class Panel {
  #rows = new Map();
  #counts = { http: 0, session: 0 };
  #list = h("ol", { class: "traffic", "data-testid": "panel", tabindex: 0, "aria-label": "Calls and streams, the newest first" });
  #empty = h("p", { class: "empty" }, "Calls and streams appear here as they happen.");
  #http = h("b", { "data-testid": "count-http" }, "0");
  #session = h("b", { "data-testid": "count-session" }, "0");
  #changed = new Set();

  /** Fills `section`. `why` explains which wire a call takes on this page. */
  constructor(section, why = WHY) {
    section.append(
      h(
        "div",
        { class: "section-head" },
        h("h2", {}, "On the wire"),
        h("span", { class: "counts" }, badge("session"), this.#session, badge("http"), this.#http),
      ),
      h("p", { class: "soft panel-why" }, why),
      this.#list,
      this.#empty,
    );
  }

  /** Follows a client's activity. */
  follow(client) {
    client.on("activity", (event) => this.#note(event));
  }

  #note(event) {
    const key = `${event.kind} ${event.id} ${event.kind === "call" ? event.wire : ""}`;
    let row = this.#rows.get(key);
    if (!row) {
      row = this.#begin(event);
      this.#rows.set(key, row);
      this.#cap();
    }
    Object.assign(row, event);
    // A stream reports many times a second; the row is written once a frame.
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#draw());
    this.#changed.add(row);
  }

  #begin(event) {
    const parts = {
      badge: badge(event.wire),
      name: h("span", { class: "traffic-name" }, event.name || shortId(event.id)),
      note: h("span", { class: "traffic-note" }),
      state: h("span", { class: "traffic-state", "data-testid": "row-state" }),
      figure: h("span", { class: "traffic-figure", "data-testid": "row-figure" }),
    };
    const element = h(
      "li",
      {
        class: "traffic-row",
        "data-testid": "panel-row",
        "data-kind": event.kind,
        "data-wire": event.wire,
        "data-name": event.name,
      },
      parts.badge,
      icon(event.kind === "call" ? "call" : event.direction === "down" ? "arrowDown" : "arrowUp"),
      parts.name,
      parts.state,
      parts.note,
      parts.figure,
    );
    this.#list.prepend(element);
    this.#counts[event.wire] = (this.#counts[event.wire] ?? 0) + 1;
    setText(this.#http, String(this.#counts.http));
    setText(this.#session, String(this.#counts.session));
    show(this.#empty, false);
    return { element, parts };
  }

  /** The oldest rows go, but never one that something still happens to. */
  #cap() {
    if (this.#rows.size <= MOST) return;
    for (const [key, row] of this.#rows) {
      if (STATES[row.state]?.look === "open") continue;
      row.element.remove();
      this.#rows.delete(key);
      return;
    }
  }

  #draw() {
    for (const row of this.#changed) drawRow(row);
    this.#changed.clear();
  }
}

function drawRow(row) {
  const { element, parts } = row;
  element.dataset.state = row.state;
  // Somebody who stops a call gets what was asked for.
  const stopped = row.code === "AbortError" || row.code === "canceled";
  const { word, look } = stopped ? STATES.canceled : (STATES[row.state] ?? { word: row.state, look: "done" });
  element.dataset.look = look;
  setText(parts.state, word);
  if (row.kind === "call") {
    setText(parts.figure, row.ms === undefined ? "…" : milliseconds(row.ms));
    setText(parts.note, row.code ?? (row.stream ? `names ${shortId(row.stream)}` : ""));
  } else {
    setText(parts.figure, bytes(row.offset ?? 0));
    setText(parts.note, row.code ?? shortId(row.id));
    const share = row.size > 0 ? (row.offset / row.size) * 100 : 0;
    element.style.setProperty("--durable", `${share}%`);
  }
}

function badge(wire) {
  return h("span", { class: "badge", "data-wire": wire }, WIRES[wire] ?? wire);
}
