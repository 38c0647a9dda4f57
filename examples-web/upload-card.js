// How one upload looks: what it is, how far it is, what it is doing, and what can be done about it.

import { h, icon, mediaIcon, setText, show } from "./dom.js";
import { explain, isUnreadable } from "./errors.js";
import { bytes, duration, percent, plural, rate, shortDigest, timeLeft } from "./format.js";
import { announce } from "./toast.js";

const STATES = {
  remembered: "Not finished",
  queued: "Waiting for its turn",
  waiting: "Waiting for the connection",
  uploading: "Uploading",
  paused: "Paused",
  verifying: "Verifying",
  storing: "Storing",
  stored: "Stored",
  failed: "Failed",
  canceled: "Canceled",
};

/** A card that follows `job`. `onDismiss(job)` is called when somebody is done with it. */
export function uploadCard(job, { onDismiss }) {
  const { name } = job.file;
  const button = (id, label, iconName, run) =>
    h(
      "button",
      { type: "button", class: "button small", "data-testid": id, "aria-label": `${label} ${name}`, onclick: run },
      icon(iconName),
      label,
    );
  const pause = button("pause", "Pause", "pause", () => job.pause());
  const resume = button("resume", "Resume", "play", () => job.resume());
  const cancel = button("cancel", "Cancel", "close", () => job.cancel());
  const retry = button("retry", "Try again", "retry", () => job.retry());
  const goOn = button("go-on", "Go on", "play", () => job.goOn());
  // For a file that the browser can no longer read, or that a page before this one had.
  const input = h("input", {
    type: "file",
    class: "unseen",
    "data-testid": "choose-again-input",
    "aria-label": `${name}, chosen again`,
    tabindex: -1,
    onchange: () => {
      const [file] = input.files;
      input.value = "";
      if (file) job.state === "remembered" ? job.goOn(file) : job.retry(file);
    },
  });
  const again = button("choose-again", "Choose again", "file", () => input.click());
  const dismiss = h(
    "button",
    {
      type: "button",
      class: "icon-button",
      "data-testid": "dismiss",
      "aria-label": `Dismiss ${name}`,
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
      "aria-label": `Upload of ${name}`,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
    },
    h("div", { class: "bar-sent" }),
    h("div", { class: "bar-durable" }),
  );
  const title = h("strong", {});
  const size = h("span", { class: "soft", "data-testid": "upload-size" });
  const card = h(
    "li",
    { class: "card upload", "data-testid": "upload-card", tabindex: -1 },
    mediaIcon(job.file.type),
    h("div", { class: "upload-name" }, title, size),
    h("div", { class: "upload-buttons" }, pause, resume, goOn, retry, again, input, cancel),
    dismiss,
    bar,
    h("p", { class: "upload-line" }, state, share, detail),
    todo,
  );

  let announced = "";
  const draw = () => {
    const now = job.state;
    const { file } = job;
    const { sent, durable, total } = job.progress;
    card.dataset.name = file.name;
    title.title = file.name;
    setText(title, file.name);
    setText(size, bytes(file.size));
    const done = now === "stored" ? 100 : total === 0 ? 0 : percent(durable, total);
    card.dataset.state = now;
    bar.style.setProperty("--durable", `${total ? (durable / total) * 100 : 100}%`);
    bar.style.setProperty("--sent", `${total ? (Math.max(sent, durable) / total) * 100 : 100}%`);
    bar.setAttribute("aria-valuenow", done);
    bar.setAttribute("aria-valuetext", `${done} percent, ${STATES[now]}`);
    show(bar, !job.over);
    setText(state, STATES[now]);
    setText(share, job.over || now === "queued" || now === "remembered" ? "" : `${done} %`);
    setParts(detail, describe(job, now));

    const pausable = now === "uploading" || now === "waiting";
    show(resume, now === "paused", pausable ? pause : card);
    show(pause, pausable, now === "paused" ? resume : card);
    const waits = now === "remembered";
    const unreadable = now === "failed" && isUnreadable(job.error);
    show(goOn, waits && job.hasHandle, card);
    show(retry, now === "canceled" || (now === "failed" && !unreadable), card);
    show(again, unreadable || (waits && !(job.hasHandle && job.error === null)), card);
    show(cancel, !job.over && !waits, card);
    show(dismiss, job.over || waits, card);
    show(todo, now === "failed" || (waits && job.error !== null));
    if (!todo.hidden) {
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

/** What is said beside the state, in parts that are not broken over lines. */
function describe(job, state) {
  const { durable, total, rate: speed, timeLeft: left } = job.progress;
  switch (state) {
    case "uploading":
      return [`${bytes(durable)} safe`, speed > 0 && rate(speed), speed > 0 && timeLeft(left)];
    case "waiting":
      return [durable > 0 ? `goes on at ${bytes(durable)}` : "starts as soon as the session stands"];
    case "remembered":
      // It is written down now and then; the server knows better.
      return [durable > 0 && `${bytes(durable)} of ${bytes(total)} safe`, !job.hasHandle && "choose the same file to go on"];
    case "paused":
      return [`${bytes(durable)} of ${bytes(total)} safe on the server`];
    case "verifying":
      return ["all bytes are there; comparing digests"];
    case "storing":
      return ["files/upload, over the session"];
    case "stored":
      return [`in ${duration(job.took)}`, job.cuts > 0 && `through ${plural(job.cuts, "cut")}`, shortDigest(job.record?.digest)];
    case "canceled":
      return ["nothing was stored"];
    default:
      return [];
  }
}

function setParts(element, parts) {
  const said = parts.filter(Boolean);
  if (element.textContent === said.join(" · ")) return;
  element.replaceChildren(...said.flatMap((part, at) => [at > 0 && " · ", h("span", {}, part)]).filter(Boolean));
}

/** What a screen reader is told: changes of state, and every quarter of the way. */
function spoken(job, state, done) {
  const { name } = job.file;
  switch (state) {
    case "uploading":
      return done >= 25 ? `${name}: ${Math.floor(done / 25) * 25} percent` : "";
    case "paused":
    case "stored":
    case "canceled":
      return `${name}: ${STATES[state]}`;
    case "failed":
      return `${name} failed. ${explain(job.error).what}`;
    default:
      return "";
  }
}
