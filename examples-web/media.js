// The media page: wires its parts together. Which file is shown is in the address, so that a second window shows the same one.

import { dropZone } from "./drop-zone.js";
import { h, icon } from "./dom.js";
import { Links } from "./media-links.js";
import { MediaList } from "./media-list.js";
import { recordButton } from "./media-record.js";
import { MediaStage } from "./media-stage.js";
import { mountShell, openClient } from "./shell.js";
import { UploadQueue } from "./upload-queue.js";

const part = (id) => document.getElementById(id);
const shown = () => location.hash.slice(1);

mountShell();

let files;
const queue = new UploadQueue(part("uploads"), {
  keepsStored: false,
  onStored: (record) => {
    files.add(record);
    location.hash = record.id;
  },
});
const add = (chosen) => queue.add(chosen);
dropZone(part("drop"), add, {
  hint: "Videos and pictures are processed; anything else is stored as it is.",
  buttons: recordButton((film) => add([{ file: film, lasting: false }])),
});

window.addEventListener("beforeunload", (event) => {
  if (queue.busy) event.preventDefault();
});

const client = await openClient();
// For whoever opens the console: `samewire.watchFile("fi_…").state`.
window.samewire = client;
queue.use(client);

const links = new Links(client);
const stage = new MediaStage(part("stage"), client, links, {
  onRemoved: (id) => {
    files.remove(id);
    history.replaceState(null, "", location.pathname);
    show();
  },
});
files = new MediaList(part("files"), client, links);

const cut = h("button", { type: "button", class: "button cut", "data-testid": "cut", disabled: true }, icon("cut"), "Cut my connection");
const second = h("a", { class: "button", "data-testid": "second-window", target: "_blank" }, icon("window"), "Second window");
part("windows").append(second, cut);
cut.addEventListener("click", () => client.simulateCut());
const linked = () => (cut.disabled = client.state !== "live");
client.on("state", linked);
linked();

function show() {
  const id = shown();
  stage.show(id);
  files.mark(id);
  second.href = `${location.pathname}${location.hash}`;
}
window.addEventListener("hashchange", show);
show();

const newest = await files.load();
// Somebody who has files and asked for none sees the newest, unless one has been chosen meanwhile.
if (newest && !shown()) {
  history.replaceState(null, "", `#${newest.id}`);
  show();
}
