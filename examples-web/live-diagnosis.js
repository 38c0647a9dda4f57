// Which leg of the way fails, on demand.

import { h, icon, setText } from "./dom.js";
import { toastError } from "./toast.js";

const LEGS = {
  page: "This page",
  session: "The session",
  camera: "The camera",
  stun: "STUN",
  turn: "TURN",
  udp: "UDP",
  peer: "Peer connections",
  media: "The picture",
};

const FOUND = { true: { mark: "check", word: "works" }, false: { mark: "close", word: "fails" }, null: { mark: "dots", word: "not known" } };

/** `diagnose()` asks; it takes a few seconds. */
export function mountDiagnosis(place, diagnose) {
  const button = h("button", { type: "button", class: "button small", "data-testid": "diagnose" }, icon("pulse"), "Check the way");
  const list = h("ul", { class: "legs", "data-testid": "legs", hidden: true });
  const verdict = h("p", { class: "soft legs-verdict", role: "status" }, "From the page to the picture, leg by leg.");
  place.append(h("div", { class: "section-head" }, h("h2", { id: "diagnosis-title" }, "Diagnosis"), button), verdict, list);
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    setText(verdict, "Looking. This takes a few seconds.");
    try {
      const { ok, legs } = await diagnose();
      setText(verdict, ok ? "Nothing stands in the way." : "Something stands in the way:");
      list.replaceChildren(...legs.map(leg));
      list.hidden = false;
    } catch (error) {
      setText(verdict, "It could not be found out.");
      toastError("The way could not be checked", error);
    } finally {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  });
}

function leg({ leg: name, ok, told }) {
  const { mark, word } = FOUND[ok];
  return h(
    "li",
    { class: "leg", "data-testid": "leg", "data-leg": name, "data-ok": String(ok) },
    h("span", { class: "leg-mark" }, mark === "dots" ? "…" : icon(mark), h("span", { class: "unseen" }, word)),
    h("strong", {}, LEGS[name] ?? name),
    h("span", { class: "soft" }, told),
  );
}
