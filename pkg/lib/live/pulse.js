/** How often something is measured, in milliseconds, and how many times there is a report of it. */
const EVERY = 1_000;
const REPORT = 5;

/** Measures each second; one measurement at a time. */
export class Pulse {
  #timer;

  /** `measure(reporting)` resolves when it is done. */
  constructor(measure) {
    let beat = 0;
    let busy = false;
    this.#timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      beat += 1;
      await measure(beat % REPORT === 0).catch(() => {});
      busy = false;
    }, EVERY);
  }

  end() {
    clearInterval(this.#timer);
  }
}
