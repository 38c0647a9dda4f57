// One upload while it is under way in this page, so that a later page can go on with it.
import { SamewireError } from "../error.js";
import { fingerprintOf, nameOf } from "./fingerprint.js";
import { hold, lockOf } from "./lock.js";
import { find, forget, isOf, recall, remember } from "./store.js";

/** How often what is durable is written down at most, in milliseconds. The server knows it better; this is for the list. */
const WRITE_EVERY = 2_000;

/** Ends after which the server still has the stream, or can have it another time. */
const NOT_OVER = /^(token-.*|too-many-.*|superseded|session-closed|connection-lost|unauthenticated|overloaded|restart|internal|.*-unavailable)$/;

export class Remembering {
  #client;
  #file;
  #handle;
  #known;
  #upload;
  #release;
  #written = 0;
  #over = false;
  #troubled = false;

  /** `client`: whose() tells { server, owner }, digestOf() resolves with the wasm's function, trouble(error) hears what is not fatal. */
  constructor(client, file, handle, known) {
    this.#client = client;
    this.#file = file;
    this.#handle = handle ?? known?.handle;
    this.#known = known;
  }

  /** Finds out which stream it is, and makes it this page's alone. Fails with `upload-in-other-tab`. Resolves with the stream's id. */
  async prepare({ id, name, media, size }) {
    const { server, owner } = await this.#client.whose();
    // Without a token and a session that lasts nobody could go on with it.
    if (owner === undefined) return id;
    const fingerprint = await fingerprintOf(this.#file, await this.#client.digestOf());
    const known = this.#known ?? (await this.#lookUp((upload) => upload.fingerprint === fingerprint && isOf(upload, { server, owner })));
    let before;
    if (known) {
      await this.#hold(known.id);
      // Another page may have finished it just before it let go.
      before = await this.#tried(recall(known.id));
      if (!before && known.id !== id) this.#let();
    }
    if (!this.#release) await this.#hold(id);
    this.#upload = { id: before?.id ?? id, server, owner, fingerprint, file: nameOf(this.#file), name, media, size };
    this.#upload.handle = this.#handle ?? before?.handle;
    this.#upload.startedAt = before?.startedAt ?? Date.now();
    this.#upload.durable = before?.durable ?? 0;
    if (this.#over) this.#let();
    else await this.#write();
    return this.#upload.id;
  }

  progress(durable) {
    if (!this.#upload || this.#over) return;
    this.#upload.durable = durable;
    if (performance.now() - this.#written >= WRITE_EVERY) this.#write();
  }

  /** It has ended, in this page at least. */
  end(state, error) {
    this.#over = true;
    if (!this.#upload) return this.#let();
    if (state !== "failed" || !NOT_OVER.test(error?.code)) this.#tried(forget(this.#upload.id));
    else if (error?.code !== "superseded") this.#write();
    this.#let();
  }

  async #lookUp(wanted) {
    const [newest] = (await this.#tried(find(wanted))) ?? [];
    return newest;
  }

  async #hold(id) {
    this.#release = await hold(lockOf(id));
    if (!this.#release) throw inOtherTab(nameOf(this.#file));
  }

  #let() {
    this.#release?.();
    this.#release = undefined;
  }

  #write() {
    this.#written = performance.now();
    this.#upload.seenAt = Date.now();
    return this.#tried(remember(this.#upload));
  }

  /** An upload does not fail because it cannot be remembered; but that is told, once. */
  #tried(remembered) {
    return remembered.catch((error) => {
      if (!this.#troubled) this.#client.trouble(error);
      this.#troubled = true;
    });
  }
}

function inOtherTab(name) {
  const text = `${JSON.stringify(name)} is being uploaded in another tab, or by another uploader of this page; go on there, or end it there first`;
  return new SamewireError("upload-in-other-tab", text, { retryable: true });
}
