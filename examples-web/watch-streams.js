// What is on now, to choose from.

import { h, icon, setText, show } from "./dom.js";
import { explain } from "./errors.js";
import { ago, plural } from "./format.js";
import { addressOf } from "./live-place.js";
import { avatar } from "./portal-people.js";

/** How often the server is asked, in milliseconds. */
const EVERY = 3_000;
const ON = ["live", "paused"];

export function mountStreams(place, client) {
  const list = h("ul", { class: "stream-cards", "data-testid": "streams" });
  const empty = h(
    "div",
    { class: "empty streams-empty", "data-testid": "streams-empty", hidden: true },
    icon("broadcast"),
    h("strong", {}, "Nobody is on air"),
    h("p", {}, "Open the broadcast page in another window, and come back."),
    h("a", { class: "button strong", href: "/broadcast.html" }, "Broadcast something"),
  );
  const problem = h("p", { class: "problem", role: "alert" });
  place.append(list, empty, problem);
  place.hidden = false;
  const cards = new Map();
  const ask = async () => {
    try {
      const { streams } = await client.live.list();
      draw(streams.filter(({ state }) => ON.includes(state)));
      setText(problem, "");
    } catch (error) {
      const { what, todo } = explain(error);
      setText(problem, `${what} ${todo}`);
    }
  };
  const draw = (streams) => {
    for (const [id, card] of cards) {
      if (streams.some(({ stream_id: other }) => other === id)) continue;
      card.element.remove();
      cards.delete(id);
    }
    for (const record of streams) {
      if (!cards.has(record.stream_id)) cards.set(record.stream_id, streamCard(record));
      const card = cards.get(record.stream_id);
      card.draw(record);
      if (!card.element.isConnected) list.append(card.element);
    }
    show(empty, streams.length === 0);
  };
  setInterval(() => document.hidden || ask(), EVERY);
  return ask();
}

function streamCard({ stream_id: stream, broadcaster, started_at: started }) {
  const title = h("strong", {});
  const word = h("span", {});
  const pill = h("span", { class: "pill" }, h("span", { class: "dot" }), word);
  const about = h("span", { class: "soft" });
  const element = h(
    "li",
    { class: "card stream-card", "data-testid": "stream", "data-stream": stream },
    h("a", { href: addressOf("watch", { stream }) }, avatar(broadcaster ?? stream), h("span", { class: "stream-words" }, title, about), pill),
  );
  return {
    element,
    draw(record) {
      setText(title, record.title ?? stream);
      setText(word, record.state === "live" ? "Live" : "Paused");
      pill.dataset.look = record.state === "live" ? "live" : "cut";
      setText(about, [broadcaster ?? "somebody", plural(record.viewer_count, "viewer"), started && ago(Date.parse(started))].filter(Boolean).join(" · "));
    },
  };
}
