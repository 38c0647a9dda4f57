// npm `metacom` as it was installed, in Node and, bundled as an app bundles it, in pages.

import { createRequire } from "node:module";
import { once } from "node:events";

import { build } from "esbuild";

import { HERE } from "./environment.mjs";

const require = createRequire(HERE);

export const { version } = require("metacom/package.json");
const { Metacom } = require("metacom");

// A client keeps the timer of its pings for each time that it connected again, and stops the last one only (fault 11): no process in
// which that happened would ever end.
const { setInterval } = globalThis;
globalThis.setInterval = (...args) => setInterval(...args).unref();

/** A client in this process, once its connection is open. Errors of its connection are noted in `problems`. */
export async function connect(url, options) {
  const client = Metacom.create(url, options);
  client.problems = [];
  client.on("error", (error) => client.problems.push(error));
  if (!client.connected) await once(client, "open");
  return client;
}

/**
 * What the package has for browsers, as one module. That part of it imports an `EventEmitter` from `metautil`, of which no version has
 * one for browsers: whoever bundles it has to name another one, and this is Node's as bundlers know it.
 */
export async function bundle() {
  const alias = { metautil: "events" };
  const options = { bundle: true, format: "esm", platform: "browser", write: false, logLevel: "silent", alias };
  const built = await build({ ...options, stdin: { contents: 'export { Metacom } from "metacom";', resolveDir: HERE } });
  return built.outputFiles[0].text;
}

/** Gives pages the package at `/npm/metacom.js`. */
export async function route(context) {
  const body = await bundle();
  await context.route("**/npm/metacom.js", (request) => request.fulfill({ body, contentType: "text/javascript" }));
}

/** How a call ended, in values that a test can look at. */
export async function outcome(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    return { error: { code: error.code, message: error.message } };
  }
}
