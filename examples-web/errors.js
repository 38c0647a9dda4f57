// What went wrong, in words that say what to do. Keyed by the codes of the wire, which are stable; for a code that is not here, the
// server's own sentence is shown.

const TEXTS = {
  "answer-lost": ["The server no longer has the answer.", "Look in the list of stored files before you try again."],
  "bad-media": ["The file cannot be read as what it is said to be.", "Open it on your own machine first: it may be cut short."],
  "bad-name": ["This file name cannot be stored.", "Rename the file: no slashes, no control characters, at most 255 bytes."],
  "connection-lost": ["The connection to the server was lost on the way.", "Check that the server runs, then try again."],
  "deadline-exceeded": ["The server did not answer in time.", "Try again."],
  "digest-mismatch": [
    "The bytes that arrived are not those of the file, so nothing was stored.",
    "Try again. If it happens again, the file may be changing on disk.",
  ],
  "checksum-mismatch": ["The bytes that arrived are not those that were sent.", "Try again."],
  "file-not-found": ["This file is no longer stored.", "The list has been brought up to date."],
  forbidden: ["You may not do this.", "Sign in under another name."],
  "job-not-found": ["There is nothing left to do for this file.", "Reload the page to see how it stands."],
  "heartbeat-timeout": ["The server was silent for too long.", "The page connects again by itself."],
  internal: ["The server had a fault of its own.", "Try again; if it goes on, look in the server's log."],
  "live-full": ["As many watch as may.", "Try again when somebody has left."],
  "live-not-found": ["Nobody broadcasts this stream.", "Wait until it begins, or choose another one."],
  "live-taken": ["Somebody else broadcasts this stream.", "Take it over, or broadcast under another name."],
  "method-not-found": ["This server does not offer that.", "Start a server of the same version as this page."],
  "origin-refused": ["The server does not accept this page's address.", "Open the page at the address that the server prints."],
  overloaded: ["The server has too much to do.", "Wait a little, then try again."],
  "rate-limited": ["That was too much at once.", "Wait a moment, then try again."],
  "processing-failed": ["Processing came to nothing.", "Try again; if it goes on, look in the server's log."],
  "processing-unavailable": ["The server has no ffmpeg.", "Install ffmpeg on the server and start it anew, then try again."],
  "quota-exceeded": ["Your space on the server is full.", "Remove stored files, then try again."],
  restart: ["The server is restarting.", "Try again in a moment."],
  "session-closed": ["The session is over.", "Reload the page."],
  "size-mismatch": ["The file's size changed while it was being sent.", "Try again with a file that nothing writes to."],
  "token-revoked": ["Your sign-in was taken back.", "Sign in again."],
  "storage-full": ["The server's disk is full.", "Make room on the server, then try again."],
  "source-unreadable": ["The browser can no longer read the file: it was changed, moved or removed.", "Choose it again."],
  "stream-aborted": ["The server gave this transfer up.", "Try again."],
  "stream-not-found": [
    "The server no longer has what was sent: it was kept for a while and then dropped.",
    "Try again from the start.",
  ],
  superseded: ["This session went on in another window.", "Use that window, or reload this page."],
  "token-expired": ["Your sign-in has run out.", "Reload the page, or sign in again."],
  "token-invalid": ["The server does not accept this sign-in.", "Sign in again."],
  "too-big": ["The file is larger than this server takes.", "Choose a smaller one, or raise the server's limit."],
  "too-many-calls": ["Too many calls at once.", "Wait a little, then try again."],
  "too-many-sessions": ["The server takes no more sessions.", "Wait a little, then try again."],
  "too-many-streams": ["Too many transfers at once.", "Wait until one has finished, then try again."],
  "unsupported-media": ["The server does not process this kind of file.", "Convert it to one that it does, as MP4 or JPEG."],
  unauthenticated: ["The server wants to know who you are.", "Sign in first."],
  "file-needed": ["The browser no longer has the file.", "Choose it again."],
  "permission-needed": ["The browser wants to be asked for the file.", "Allow it when it asks, or choose the file again."],
  "storage-unavailable": ["This browser cannot remember uploads.", "They go on after a lost connection, but not after a reload."],
  "upload-in-other-tab": ["This file is going up already, here or in another tab.", "Let that finish, or end it there first."],
  "wrong-file": ["This is not the file that was going up.", "Choose the one of the same name and content, or drop this one as a new file."],
  "module-unavailable": ["A part of this page could not be loaded.", "Reload the page."],
  "wasm-unavailable": ["A part of this page could not be loaded.", "Reload the page."],
};

/** Failures of the browser's own, by the name of their exception. */
const BROWSER = {
  NotFoundError: ["The file is no longer where it was.", "Choose it again."],
  NotReadableError: ["The browser can no longer read the file: it was changed, moved or removed.", "Choose it again."],
  QuotaExceededError: ["There is no room left on this device.", "Make room, then try again."],
};

/** `{ what, todo }` for people, from anything that was thrown. */
export function explain(error) {
  const known = TEXTS[error?.code] ?? BROWSER[error?.name];
  if (known) return { what: known[0], todo: known[1] };
  const message = String(error?.message ?? error ?? "").trim() || "Something went wrong";
  return { what: /[.!?]$/.test(message) ? message : `${message}.`, todo: error?.retryable === false ? "" : "Try again." };
}

/** Whether the browser cannot read the file that it was given any more, so that only choosing it again helps. */
export function isUnreadable(error) {
  return error?.code === "source-unreadable" || ["NotFoundError", "NotReadableError"].includes(error?.name);
}

/** Whether the way out is to sign in. */
export function wantsSignIn(error) {
  return ["unauthenticated", "token-expired", "token-invalid", "token-revoked"].includes(error?.code);
}

/** Whether this is the end that somebody asked for, and so nothing to report. */
export function isCancel(error) {
  return error?.name === "AbortError" || error?.code === "canceled";
}
