/** Calls it when the browser has a network again: another one, as far as a peer connection is concerned. Returns the function that ends that. */
export function onNetwork(came) {
  globalThis.addEventListener("online", came);
  return () => globalThis.removeEventListener("online", came);
}
