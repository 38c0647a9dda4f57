/** How often something is measured, in milliseconds. */
const EVERY = 1_000;

/** Measures each second; one measurement at a time. */
export class Pulse {
  #timer;

  /** `measure()` resolves when it is done. */
  constructor(measure) {
    let busy = false;
    this.#timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      await measure().catch(() => {});
      busy = false;
    }, EVERY);
  }

  end() {
    clearInterval(this.#timer);
  }
}
