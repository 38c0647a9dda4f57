// A few seconds from the camera. What a browser records has no duration in its head, so the server has to find out.

import { hasCameras, openCamera, whyNoCamera } from "./camera.js";
import { h, icon, setText } from "./dom.js";
import { clock } from "./format.js";
import { toast, toastError } from "./toast.js";

/** The longest film, in milliseconds. */
const LONGEST = 10_000;
const FORMATS = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];

/** The button, where the browser can record. `onFilm(file)` gets what was recorded. */
export function recordButton(onFilm) {
  if (!hasCameras() || typeof MediaRecorder === "undefined") return [];
  return h("button", { type: "button", class: "button", "data-testid": "record", onclick: () => record(onFilm) }, icon("camera"), "Record");
}

async function record(onFilm) {
  let camera;
  try {
    camera = await openCamera();
  } catch (error) {
    const reason = whyNoCamera(error);
    if (reason) toast("Nothing can be recorded", { detail: reason, kind: "bad" });
    else toastError("Nothing can be recorded", error);
    return;
  }
  const chunks = [];
  const format = FORMATS.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(camera, format ? { mimeType: format } : {});
  recorder.addEventListener("dataavailable", ({ data }) => data.size > 0 && chunks.push(data));
  const keep = await stage(camera, recorder);
  for (const track of camera.getTracks()) track.stop();
  if (!keep || chunks.length === 0) return;
  const media = recorder.mimeType.split(";")[0];
  const day = new Date().toLocaleString("sv").replaceAll(":", ".").slice(0, 16);
  onFilm(new File(chunks, `Camera ${day}.${media.split("/")[1]}`, { type: media }));
}

/** The dialog with the picture, while it is recorded. Resolves with whether to keep what was. */
function stage(camera, recorder) {
  const time = h("span", { "data-testid": "record-time" }, clock(0));
  const picture = h("video", { class: "record-picture", playsinline: true, "aria-label": "What the camera sees" });
  picture.muted = true;
  picture.srcObject = camera;
  let keep = true;
  const discard = () => {
    keep = false;
    recorder.stop();
  };
  const dialog = h(
    "dialog",
    { class: "dialog record", "aria-labelledby": "record-title", oncancel: (event) => (event.preventDefault(), discard()) },
    h("h2", { id: "record-title" }, "Recording"),
    picture,
    h("p", { class: "record-line", role: "timer" }, h("span", { class: "record-dot" }), time, h("span", { class: "soft" }, `of ${clock(LONGEST / 1000)}`)),
    h(
      "div",
      { class: "dialog-buttons" },
      h("button", { type: "button", class: "button", "data-testid": "record-discard", onclick: discard }, "Discard"),
      h(
        "button",
        { type: "button", class: "button strong", "data-testid": "record-stop", onclick: () => recorder.stop() },
        icon("upload"),
        "Stop and upload",
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  picture.play().catch(() => {});
  return new Promise((resolve) => {
    let ticking;
    recorder.addEventListener("start", () => {
      const began = performance.now();
      ticking = setInterval(() => {
        const now = performance.now() - began;
        setText(time, clock(now / 1000));
        if (now >= LONGEST && recorder.state === "recording") recorder.stop();
      }, 100);
    });
    recorder.addEventListener("stop", () => {
      clearInterval(ticking);
      // Closing gives the focus back to the button.
      dialog.close();
      dialog.remove();
      resolve(keep);
    });
    recorder.start(500);
  });
}
