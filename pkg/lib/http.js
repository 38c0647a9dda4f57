import { SamewireError } from "./error.js";
import { onAbort } from "./events.js";

/** Posts a call's params, JSON text or nothing, and resolves with its result. */
export async function post(url, params, { token, ticket, timeout, signal }) {
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  if (ticket) headers["samewire-session"] = ticket;
  if (timeout !== undefined) headers["samewire-timeout"] = String(Math.ceil(timeout));
  const controller = new AbortController();
  const unlisten = onAbort(signal, () => controller.abort());
  let late = false;
  const expire = () => {
    late = true;
    controller.abort();
  };
  const timer = timeout === undefined ? undefined : setTimeout(expire, Math.min(timeout, 0x7fffffff));
  try {
    const response = await fetch(url, { method: "POST", headers, body: params, signal: controller.signal });
    const text = await response.text();
    if (!response.ok) throw problem(response.status, text);
    return text === "" ? undefined : JSON.parse(text);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof SamewireError) throw error;
    const maybe = { retryable: true, ran: "maybe", cause: error };
    if (late) throw new SamewireError("deadline-exceeded", "no answer came before the call's deadline", maybe);
    throw new SamewireError("connection-lost", `no whole answer came over HTTP: ${error.message}`, maybe);
  } finally {
    clearTimeout(timer);
    unlisten();
  }
}

/** The error that a problem document (RFC 9457) tells; or one made of the status, when somebody between us and the server answered. */
function problem(status, text) {
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    // Not ours; the status says all there is.
  }
  const { code, title, detail, retryable, ran, data } = document ?? {};
  if (typeof code === "string") return new SamewireError(code, detail ?? title ?? code, { retryable, ran, data, status });
  const again = [429, 502, 503, 504].includes(status);
  return new SamewireError(`http-${status}`, `the server answered with status ${status}`, { retryable: again, ran: "maybe", status });
}
