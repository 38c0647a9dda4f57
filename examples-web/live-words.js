// How a stream stands, in words.

import { explain } from "./errors.js";
import { clock } from "./format.js";

const ENDS = {
  stopped: "The broadcaster ended it.",
  "broadcaster-gone": "The broadcaster did not come back.",
  "ended-by-operator": "It was ended from outside.",
  "grant-ended": "The broadcaster may not broadcast it any more.",
  superseded: "It goes on in another window.",
  left: "You stopped it.",
};

/** Why it is over. */
export const whyEnded = (reason) => ENDS[reason] ?? "It is over.";

/** How a watch stands: `{ word, look, note }`. */
export function watching({ state, what, reason, error }, record) {
  switch (state) {
    case "live":
      return { word: "Live", look: "live", note: "" };
    case "reconnecting":
      return {
        word: "Reconnecting",
        look: "cut",
        note: what === "signal" ? "The session is being restored." : "The way of the picture is being restored. What was seen last stays.",
      };
    case "paused":
      return { word: "Paused", look: "cut", note: `The broadcaster is away. ${held(record)}`.trim() };
    case "ended":
      return { word: "Ended", look: "off", note: whyEnded(reason) };
    case "failed":
      return { word: "Failed", look: "bad", note: sentence(error) };
    default:
      if (record?.state === "live") return { word: "Connecting", look: "busy", note: "The picture is on its way." };
      if (record?.state === "paused") return { word: "Paused", look: "cut", note: `The broadcaster is away. ${held(record)}`.trim() };
      return { word: "Waiting", look: "busy", note: "Nobody broadcasts yet. It begins by itself." };
  }
}

/** How a broadcast stands: `{ word, look, note }`; before there is one, and after it, it is a preview. */
export function broadcasting(broadcast, record) {
  if (!broadcast) return { word: "Preview", look: "off", note: "Nobody sees this yet." };
  const { state, what, reason, error } = broadcast;
  switch (state) {
    case "live":
      return { word: "On air", look: "live", note: "" };
    case "reconnecting":
    case "paused": {
      const note = what === "media" ? "The way to the viewers is being restored." : `The session is away; whoever watches sees on. ${held(record)}`;
      return { word: "Reconnecting", look: "cut", note: note.trim() };
    }
    case "ended":
      return { word: "Ended", look: "off", note: whyEnded(reason) };
    case "failed":
      return { word: "Not on air", look: "bad", note: sentence(error) };
    default:
      return { word: "Starting", look: "busy", note: "The server is being told." };
  }
}

function sentence(error) {
  const { what, todo } = explain(error);
  return `${what} ${todo}`.trim();
}

/** For how long the place is kept, where that is known. */
function held(record) {
  const left = (Date.parse(record?.hold_until ?? "") - Date.now()) / 1000;
  return left > 0 ? `The place is kept for ${clock(left)}.` : "";
}

const LEVELS = { high: "High", medium: "Medium", low: "Low" };
const LIMITS = { bandwidth: "the network", cpu: "the computer" };

/** `High`, and `1280 × 720, 30 fps` beside it. */
export function qualityWords(quality) {
  if (!quality) return { level: "–", about: "" };
  const { level, width, height, fps, limited_by: limit } = quality;
  const about = [width && height && `${width} × ${height}`, fps && `${Math.round(fps)} fps`, LIMITS[limit] && `held back by ${LIMITS[limit]}`];
  return { level: LEVELS[level] ?? level, about: about.filter(Boolean).join(", ") };
}

/** The states of the connection to one viewer. */
export const PEER = {
  connecting: { word: "connecting", look: "busy" },
  connected: { word: "sees it", look: "live" },
  reconnecting: { word: "reconnecting", look: "cut" },
  failed: { word: "cannot be reached", look: "bad" },
  closed: { word: "gone", look: "off" },
};
