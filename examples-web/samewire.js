// The one place that says where the npm package is. The server shows its folder at /pkg/.
// An app with a bundler has no such file: it writes `import { Client } from "samewire"`.
export * from "/pkg/index.js";
