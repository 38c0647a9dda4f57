// The strip that shows the session: what it is, what moves on it, what it lived through, and the button that cuts it.

import { h, icon, setText } from "./dom.js";
import { duration, plural, shortId } from "./format.js";
import { RateGraph } from "./rate.js";
import { announce, toast } from "./toast.js";

const CONTINUITY = {
  fresh: ["new", "This session is a new one: nothing came before it, or what came before could not be kept."],
  kept: ["resumed", "The session went on where it was."],
  restarted: ["resumed after a restart", "The server was started anew; transfers went on from what it had on disk."],
};

/** Puts the strip into `place`. Returns the graph, which wants to be told of bytes. */
export function mountWire(place, client) {
  const session = h("code", { "data-testid": "conn-session" }, "–");
  const continuity = h("span", { class: "tag", "data-testid": "conn-continuity" }, "not connected yet");
  const cuts = h("b", { "data-testid": "cuts" }, "0");
  const cutsWord = h("span", {}, "cuts survived");
  const away = h("span", { class: "soft", "data-testid": "last-cut" });
  const cut = h(
    "button",
    { type: "button", class: "button cut", "data-testid": "cut", disabled: true },
    icon("cut"),
    "Cut my connection",
  );
  const connect = h("button", { type: "button", class: "button strong", "data-testid": "connect", hidden: true }, "Connect");
  const labels = { up: h("b", {}), down: h("b", {}), peak: h("span", {}) };
  const graph = h("div", { class: "rate" });

  place.append(
    h(
      "div",
      { class: "wire-row" },
      h("h2", { id: "wire-title" }, "Your session"),
      h("p", { class: "wire-session" }, session, continuity),
      h("p", { class: "wire-cuts" }, cuts, " ", cutsWord, away),
      h("div", { class: "wire-buttons" }, connect, cut),
    ),
    graph,
    h(
      "p",
      { class: "wire-legend" },
      h("span", {}, "30 s ago"),
      h("span", { class: "wire-rates" }, icon("arrowUp"), labels.up, icon("arrowDown"), labels.down, labels.peak),
      h("span", {}, "now"),
    ),
  );

  let survived = 0;
  let cutAt = null;
  const shown = () => {
    const live = client.state === "live";
    setText(session, client.session ? shortId(client.session) : "–");
    session.title = client.session ?? "";
    const [word, meaning] = CONTINUITY[client.continuity] ?? ["not connected yet", ""];
    setText(continuity, word);
    continuity.title = meaning;
    cut.disabled = !live;
    connect.hidden = client.state !== "closed";
  };

  // Before the first connection nothing has been cut.
  const rates = new RateGraph(graph, () => client.state === "live" || client.session == null, labels);
  let wasLive = client.state === "live";
  client.on("state", () => {
    const live = client.state === "live";
    if (wasLive && !live && client.state !== "closed") {
      cutAt = performance.now();
      rates.tear();
      announce("Connection lost. It comes back by itself.");
    }
    if (live && cutAt !== null) {
      const seconds = (performance.now() - cutAt) / 1000;
      cutAt = null;
      if (client.continuity === "fresh") {
        toast("The session could not be resumed, so a new one began", {
          detail: "It was away too long. Transfers that were under way say what became of them.",
          stay: Infinity,
        });
      } else {
        survived += 1;
        setText(cuts, String(survived));
        setText(cutsWord, plural(survived, "cut").replace(/^\d+ /, "") + " survived");
        setText(away, `, the last one in ${duration(seconds)}`);
        announce(`Connected again after ${duration(seconds)}.`);
      }
    }
    wasLive = live;
    shown();
  });
  cut.addEventListener("click", () => client.simulateCut());
  // What stands in the way is told by the client's events.
  connect.addEventListener("click", () => client.connect().catch(() => {}));
  shown();

  return rates;
}
