// The watch page: what is on, one stream of it, or two viewers of it side by side.

import { mountDiagnosis } from "./live-diagnosis.js";
import { mountFacts } from "./live-facts.js";
import { mountLink } from "./live-link.js";
import { mountLog } from "./live-log.js";
import { here } from "./live-place.js";
import { Plots } from "./live-plots.js";
import { mountSplit, mountWindows } from "./live-windows.js";
import { mountShell, openClient } from "./shell.js";
import { toastError } from "./toast.js";
import { mountStreams } from "./watch-streams.js";
import { WatchWindow } from "./watch-window.js";

const part = (id) => document.getElementById(id);

if (here.embedded) document.body.dataset.embedded = "";
else mountShell({ connected: !here.split });

const client = await openClient({ name: here.name, lazy: here.split || !here.stream });
if (here.stream && !here.embedded) mountWindows(part("windows"), here.stream);
if (!here.stream) mountStreams(part("streams"), client);
else if (here.split) mountSplit(part("split"), here.stream);
else mountWindow(here.stream);

function mountWindow(stream) {
  part("live").hidden = false;
  const observer = client.live.observe(stream);
  observer.ready.catch((error) => toastError("The stream cannot be followed", error));
  const facts = mountFacts(part("facts"), { own: true });
  const note = mountLog(part("log"), observer);
  const link = mountLink(part("link"), client, { picture: "Picture", note });
  const plots = new Plots(part("plots"), client, "The picture went on.");
  let frames;
  const draw = () => {
    facts.record(observer.record);
    link.picture(way(window.live?.watch, frames));
  };
  const view = new WatchWindow(part("stage"), client, stream, observer, {
    // Two windows side by side would be an echo.
    quiet: here.embedded,
    onChange: draw,
    onStats: (stats) => {
      frames = stats.fps;
      plots.push(stats);
      facts.stats(stats);
      draw();
    },
  });
  mountDiagnosis(part("diagnosis"), () => view.watch?.diagnose() ?? client.live.diagnose({ stream }));
  observer.on("record", () => view.draw());
  // For whoever opens the console: `live.watch.stats`.
  window.samewire = client;
  window.live = { observer, view, get watch() { return view.watch; } };
  view.draw();
}

/** How the picture comes. */
function way(watch, frames = 0) {
  if (!watch?.mediaStream) return { word: "None yet", look: "off" };
  if (watch.state === "reconnecting" && watch.what === "media") return { word: "Lost, being restored", look: "cut" };
  if (watch.state === "ended" || watch.state === "failed") return { word: "Over", look: "off" };
  return frames >= 1 ? { word: `${Math.round(frames)} fps`, look: "live" } : { word: "Standing still", look: "cut" };
}
