// The room's state as it is, in JSON. What changed lights up.

import { h, setText } from "./dom.js";

export function mountState(place, { room }) {
  const lines = h("pre", { class: "json", "data-testid": "state", tabindex: 0, "aria-label": "The state as JSON" });
  const version = h("span", { class: "soft", "data-testid": "version" });
  place.append(h("div", { class: "section-head" }, h("h2", { id: "state-title" }, "State"), version), lines);
  let before;
  const draw = () => {
    const now = printed(room.state);
    setText(version, room.state?.version === undefined ? "" : `version ${room.state.version}`);
    const known = new Set(before ?? now);
    lines.replaceChildren(...now.map((line) => h("span", { class: known.has(line) ? "" : "changed" }, `${line}\n`)));
    before = room.state === undefined ? undefined : now;
    const changed = lines.querySelector(".changed");
    const out = changed && (changed.offsetTop < lines.scrollTop || changed.offsetTop > lines.scrollTop + lines.clientHeight - 20);
    if (out) lines.scrollTop = changed.offsetTop - lines.clientHeight / 2;
  };
  room.on("state", draw);
  draw();
}

/** One line for each field, and for each field of the field `items`. */
function printed(state) {
  if (state === undefined || state === null) return [String(state ?? "not there yet")];
  const lines = ["{"];
  for (const [name, value] of Object.entries(state)) {
    if (name !== "items") {
      lines.push(`  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
      continue;
    }
    lines.push('  "items": {');
    for (const [id, item] of Object.entries(value)) lines.push(`    "${id}": ${JSON.stringify(item)}`);
    lines.push("  }");
  }
  return [...lines, "}"];
}
