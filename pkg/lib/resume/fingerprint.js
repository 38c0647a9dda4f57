// By what a file is known again: its name, its size, and a digest of samples of its content. Reading all of it would take as long as
// sending it. Whether the rest is the same too is proven at the end, by the digest of the whole.
import { SamewireError } from "../error.js";

const BLOCK = 64 * 1024;
const BLOCKS = 9;

/** `digestOf(bytes)` is the wasm's. */
export async function fingerprintOf(file, digestOf) {
  try {
    const samples = await new Blob([JSON.stringify([nameOf(file), file.size]), ...blocksOf(file)]).arrayBuffer();
    return digestOf(new Uint8Array(samples));
  } catch (cause) {
    throw new SamewireError("source-unreadable", `the file cannot be read (${cause?.message ?? cause}); choose it again`, { cause });
  }
}

export function nameOf(file) {
  return file.name ?? "";
}

/** The first block, the last one, and those at even steps between them; all of a small file. */
function blocksOf(file) {
  if (file.size <= BLOCK * BLOCKS) return [file];
  const step = (file.size - BLOCK) / (BLOCKS - 1);
  return Array.from({ length: BLOCKS }, (_, at) => file.slice(Math.floor(step * at), Math.floor(step * at) + BLOCK));
}
