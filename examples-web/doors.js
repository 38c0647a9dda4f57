// The ways into the store, and the command for those who have no page.

import { h, icon } from "./dom.js";
import { token } from "./shell.js";
import { toast } from "./toast.js";

const DOORS = [
  ["The session", h("a", { href: "/upload.html" }, "Upload"), " and ", h("a", { href: "/media.html" }, "Media"), ": one socket, goes on by itself."],
  ["tus 1.0.0", h("code", {}, "/tus/"), ": Uppy on this page, tus-js-client, and what else speaks it."],
  ["Plain HTTP", h("code", {}, "/api/files"), ": a form, a file as it is, or a resumable upload as the IETF drafts it."],
];

export function mountDoors(place) {
  const command = (secret) => `curl -H "Authorization: Bearer ${secret}" -F file=@film.mp4 ${location.origin}/api/files`;
  const copy = h(
    "button",
    { type: "button", class: "button small", "data-testid": "copy-command", onclick: () => copyWith(command(token() ?? "")) },
    icon("link"),
    "Copy with your token",
  );
  place.append(
    h("h2", { id: "doors-title" }, "Three doors, one store"),
    h("dl", {}, DOORS.map(([name, ...about]) => [h("dt", {}, name), h("dd", { class: "soft" }, about)]).flat()),
    h("pre", { class: "doors-command", tabindex: 0, "aria-label": "The command" }, command("$TOKEN")),
    copy,
  );
}

async function copyWith(command) {
  try {
    await navigator.clipboard.writeText(command);
    toast("The command is copied", { detail: "Paste it into a terminal. The file appears here when you come back.", kind: "good" });
  } catch {
    toast("The command could not be copied", { detail: "Select it and copy it by hand.", kind: "bad" });
  }
}
