// An upload that a page before this one began.
import { SamewireError } from "../error.js";
import { fingerprintOf, nameOf } from "./fingerprint.js";
import { held, lockOf } from "./lock.js";
import { find, forget, isOf } from "./store.js";

/** Those that this client may go on with, the newest first. `client` is as Remembering has it, with upload(file, options, record). */
export async function remembered(client) {
  const whose = await client.whose();
  const [uploads, locks] = await Promise.all([find((upload) => isOf(upload, whose)), held()]);
  return uploads.map((upload) => new RememberedUpload(client, upload, locks.has(lockOf(upload.id))));
}

class RememberedUpload {
  #client;
  #upload;

  constructor(client, upload, active) {
    this.#client = client;
    this.#upload = upload;
    const { id, name, media, size, durable, startedAt, handle } = upload;
    Object.assign(this, { id, name, media, size, durable, startedAt, active, hasHandle: handle !== undefined });
  }

  /** Resolves with an uploader of the rest. */
  async resume(file, options) {
    const chosen = file ?? (await fileOf(this.#upload));
    await this.#check(chosen);
    const { name, media } = this.#upload;
    return this.#client.upload(chosen, { name, media, ...options, resume: true }, this.#upload);
  }

  forget() {
    return forget(this.id);
  }

  async #check(file) {
    const { file: name, size, fingerprint } = this.#upload;
    const other = (what) => {
      const text = `this is not the file that was being uploaded: ${what}; choose ${JSON.stringify(name)} as it was then, or upload this one anew`;
      return new SamewireError("wrong-file", text);
    };
    if (nameOf(file) !== name) throw other(`its name is ${JSON.stringify(nameOf(file))}`);
    if (file.size !== size) throw other(`it has ${file.size} bytes instead of ${size}`);
    if ((await fingerprintOf(file, await this.#client.digestOf())) !== fingerprint) throw other("its content differs");
  }
}

/** The file behind a handle, which the browser gives only with the user's consent. */
async function fileOf({ handle, file }) {
  if (!handle) {
    throw new SamewireError("file-needed", `no handle of ${JSON.stringify(file)} is kept: let the user choose it again, and pass it`);
  }
  const wanted = { mode: "read" };
  let permission = (await handle.queryPermission?.(wanted)) ?? "granted";
  try {
    if (permission === "prompt") permission = await handle.requestPermission(wanted);
  } catch (cause) {
    const text = `the browser asks the user for ${JSON.stringify(file)} only in answer to a click or a key: call resume() from its listener`;
    throw new SamewireError("permission-needed", text, { retryable: true, cause });
  }
  if (permission !== "granted") {
    throw new SamewireError("permission-needed", `the user does not let this page read ${JSON.stringify(file)}; ask again, or pass the file`, { retryable: true });
  }
  return handle.getFile().catch((cause) => {
    throw new SamewireError("source-unreadable", `${JSON.stringify(file)} can no longer be read (${cause.message}); choose it again`, { cause });
  });
}
