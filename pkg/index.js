// The public face. Importing it does nothing: the wasm is loaded when a client first needs it.
export { Client } from "./lib/client.js";
export { SamewireError } from "./lib/error.js";
export { init } from "./lib/load.js";
