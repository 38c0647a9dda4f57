// More windows: a viewer in a tab of its own, and two of them side by side.

import { h, icon } from "./dom.js";
import { friendlyName } from "./identity.js";
import { addressOf, here } from "./live-place.js";

/** A viewer's address: each is somebody else. */
const viewerAddress = (stream, embedded) => addressOf("watch", { stream, name: friendlyName(), embedded });

/** The buttons in the title of a page that shows `stream`. */
export function mountWindows(place, stream) {
  const viewer = h("a", { class: "button", target: "_blank", href: viewerAddress(stream), "data-testid": "open-viewer" }, icon("window"), "Open a viewer");
  viewer.addEventListener("click", () => setTimeout(() => (viewer.href = viewerAddress(stream))));
  const [href, label, image, name] = here.split
    ? [addressOf("watch", { stream }), "One viewer", "window", "one-window"]
    : [addressOf("watch", { stream, split: true }), "Two side by side", "split", "split"];
  place.append(viewer, h("a", { class: "button wide-only", href, "data-testid": name }, icon(image), label));
}

/** Two viewers in one page: each has its own client, its own session and its own picture. */
export function mountSplit(place, stream) {
  const panes = ["A viewer", "Another viewer"].map((title) => h("iframe", { src: viewerAddress(stream, true), title, "data-testid": "pane" }));
  place.append(...panes.map((pane) => h("section", { class: "pane" }, pane)));
  place.hidden = false;
}
