// How this window stands in the room: joined or away, what the last return brought back, and the button that cuts it off.

import { h, icon, setText, show } from "./dom.js";
import { duration, plural } from "./format.js";
import { avatar } from "./portal-people.js";
import { announce } from "./toast.js";

const STATUS = {
  joining: { word: "Joining", look: "busy" },
  joined: { word: "In the room", look: "live" },
  away: { word: "Cut off", look: "cut" },
  left: { word: "Not in the room", look: "off" },
};

export function mountLink(place, client, portal) {
  const { room } = portal;
  const word = h("span", { "data-testid": "room-status" });
  const pill = h("span", { class: "pill" }, h("span", { class: "dot" }), word);
  const who = h("span", { class: "link-who" });
  const role = h("span", { class: "role", "data-testid": "role" });
  const offset = h("b", { "data-testid": "offset" }, "0");
  const recovery = h("span", { class: "link-recovery", "data-testid": "recovery" });
  const cutWhom = h("span", { class: "link-whom" }, "this viewer ");
  const cut = h("button", { type: "button", class: "button cut", "data-testid": "cut-off" }, icon("cut"), h("span", {}, "Cut ", cutWhom, "off"));
  const back = h("button", { type: "button", class: "button strong", "data-testid": "bring-back", hidden: true }, icon("refresh"), "Bring back");

  place.append(
    who,
    h("p", { class: "link-facts" }, pill, role, h("span", {}, "event ", offset), recovery),
    h("div", { class: "link-buttons" }, cut, back),
  );

  let awayAt;
  const draw = () => {
    const { word: text, look } = STATUS[room.status];
    setText(word, text);
    pill.dataset.look = look;
    document.body.dataset.room = room.status;
    setText(role, room.role ?? "");
    role.dataset.role = room.role ?? "";
    setText(offset, String(room.offset));
    const away = room.status === "away";
    cut.disabled = room.status !== "joined";
    show(cut, !away, back);
    show(back, away, cut);
    show(cutWhom, room.role === "viewer");
    if (client.identity && !who.firstChild) who.append(avatar(client.identity), h("strong", {}, client.identity));
  };
  const told = ({ recovered, lost }) => {
    const took = awayAt === undefined ? "" : ` after ${duration((performance.now() - awayAt) / 1000)}`;
    recovery.dataset.recovered = String(recovered);
    const missed = lost === null ? "some events missed" : `${plural(lost, "event")} missed`;
    setText(recovery, recovered ? `recovered${took}, nothing lost` : `not recovered${took}: ${missed}`);
    announce(recovery.textContent);
  };

  room.on("status", (status) => {
    if (status === "away") {
      awayAt = performance.now();
      setText(recovery, "");
      announce("Cut off from the room.");
    }
    draw();
  });
  room.on("event", draw);
  room.on("recovery", (recovery) => (told(recovery), draw()));
  client.on("state", () => queueMicrotask(draw));
  cut.addEventListener("click", () => client.simulateCut({ stay: true }));
  back.addEventListener("click", () => client.connect().catch(() => {}));
  draw();
}
