// Bringing a stored file down: a call gives a stream, and the stream goes to disk, or into memory where the browser has no better.

import { bytes } from "./format.js";
import { toast } from "./toast.js";

/** From this size on a file is written to disk as it comes, in browsers that can. */
const TO_DISK = 64e6;
/** An object URL is let go when the browser has surely begun to save it. */
const KEEP_URL = 60_000;

/**
 * Asks where to put a file. Has to be the first thing after the click: a browser opens its dialog only for a fresh gesture.
 * Resolves with a handle, or null for "save it the ordinary way"; rejects with an AbortError when the person thinks better of it.
 */
async function choosePlace(file) {
  if (file.size < TO_DISK || !("showSaveFilePicker" in window)) return null;
  try {
    return await window.showSaveFilePicker({ suggestedName: file.name });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    toast("Saving the ordinary way", {
      detail: `This browser does not let the page write to disk, so ${bytes(file.size)} go through its memory.`,
    });
    return null;
  }
}

/** Saves a stored file. `onBytes(count)` hears of bytes as they arrive. Resolves once all are verified and handed over. */
export async function download(client, file, { signal, onBytes }) {
  const place = await choosePlace(file);
  const { stream: id } = await client.api.files.open({ id: file.id }, { signal });
  const counter = new TransformStream({
    transform(chunk, controller) {
      onBytes(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
  // The SDK ends a stream only when its digest is that of the whole; otherwise it fails, and nothing is handed over.
  const counted = client.getStream(id).pipeThrough(counter, { signal });
  if (place) await counted.pipeTo(await place.createWritable(), { signal });
  else saveBlob(await new Response(counted).blob(), file);
}

function saveBlob(blob, file) {
  const url = URL.createObjectURL(file.media ? new Blob([blob], { type: file.media }) : blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_URL);
}
