// The broadcast page: a preview, the desk, and whoever watches. What is shown goes to each of them from this browser.

import { Desk } from "./broadcast-desk.js";
import { Source } from "./broadcast-source.js";
import { Viewers } from "./broadcast-viewers.js";
import { friendlyName } from "./identity.js";
import { mountDiagnosis } from "./live-diagnosis.js";
import { mountFacts } from "./live-facts.js";
import { mountLink } from "./live-link.js";
import { mountLog } from "./live-log.js";
import { addressOf, here, streamOf } from "./live-place.js";
import { Plots } from "./live-plots.js";
import { LiveStage } from "./live-stage.js";
import { broadcasting, whyEnded } from "./live-words.js";
import { mountWindows } from "./live-windows.js";
import { mountShell, openClient, userName } from "./shell.js";
import { toast, toastError } from "./toast.js";

/** Which stream this tab had on air, so that it goes on after a reload. */
const ON_AIR = "samewire.onair";

const part = (id) => document.getElementById(id);

mountShell();
// Anybody may watch here; who broadcasts needs a grant, in development as elsewhere.
const client = await openClient({ name: here.name, grants: { live: [{ name: here.stream ?? "*", role: "broadcaster" }] } });
const stream = here.stream ?? streamOf(userName() ?? friendlyName());
// A reload, and whoever is given the address, comes to the same stream.
if (!here.stream) history.replaceState(null, "", addressOf("broadcast", { ...here, stream }));
mountWindows(part("windows"), stream);
part("live").hidden = false;

/** What is on air; undefined where nothing is. */
let broadcast;
const observer = client.live.observe(stream);
observer.ready.catch((error) => toastError("The stream cannot be followed", error));
const source = new Source(stream);
const stage = new LiveStage(part("stage"), "What is shown");
stage.video.muted = true;
const facts = mountFacts(part("facts"));
const note = mountLog(part("log"), observer);
const link = mountLink(part("link"), client, { picture: "To viewers", note });
const plots = new Plots(part("plots"), client, "Viewers kept watching.");
const viewers = new Viewers(part("viewers"));
mountDiagnosis(part("diagnosis"), () => broadcast?.diagnose() ?? client.live.diagnose());
const desk = new Desk(part("desk"), source, { onStart: start, onStop: stop });

// For whoever opens the console: `live.broadcast.viewers`.
window.samewire = client;
window.live = { observer, source, get broadcast() { return broadcast; } };

async function start({ takeover = false } = {}) {
  source.heard();
  const begun = client.live.broadcast(stream, source.stream, { title: desk.title || undefined, takeover, contentHint: "motion" });
  broadcast = begun;
  begun.mute(source.muted);
  begun.on("state", () => changed(begun));
  begun.on("viewers", () => begun === broadcast && viewers.draw(begun.viewers));
  begun.on("stats", (stats) => measured(begun, stats));
  changed(begun);
  await begun.ready.then(
    () => remember(true),
    // Told by its state.
    () => {},
  );
}

async function stop() {
  const ended = broadcast;
  remember(false);
  await ended?.stop().catch((error) => toastError("The server could not be told", error));
}

function changed(begun) {
  if (begun !== broadcast) return;
  const { state, reason, error } = begun;
  if (state === "ended" || state === "failed") {
    broadcast = undefined;
    remember(false);
    // The tracks were the broadcast's until now.
    source.mute({});
    const takeOver = { label: "Take it over", run: () => start({ takeover: true }) };
    if (state === "failed") toastError("This is not on air", error, error?.code === "live-taken" ? takeOver : undefined);
    else if (reason !== "left" && reason !== "stopped") toast("The broadcast is over", { detail: whyEnded(reason), kind: "bad" });
  }
  draw();
}

function measured(begun, stats) {
  if (begun !== broadcast) return;
  plots.push(stats);
  viewers.draw(begun.viewers);
  viewers.sample();
  draw();
}

function draw() {
  const { record } = observer;
  const onAir = broadcast !== undefined;
  const stands = broadcasting(broadcast, record);
  const elsewhere = !onAir && record?.state === "live" ? { ...stands, note: `${record.broadcaster ?? "Somebody"} has this stream on air.` } : stands;
  document.body.dataset.live = onAir ? broadcast.state : "preview";
  stage.stands(elsewhere);
  stage.record(onAir || record?.state === "live" ? record : undefined);
  facts.record(record);
  desk.draw(onAir);
  viewers.draw(broadcast?.viewers);
  const connected = broadcast?.stats?.connected ?? 0;
  link.picture(!onAir ? { word: "Not on air", look: "off" } : connected > 0 ? { word: `Sent to ${connected}`, look: "live" } : { word: "Nobody watches", look: "off" });
}

function remember(onAir) {
  try {
    if (onAir) sessionStorage.setItem(ON_AIR, stream);
    else sessionStorage.removeItem(ON_AIR);
  } catch {
    // Then a reload ends it.
  }
}

function wasOnAir() {
  try {
    return sessionStorage.getItem(ON_AIR) === stream;
  } catch {
    return false;
  }
}

async function shown() {
  if (stage.video.srcObject !== source.stream) stage.video.srcObject = source.stream;
  stage.video.play().catch(() => {});
  if (!broadcast) return;
  broadcast.mute(source.muted);
  await broadcast.replaceTrack(source.stream).catch((error) => toastError("The picture could not be changed", error));
}
source.on("change", shown);
shown();

observer.on("record", draw);
client.on("state", () => queueMicrotask(draw));
setInterval(draw, 1000);
draw();

await observer.ready.catch(() => {});
// This tab was on air when it was loaded anew, and its place is still held.
if (wasOnAir() && ["live", "paused"].includes(observer.record?.state)) {
  desk.title = observer.record.title ?? "";
  await start();
}
