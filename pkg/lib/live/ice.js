/** Before their end credentials are renewed, in milliseconds, if they hold for twice as long: a connection may take a while to come about. */
const MARGIN = 60_000;

/** The servers that help two ends to reach each other, with credentials that hold. */
export class IceServers {
  #line;
  #changed;
  #config;
  /** When it came, by two clocks: one may be set while it is counted, the other may stand still while the device sleeps. */
  #came;
  #asking;

  /** `changed(config)` hears of others, with which connections that there are already go on. */
  constructor(line, changed) {
    this.#line = line;
    this.#changed = changed;
  }

  take(config) {
    this.#config = config;
    this.#came = [Date.now(), performance.now()];
    this.#changed(config);
  }

  /** Resolves with what peer connections are made with. */
  async fresh() {
    // Credentials that end soon are better than none.
    if (this.#due) await this.#renew().catch((error) => this.#config ?? Promise.reject(error));
    return this.#config;
  }

  /**
   * To be called each second: whoever looks for another way later finds credentials that hold. Who waits has none to be renewed, and
   * asks when it is let in.
   */
  tend() {
    if (this.#config?.expires_in && this.#due && this.#line.up) this.#renew().catch(() => {});
  }

  get #due() {
    if (!this.#config) return true;
    const { expires_in: span } = this.#config;
    if (span === undefined) return false;
    const age = Math.max(Date.now() - this.#came[0], performance.now() - this.#came[1]);
    return age >= span - Math.min(MARGIN, span / 2);
  }

  #renew() {
    return (this.#asking ??= this.#line.ask("ice").then((config) => this.take(config)).finally(() => (this.#asking = undefined)));
  }
}
