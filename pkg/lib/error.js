/** What went wrong, for programs (`code`, `retryable`, `ran`) and for people (`message`). */
export class SamewireError extends Error {
  constructor(code, message, { retryable = false, ran = "no", data, status, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    Object.assign(this, { code, retryable, ran, data, status });
  }

  get name() {
    return "SamewireError";
  }
}

/** A fault of somebody else's callback must not stop us; it is shown where uncaught errors are. */
export function report(error) {
  if (typeof reportError === "function") reportError(error);
  else
    setTimeout(() => {
      throw error;
    });
}
