// What the pages of the signalling format need besides what was written down for them: an address, a stream, a picture, and eyes.

import { Eye, painted } from "/eye.js";

const asked = new URLSearchParams(location.search);

/** Where the server is. This is all that changed. */
export const url = `${location.origin.replace("http", "ws")}/ws${asked.has("token") ? `?token=${asked.get("token")}` : ""}`;
export const orderId = asked.get("stream");

// A camera that shows one colour, where the browser's own is not wanted.
if (asked.has("colour")) navigator.mediaDevices.getUserMedia = async () => painted(asked.get("colour"));

export const videoElement = document.querySelector("video");

/** What the page was told, in order; and what it sees. */
export const heard = [];
Object.assign(window, { heard, eye: new Eye(videoElement) });

export function note(message) {
  heard.push(message);
  const line = Object.assign(document.createElement("li"), { textContent: `${message.type} ${message.viewerId ?? message.reason ?? message.code ?? ""}` });
  const list = document.querySelector("ol");
  // Candidates are many.
  if (message.type !== "webrtc-ice-candidate") list.append(line);
  while (list.children.length > 6) list.firstChild.remove();
}
