// What `cargo xtask test browser` hands over, and where things are.

import { fileURLToPath } from "node:url";

function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run these tests with: cargo xtask test browser`);
  return value;
}

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The browser's program. */
export const chromium = () => given("CHROMIUM");
/** The server's program. */
export const program = () => given("SAMEWIRE_BIN");
/** The packed npm package. */
export const tarball = () => given("SAMEWIRE_TARBALL");

/** The npm package as it was packed, unpacked. */
export const PACKAGE = folder("../node_modules/samewire");
/** The demo, as people get it. */
export const DEMO = folder("../../../examples-web");
/** Pages that only these tests need. */
export const PAGES = folder("../pages");
/** Where tests leave pictures; not tracked. */
export const RESULTS = folder("../results");
/** The pictures of the documentation. */
export const DOCS = folder("../../../docs");
/** The folder of these tests, from which `import "samewire"` finds the package. */
export const HERE = folder("..");
