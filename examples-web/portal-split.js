// More windows: another viewer in a tab of its own, and a page with a controller and two viewers side by side.

import { h, icon } from "./dom.js";
import { friendlyName } from "./identity.js";
import { addressOf, here } from "./portal-place.js";
import { toastError } from "./toast.js";

/** The address of a window for somebody new, who may see the view. */
async function viewerAddress(library, view, embedded) {
  const name = friendlyName();
  await library.invite(view, name);
  return addressOf({ view, name, embedded });
}

/** The buttons in the title of the page. */
export async function mountWindows(place, library, view) {
  const viewer = h("a", { class: "button", target: "_blank", "data-testid": "open-viewer" }, icon("window"), "Open another viewer");
  // Each viewer is somebody else; the next one is invited when the last one is on the way.
  const next = async () => (viewer.href = await viewerAddress(library, view));
  viewer.addEventListener("click", () => setTimeout(() => next().catch((error) => toastError("Nobody could be invited", error))));
  await next();
  const [href, label, image, name] = here.split
    ? [addressOf({ view }), "One window", "window", "one-window"]
    : [addressOf({ view, split: true }), "Controller and two viewers", "split", "split"];
  place.append(viewer, h("a", { class: "button wide-only", href, "data-testid": name }, icon(image), label));
}

/** Three windows in one page: each has its own client, its own session and its own fate. */
export async function mountSplit(place, library, view) {
  const panes = [
    ["The controller", addressOf({ view, embedded: true })],
    ["A viewer", await viewerAddress(library, view, true)],
    ["Another viewer", await viewerAddress(library, view, true)],
  ];
  place.append(
    ...panes.map(([title, src], at) =>
      h("section", { class: at === 0 ? "pane pane-main" : "pane" }, h("iframe", { src, title, "data-testid": "pane" })),
    ),
  );
  place.hidden = false;
}
