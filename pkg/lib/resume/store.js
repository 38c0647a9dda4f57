// The uploads that this browser remembers, in IndexedDB: a handle of a file can be kept nowhere else.
import { SamewireError } from "../error.js";

const DATABASE = "samewire";
const UPLOADS = "uploads";
/** What nobody has gone on with for so long is forgotten: no server keeps it. In milliseconds. */
const KEPT = 7 * 24 * 60 * 60 * 1_000;

let opening;

/** The remembered uploads that this says yes to, the newest first. */
export async function find(wanted) {
  const all = await run("readonly", (uploads) => uploads.getAll());
  const outdated = all.filter(({ seenAt }) => seenAt < Date.now() - KEPT);
  await Promise.all(outdated.map(({ id }) => forget(id)));
  return all.filter((upload) => !outdated.includes(upload) && wanted(upload)).sort((one, other) => other.startedAt - one.startedAt);
}

/** Whether an upload goes to this server and is of this owner. */
export function isOf(upload, { server, owner }) {
  return upload.server === server && upload.owner === owner;
}

export function recall(id) {
  return run("readonly", (uploads) => uploads.get(id));
}

export function remember(upload) {
  return run("readwrite", (uploads) => uploads.put(upload));
}

export function forget(id) {
  return run("readwrite", (uploads) => uploads.delete(id));
}

async function run(mode, ask) {
  try {
    const database = await (opening ??= open());
    return await settled(ask(database.transaction(UPLOADS, mode).objectStore(UPLOADS)));
  } catch (cause) {
    opening = undefined;
    const text = `uploads cannot be remembered here: ${cause?.message ?? cause}`;
    throw new SamewireError("storage-unavailable", text, { cause });
  }
}

async function open() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(UPLOADS, { keyPath: "id" });
  const database = await settled(request);
  // A newer version of this code in another tab, or the browser itself, wants it to itself.
  database.onclose = database.onversionchange = () => {
    opening = undefined;
    database.close();
  };
  return database;
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds an older version of the database"));
  });
}
