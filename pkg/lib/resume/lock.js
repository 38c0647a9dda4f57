// What only one page may have at a time.

/** How long a page that is just being left may take to let go. */
const PATIENCE = 1_000;

/** The name of the lock on an upload. */
export function lockOf(upload) {
  return `samewire upload ${upload}`;
}

/**
 * Resolves with the function that lets go; with nothing where another page has it. Where the browser has no locks (outside of secure
 * contexts) everybody gets it, and the server decides.
 */
export async function hold(name) {
  const { locks } = globalThis.navigator ?? {};
  if (!locks) return () => {};
  return new Promise((resolve, reject) => {
    const held = () => new Promise((release) => resolve(release));
    locks.request(name, { signal: AbortSignal.timeout(PATIENCE) }, held).catch((error) => {
      error.name === "TimeoutError" || error.name === "AbortError" ? resolve(undefined) : reject(error);
    });
  });
}

/** The names of the locks that some page holds. */
export async function held() {
  const { held = [] } = (await globalThis.navigator?.locks?.query()) ?? {};
  return new Set(held.map(({ name }) => name));
}
