// The page with Uppy: it uploads by tus, under the same name as the page's session, which then names what came that way.

import { mountDoors } from "./doors.js";
import { Links } from "./media-links.js";
import { MediaList } from "./media-list.js";
import { Panel } from "./panel.js";
import { mountShell, openClient, token } from "./shell.js";
import { toastError } from "./toast.js";
import { Dashboard, Tus, Uppy } from "./uppy-package.js";

const part = (id) => document.getElementById(id);

mountShell();
const panel = new Panel(part("panel"), "Uppy’s bytes go over HTTP. The call that then names their stream goes over the session, as on the other pages.");
const client = await openClient();
panel.follow(client);
mountDoors(part("doors"));
const files = new MediaList(part("files"), client, new Links(client));
files.load();

const uppy = new Uppy();
uppy.use(Dashboard, { target: "#uppy", inline: true, width: "100%", height: 400, theme: "auto" });
uppy.use(Tus, {
  // With its origin: Uppy takes an address that an answer gives as relative to this one.
  endpoint: `${location.origin}/tus/`,
  onBeforeRequest: (request) => request.setHeader("authorization", `Bearer ${token()}`),
});
uppy.on("upload-success", async ({ name }, { uploadURL }) => {
  // The address ends with the stream's id, which a call may name as if the session itself had carried it.
  const streamId = uploadURL.split("/").pop();
  try {
    files.add(await client.api.files.upload({ streamId }));
  } catch (error) {
    toastError(`${name} was sent, but is not stored`, error);
  }
});
Object.assign(window, { samewire: client, uppy });
