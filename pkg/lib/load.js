// One instance of the wasm for all clients of a page. After a fault in it the next use gets a new instance.
import load, * as glue from "../wasm/samewire.js";
import { SamewireError } from "./error.js";

const sessions = new Set();
let read = () => undefined;
let loading;
let panic;

/** Loads the wasm, once. Takes what `WebAssembly` takes, where the default place is of no use: a URL, Response, bytes or Module. */
export function init(input) {
  if (input !== undefined) read = () => input;
  return start().then(() => {});
}

/** Sets where the wasm comes from, for places that cannot fetch it. */
export function readWith(reader) {
  read = reader;
}

/** Loads the wasm, once, and gives its exports. */
export function start() {
  loading ??= begin().catch((cause) => {
    loading = undefined;
    const hint = "serve it as application/wasm, and allow 'wasm-unsafe-eval' in the page's script-src";
    throw new SamewireError("wasm-unavailable", `the wasm could not be loaded (${cause.message}); ${hint}`, { retryable: true, cause });
  });
  return loading;
}

async function begin() {
  const input = await read();
  await load(input === undefined ? undefined : { module_or_path: input });
  glue.onPanic(panicked);
  return glue;
}

/** `session.crashed(error)` is called when its instance is lost. Returns the function that ends that. */
export function watch(session) {
  sessions.add(session);
  return () => sessions.delete(session);
}

/** Runs what calls into the wasm. */
export function enter(work) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    // A panic has asked for a new instance already; running out of memory or stack has not.
    if (panic === undefined) glue.reset();
    throw crash(panic ?? error.message);
  }
}

function panicked(message) {
  panic = message;
  // Not now: the instance is still on the stack. Unless `enter` is quicker.
  queueMicrotask(() => panic !== undefined && crash(panic));
}

function crash(message) {
  const error = new SamewireError("internal", `a fault in the SDK's wasm: ${message}; connect again`, { ran: "maybe" });
  const lost = [...sessions];
  sessions.clear();
  panic = undefined;
  // The first call after a fault makes the new instance.
  glue.onPanic(panicked);
  for (const session of lost) session.crashed(error);
  return error;
}
