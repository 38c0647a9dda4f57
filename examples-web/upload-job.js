// One file on its way up: its uploader, the call that turns the finished stream into a stored file, and every state in between. One that
// a page before this one began waits until somebody says that it is to go on.

import { isCancel } from "./errors.js";

/** States that end an upload; only "failed" and "canceled" may begin again. */
const OVER = new Set(["stored", "failed", "canceled"]);

export class UploadJob extends EventTarget {
  file;
  record = null;
  error = null;
  /** How often the connection went away while this upload ran. */
  cuts = 0;
  /** How long it took, in seconds, from its start to the stored file. */
  took = 0;

  /** Whether a later page can go on with it. */
  lasting;

  #stage = "queued";
  #paused = false;
  #live = false;
  #client = null;
  #handle;
  #remembered;
  #uploader = null;
  /** Whether the server has all of it, so that only the call is missing. */
  #whole = false;
  #call = null;
  #began = 0;
  #counted = 0;
  #onBytes;
  /** Numbers the attempts, so that the end of an abandoned one is not taken for the end of its successor. */
  #attempt = 0;

  /**
   * `chosen`: `{ file, handle, lasting }`, or `{ remembered }` for an upload that this browser remembers. `onBytes(count)` hears of bytes
   * as they become durable.
   */
  constructor({ file, handle, lasting = true, remembered }, onBytes) {
    super();
    this.file = file ?? { name: remembered.name, size: remembered.size, type: remembered.media };
    this.lasting = lasting;
    this.#handle = handle;
    this.#remembered = remembered;
    if (remembered) this.#stage = "remembered";
    this.#onBytes = onBytes;
  }

  /** remembered | queued | waiting | uploading | paused | verifying | storing | stored | failed | canceled */
  get state() {
    if (this.#stage !== "sending") return this.#stage;
    if (this.#paused) return "paused";
    if (!this.#live) return "waiting";
    const { durable } = this.progress;
    return durable >= this.file.size ? "verifying" : "uploading";
  }

  get over() {
    return OVER.has(this.#stage);
  }

  /** Whether this upload takes part in the traffic now, and so has a place among those that may run at once. */
  get running() {
    return this.#stage === "sending" || this.#stage === "storing";
  }

  get streamId() {
    return this.#uploader?.id ?? this.#remembered?.id ?? null;
  }

  /** Whether it can go on without the file being chosen once more. */
  get hasHandle() {
    return this.#remembered?.hasHandle === true;
  }

  get progress() {
    const { sent = 0, durable = 0, rate = 0, timeLeft = NaN } = this.#uploader?.progress ?? this.#remembered ?? {};
    return { sent, durable, rate, timeLeft, total: this.file.size };
  }

  /** Leaves the queue and goes all the way, or fails on it. */
  async start(client) {
    if (this.#stage !== "queued") return;
    const attempt = ++this.#attempt;
    const current = () => attempt === this.#attempt;
    this.#client = client;
    this.#began = performance.now();
    this.cuts = 0;
    try {
      if (!this.#whole) await this.#send();
      if (current()) await this.#store(current);
    } catch (error) {
      if (current()) this.#fail(error);
    }
  }

  async #send() {
    const client = this.#client;
    const { name, type } = this.file;
    this.#uploader ??= client.createBlobUploader(this.file, { name, media: type || undefined, resume: this.lasting, handle: this.#handle });
    const uploader = this.#uploader;
    // What the server had before is not carried now.
    this.#counted = this.progress.durable;
    this.#live = client.state === "live";
    const offs = [
      client.on("state", () => this.#linkChanged()),
      uploader.on("progress", () => this.#moved()),
      uploader.on("state", () => this.#tell()),
    ];
    this.#enter("sending");
    try {
      await uploader.upload();
      this.#whole = true;
      this.#moved();
    } finally {
      for (const off of offs) off();
    }
  }

  #moved() {
    const { durable } = this.progress;
    if (durable > this.#counted) this.#onBytes(durable - this.#counted);
    this.#counted = Math.max(this.#counted, durable);
    this.#tell();
  }

  #linkChanged() {
    const live = this.#client.state === "live";
    if (this.#live && !live) this.cuts += 1;
    this.#live = live;
    this.#tell();
  }

  /** The call names the stream, so the SDK sends it over the session that carried the bytes, although calls prefer HTTP here. */
  async #store(current) {
    this.#enter("storing");
    this.#call = new AbortController();
    const record = await this.#client.api.files.upload(
      { streamId: this.#uploader.id, name: this.file.name },
      { signal: this.#call.signal },
    );
    if (!current()) return;
    this.record = record;
    this.took = (performance.now() - this.#began) / 1000;
    this.#enter("stored");
  }

  #fail(error) {
    if (isCancel(error)) return this.#enter("canceled");
    // When only the last call failed the bytes are still on the server, and a retry need not send them again.
    if (this.#stage !== "storing" || !error?.retryable) this.#forget();
    this.error = error;
    this.#enter("failed");
  }

  pause() {
    if (this.#stage !== "sending" || this.#paused) return;
    this.#paused = true;
    this.#uploader.pause();
    this.#tell();
  }

  resume() {
    if (this.#stage !== "sending" || !this.#paused) return;
    this.#paused = false;
    this.#uploader.resume();
    this.#tell();
  }

  /** Gives the upload up: the server drops what it has of it. */
  cancel() {
    if (this.over) return;
    this.#attempt += 1;
    this.#call?.abort();
    this.#uploader?.cancel();
    this.#forget();
    this.#enter("canceled");
  }

  /** Back into the queue, after a failure or a cancel; with the file chosen again where the browser can no longer read the old one. */
  retry(file) {
    if (!this.over || this.#stage === "stored") return;
    if (file) {
      this.file = file;
      this.#handle = undefined;
    }
    this.#paused = false;
    this.error = null;
    this.#enter("queued");
  }

  /** Into the queue, for what a page before this one began. Without a file, out of a click, since the browser may have to ask. */
  async goOn(file) {
    if (this.#stage !== "remembered") return;
    this.error = null;
    try {
      this.#uploader = await this.#remembered.resume(file);
      this.file = file ?? this.file;
      this.#enter("queued");
    } catch (error) {
      this.error = error;
      this.#tell();
    }
  }

  /** Nobody wants to go on with it. */
  async dismiss() {
    if (this.#stage === "remembered") await this.#remembered.forget();
  }

  #forget() {
    this.#uploader = null;
    this.#whole = false;
  }

  #enter(stage) {
    this.#stage = stage;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
