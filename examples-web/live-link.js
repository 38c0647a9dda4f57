// The two ways of this window: the session, on which everything is arranged, and the picture, which needs it no more once it flows.

import { h, icon, setText, show } from "./dom.js";
import { duration } from "./format.js";
import { STATES } from "./shell.js";
import { announce } from "./toast.js";

/** `link.picture({ word, look })` says how the picture is; `note` tells the log. */
export function mountLink(place, client, { picture, note }) {
  const way = (name, label) => {
    const word = h("span", { "data-testid": name });
    const pill = h("span", { class: "pill", "data-look": "off" }, h("span", { class: "dot" }), word);
    return { element: h("p", { class: "way" }, h("span", { class: "soft" }, label), pill), word, pill };
  };
  const [session, media] = [way("session-way", "Session"), way("media-way", picture)];
  const told = h("span", { class: "soft way-told", "data-testid": "way-told" });
  const cut = h("button", { type: "button", class: "button cut", "data-testid": "cut-off" }, icon("cut"), "Cut the session");
  const back = h("button", { type: "button", class: "button strong", "data-testid": "bring-back", hidden: true }, icon("refresh"), "Bring back");
  place.append(h("div", { class: "ways" }, session.element, media.element), h("div", { class: "way-buttons" }, cut, back), told);

  let awayAt;
  const draw = () => {
    const { state } = client;
    const { label, look } = STATES[state] ?? STATES.idle;
    const away = state === "waiting";
    setText(session.word, away ? "Cut off" : label);
    session.pill.dataset.look = look;
    cut.disabled = state !== "live";
    show(cut, !away, back);
    show(back, away, cut);
    if (away && awayAt === undefined) {
      awayAt = performance.now();
      note("cut", "session", "cut off");
      announce("The session is cut off.");
    }
    if (state === "live" && awayAt !== undefined) {
      const took = duration((performance.now() - awayAt) / 1000);
      awayAt = undefined;
      note("join", "session", `back after ${took}`);
      announce(`The session is back after ${took}.`);
    }
  };
  client.on("state", () => queueMicrotask(draw));
  cut.addEventListener("click", () => client.simulateCut({ stay: true }));
  back.addEventListener("click", () => client.connect().catch(() => {}));
  draw();
  return {
    picture({ word, look }) {
      setText(media.word, word);
      media.pill.dataset.look = look;
      const goesOn = awayAt !== undefined && look === "live";
      setText(told, goesOn ? "The picture needs no session: it goes from browser to browser." : "");
    },
  };
}
