// A stored file as its room tells it, and what its record means in words. The room's state is the record, so whoever comes late is
// right at once.

import { explain } from "./errors.js";

/** Follows one file. Tells `change` for each change, and when it is gone. */
export class MediaFile extends EventTarget {
  #client;
  #room;
  #record;

  /** `record`: what is known before the room has been joined. */
  constructor(client, id, record) {
    super();
    this.id = id;
    this.#client = client;
    this.#record = record;
    this.#room = client.watchFile(id);
    const changed = () => this.dispatchEvent(new Event("change"));
    for (const type of ["state", "status"]) this.#room.on(type, changed);
  }

  get record() {
    return this.#room.state ?? this.#record;
  }

  /** Why it cannot be followed. */
  get problem() {
    return this.#room.error;
  }

  /** Whether it was removed, or is somebody else's. */
  get gone() {
    return ["file-not-found", "room-not-found"].includes(this.problem?.code);
  }

  cancel() {
    return this.#client.api.files.cancel({ id: this.id });
  }

  process() {
    return this.#client.api.files.process({ id: this.id });
  }

  remove() {
    return this.#client.api.files.remove({ id: this.id });
  }

  leave() {
    this.#room.leave();
  }
}

export const partOf = (record, name) => record.parts?.find((part) => part.name === name);

/** What is known of a film or picture before or after processing: `{ width, height, duration }`. */
export const shapeOf = (record) => partOf(record, "video") ?? partOf(record, "thumbnail") ?? {};

/** `video`, `image`, `audio`, or "" for what a page can only offer to save. */
export function kindOf(record) {
  const kind = record.media?.split("/")[0];
  return ["video", "image", "audio"].includes(kind) ? kind : "";
}

/** What happens to a file, of all that happens to it: what is under way before what is over. */
function jobOf({ processing = [] }) {
  for (const state of ["running", "queued", "failed", "canceled"]) {
    const job = processing.find((candidate) => candidate.state === state);
    if (job) return job;
  }
  return undefined;
}

/**
 * How a file stands, for people: `{ look, word, progress, note, problem, can }`. `progress` is there while it is processed; `can` is
 * what somebody can do about it: "cancel", "again" or nothing.
 */
export function standing(record) {
  if (record.state === "ready") return { look: "live", word: "Ready" };
  const job = jobOf(record);
  switch (job?.state) {
    case "running":
      return { look: "busy", word: "Processing", progress: job.progress, note: stage(job), can: "cancel" };
    case "queued": {
      const word = job.attempt > 0 ? "Trying again soon" : "Waiting";
      return { look: "busy", word, progress: job.progress, note: job.attempt > 0 ? job.reason : "", can: "cancel" };
    }
    case "failed":
      return { look: "bad", word: "Failed", problem: reason(job), can: "again" };
    case "canceled":
      return { look: "off", word: "Canceled", note: "the file itself is stored", can: "again" };
    default:
      return { look: "off", word: "Stored" };
  }
}

function stage({ stage: now = "", attempt }) {
  return [now, attempt > 1 && `attempt ${attempt}`].filter(Boolean).join(" · ");
}

/** What the server says of this very file, and what to do. */
function reason({ code, reason: said }) {
  const { what, todo } = explain({ code, message: said, retryable: false });
  const sentence = said ? said.charAt(0).toUpperCase() + said.slice(1) : what;
  return `${/[.!?]$/.test(sentence) ? sentence : `${sentence}.`} ${todo}`.trim();
}
