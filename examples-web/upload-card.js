// How one upload looks: what it is, how far it is, what it is doing, and what can be done about it.

import { h, icon, mediaIcon, setText, show } from "./dom.js";
import { explain } from "./errors.js";
import { bytes, duration, percent, plural, rate, shortDigest, timeLeft } from "./format.js";
import { announce } from "./toast.js";

const STATES = {
  queued: "Waiting for its turn",
  waiting: "Waiting for the connection",
  uploading: "Uploading",
  paused: "Paused",
  verifying: "Verifying",
  storing: "Storing",
  stored: "Stored",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** A card that follows `job`. `onRetry` and `onDismiss` are asked for from its buttons. */
export function uploadCard(job, { onRetry, onDismiss }) {
  const { file } = job;
  const button = (id, label, iconName, run) =>
    h(
      "button",
      { type: "button", class: "button small", "data-testid": id, "aria-label": `${label} ${file.name}`, onclick: run },
      icon(iconName),
      label,
    );
  const pause = button("pause", "Pause", "pause", () => job.pause());
  const resume = button("resume", "Resume", "play", () => job.resume());
  const cancel = button("cancel", "Cancel", "close", () => job.cancel());
  const retry = button("retry", "Try again", "retry", () => onRetry(job));
  const dismiss = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "data-testid": "dismiss",
      "aria-label": `Dismiss ${file.name}`,
      title: "Dismiss",
      onclick: () => onDismiss(job),
    },
    icon("close"),
  );

  const state = h("span", { class: "state", "data-testid": "upload-state" });
  const share = h("span", { class: "share", "data-testid": "upload-percent" });
  const detail = h("span", { class: "detail", "data-testid": "upload-detail" });
  const todo = h("p", { class: "problem", "data-testid": "upload-problem", hidden: true });
  const bar = h(
    "div",
    {
      class: "bar",
      role: "progressbar",
      "data-testid": "progress",
      "aria-label": `Upload of ${file.name}`,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    },
    h("div", { class: "bar-sent" }),
    h("div", { class: "bar-durable" }),
  );
  const card = h(
    "li",
    { class: "card upload", "data-testid": "upload-card", "data-name": file.name, tabindex: -1 },
    mediaIcon(file.type),
    h(
      "div",
      { class: "upload-name" },
      h("strong", { title: file.name }, file.name),
      h("span", { class: "soft", "data-testid": "upload-size" }, bytes(file.size)),
    ),
    h("div", { class: "upload-buttons" }, pause, resume, retry, cancel),
    dismiss,
    bar,
    h("p", { class: "upload-line" }, state, share, detail),
    todo,
  );

  let announced = "";
  const draw = () => {
    const now = job.state;
    const { sent, durable, total } = job.progress;
    const done = now === "stored" ? 100 : total === 0 ? 0 : percent(durable, total);
    card.dataset.state = now;
    bar.style.setProperty("--durable", `${total ? (durable / total) * 100 : 100}%`);
    bar.style.setProperty("--sent", `${total ? (Math.max(sent, durable) / total) * 100 : 100}%`);
    bar.setAttribute("aria-valuenow", done);
    bar.setAttribute("aria-valuetext", `${done} percent, ${STATES[now]}`);
    show(bar, !job.over);
    setText(state, STATES[now]);
    setText(share, job.over || now === "queued" ? "" : `${done} %`);
    setText(detail, describe(job, now));

    const pausable = now === "uploading" || now === "waiting";
    show(resume, now === "paused", pausable ? pause : card);
    show(pause, pausable, now === "paused" ? resume : card);
    show(retry, now === "failed" || now === "cancelled", card);
    show(cancel, !job.over, card);
    show(dismiss, job.over, card);
    show(todo, now === "failed");
    if (now === "failed") {
      const { what, todo: advice } = explain(job.error);
      setText(todo, `${what} ${advice}`);
    }
    const news = spoken(job, now, done);
    if (news && news !== announced) announce(news);
    announced = news || announced;
  };
  // Progress comes many times a second; the screen wants it once a frame, and a hidden page not at all.
  let asked = false;
  job.addEventListener("change", () => {
    if (asked) return;
    asked = true;
    const run = () => {
      asked = false;
      draw();
    };
    if (document.hidden) setTimeout(run, 500);
    else requestAnimationFrame(run);
  });
  draw();
  return card;
}

function describe(job, state) {
  const { durable, total, rate: speed, timeLeft: left } = job.progress;
  switch (state) {
    case "uploading":
      return [`${bytes(durable)} safe on the server`, speed > 0 && rate(speed), speed > 0 && timeLeft(left)]
        .filter(Boolean)
        .join(" · ");
    case "waiting":
      return durable > 0 ? `goes on at ${bytes(durable)}` : "starts as soon as the session stands";
    case "paused":
      return `${bytes(durable)} of ${bytes(total)} safe on the server`;
    case "verifying":
      return "all bytes are there; comparing digests";
    case "storing":
      return "files/upload, over the session that carried the bytes";
    case "stored":
      return [`in ${duration(job.took)}`, job.cuts > 0 && `through ${plural(job.cuts, "cut")}`, shortDigest(job.record?.digest)]
        .filter(Boolean)
        .join(" · ");
    case "cancelled":
      return "nothing was stored";
    default:
      return "";
  }
}

/** What a screen reader is told: changes of state, and every quarter of the way. */
function spoken(job, state, done) {
  const { name } = job.file;
  switch (state) {
    case "uploading":
      return done >= 25 ? `${name}: ${Math.floor(done / 25) * 25} percent` : "";
    case "paused":
    case "stored":
    case "cancelled":
      return `${name}: ${STATES[state]}`;
    case "failed":
      return `${name} failed. ${explain(job.error).what}`;
    default:
      return "";
  }
}
