// Node cannot fetch a file: URL, so the wasm is read from the disk.
import { readFile } from "node:fs/promises";

import { readWith } from "./lib/load.js";

readWith(() => readFile(new URL("./wasm/samewire_bg.wasm", import.meta.url)));

export * from "./index.js";
