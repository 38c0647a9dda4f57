// The upload page: wires its parts together.

import { dropZone } from "./drop-zone.js";
import { FileList } from "./files.js";
import { Panel } from "./panel.js";
import { mountShell, openClient } from "./shell.js";
import { UploadQueue } from "./upload-queue.js";
import { mountWire } from "./wire.js";

const part = (id) => document.getElementById(id);

mountShell();

let graph;
let files;
const panel = new Panel(part("panel"));
const queue = new UploadQueue(part("uploads"), {
  onBytes: (count) => graph.up(count),
  onStored: () => files.load(),
});
dropZone(part("drop"), (chosen) => queue.add(chosen));

// The browser asks in its own words; it only wants to know whether there is a reason to.
window.addEventListener("beforeunload", (event) => {
  if (queue.busy || files?.busy) event.preventDefault();
});

const client = await openClient();
// For whoever opens the console: `samewire.call("system/echo", { hello: "world" })`.
window.samewire = client;
panel.follow(client);
graph = mountWire(part("wire"), client);
files = new FileList(part("files"), client, { onBytes: (count) => graph.down(count) });
queue.use(client);
