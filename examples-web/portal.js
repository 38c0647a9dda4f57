// The portal page: one window of it is a controller or a viewer; split, it shows three windows at once.

import { Controls } from "./portal-controls.js";
import { mountLink } from "./portal-link.js";
import { mountLog } from "./portal-log.js";
import { mountPeople } from "./portal-people.js";
import { addressOf, here } from "./portal-place.js";
import { Library } from "./portal-rest.js";
import { PortalRoom } from "./portal-room.js";
import { mountSplit, mountWindows } from "./portal-split.js";
import { Stage } from "./portal-stage.js";
import { mountState } from "./portal-state.js";
import { mountShell, openClient, token } from "./shell.js";
import { toastError } from "./toast.js";

const part = (id) => document.getElementById(id);

if (here.embedded) document.body.dataset.embedded = "";
else mountShell({ connected: !here.split });

const client = await openClient({ name: here.name, lazy: here.split });
const library = new Library(token());
try {
  const view = here.view ?? (await library.view());
  // A reload, and whoever is given the address, comes to the same view.
  if (!here.view) history.replaceState(null, "", addressOf({ ...here, view }));
  if (here.split) await mountSplit(part("split"), library, view);
  else await mountWindow(view);
  // Somebody who came by a viewer's address is no owner, and invites nobody.
  if (!here.embedded && !here.name) await mountWindows(part("windows"), library, view);
} catch (error) {
  toastError("The portal could not be opened", error, here.view && { label: "Open your own", run: () => location.assign("/portal.html") });
}

/** Resolves when the room is joined. */
function mountWindow(view) {
  // For whoever opens the console: `portal.room.patch({ showHealth: true }, { name: "portal-view-update" })`.
  const portal = new PortalRoom(client, view);
  Object.assign(window, { samewire: client, portal });
  part("portal").hidden = false;
  mountLink(part("link"), client, portal);
  new Stage(part("stage"), portal);
  new Controls(part("controls"), portal);
  mountPeople(part("people"), portal);
  mountState(part("state"), portal);
  mountLog(part("log"), portal);
  return portal.room.ready;
}
