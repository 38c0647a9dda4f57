// Short notes at the edge of the screen. News goes away by itself; an error stays until it has been read.

import { h, icon } from "./dom.js";
import { explain, wantsSignIn } from "./errors.js";

const STAY = 6000;
const MOST = 4;

let rack;

/** The corner where toasts stand, made on first use. */
function place() {
  rack ??= document.body.appendChild(h("div", { class: "toasts", role: "region", "aria-label": "Notices" }));
  return rack;
}

/**
 * Shows a note. `kind` is "good", "info" or "bad"; `action` is `{ label, run }`; a note takes the place of the one with the same
 * `key`. Returns a function that takes it away.
 */
export function toast(title, { detail = "", kind = "info", action, key = `${title} ${detail}` } = {}) {
  let timer;
  const close = () => {
    clearTimeout(timer);
    note.remove();
  };
  const wait = () => {
    if (kind !== "bad") timer = setTimeout(close, STAY);
  };
  const note = h(
    "div",
    {
      class: `toast ${kind}`,
      "data-testid": "toast",
      "data-key": key,
      role: kind === "bad" ? "alert" : "status",
      // Nobody should lose a note while reading it.
      onpointerenter: () => clearTimeout(timer),
      onpointerleave: wait,
      onfocusin: () => clearTimeout(timer),
      onfocusout: wait,
    },
    kind !== "info" && icon(kind === "good" ? "check" : "warning"),
    h(
      "div",
      { class: "toast-text" },
      h("strong", {}, title),
      detail && h("span", {}, detail),
      action && h("button", { type: "button", class: "button small", onclick: () => (close(), action.run()) }, action.label),
    ),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: close }, icon("close")),
  );
  for (const other of place().children) if (other.dataset.key === key) other.remove();
  rack.append(note);
  // Only news makes room: an error that nobody has read yet stays.
  const news = rack.querySelectorAll(".toast:not(.bad)");
  if (rack.childElementCount > MOST && news.length > 1) news[0].remove();
  wait();
  return close;
}

/** Shows what failed and what to do about it. */
export function toastError(doing, error, action) {
  const { what, todo } = explain(error);
  if (wantsSignIn(error)) {
    // One cause fails many things; it is told once, with the one way out.
    const signIn = { label: "Sign in", run: () => document.getElementById("identity")?.click() };
    return toast(what, { detail: todo, kind: "bad", action: signIn, key: "sign-in" });
  }
  return toast(doing, { detail: `${what} ${todo}`.trim(), kind: "bad", action });
}

let announcer;

/** Says something to a screen reader, and shows nothing. */
export function announce(text) {
  announcer ??= document.body.appendChild(h("p", { class: "unseen", role: "status" }));
  announcer.textContent = text;
}
