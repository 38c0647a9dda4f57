// Files of pseudo-random bytes: the same at every run, and nothing that could be compressed or guessed.

import { createCipheriv, createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const STEP = 1024 * 1024;

export const MiB = 1024 * 1024;

/** A folder for a test's files. */
export async function folder() {
  const path = await mkdtemp(join(tmpdir(), "samewire-files-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Writes `size` bytes that follow from `seed`; returns `{ path, name, size, sha256 }`. */
export async function write(place, name, size, seed = 1) {
  const path = join(place.path, name);
  const stream = createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16));
  const hash = createHash("sha256");
  const zeros = Buffer.alloc(STEP);
  const file = await open(path, "w");
  try {
    for (let at = 0; at < size; at += STEP) {
      const bytes = stream.update(zeros.subarray(0, Math.min(STEP, size - at)));
      hash.update(bytes);
      await file.write(bytes);
    }
  } finally {
    await file.close();
  }
  return { path, name, size, sha256: hash.digest("hex") };
}

/** The SHA-256 of a file's bytes. */
export async function sha256(path) {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: STEP }), hash);
  return hash.digest("hex");
}
