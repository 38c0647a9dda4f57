// A disk that takes so many bytes a second, for a server's process.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SOURCE = fileURLToPath(new URL("../../../bench/slow-disk/slow-disk.c", import.meta.url));

/** Makes the library in a folder, and returns the environment variables for the server. */
export async function slowDisk(place, bytes) {
  const library = join(place.path, "slow-disk.so");
  await promisify(execFile)("cc", ["-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl", "-lpthread"]);
  return { LD_PRELOAD: library, SLOW_DISK_BYTES: String(bytes) };
}
