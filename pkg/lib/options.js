// Where the server is.
import { SamewireError } from "./error.js";

/** The addresses of calls over HTTP and of the session. */
export function addressesOf({ apiUrl, wsUrl }) {
  const here = globalThis.location?.href;
  if (apiUrl === undefined && here === undefined) {
    throw new SamewireError("no-url", "there is no page to take the server's address from; give the client an apiUrl");
  }
  const api = new URL(apiUrl ?? "/", here).href.replace(/\/+$/, "");
  const ws = new URL(wsUrl ?? `${api}/session`, here).href.replace(/^http/, "ws");
  return { api, ws };
}

/** A method's name as a path. */
export function pathOf(method) {
  // An address would be taken for another one: `..` leads out of /rpc.
  if (/(^|\/)\.*(\/|$)/.test(method)) {
    throw new SamewireError("method-not-found", "this is not a method's name: a part of it is empty or dots");
  }
  return method.split("/").map(encodeURIComponent).join("/");
}
