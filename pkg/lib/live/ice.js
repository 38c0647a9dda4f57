/** Before their end credentials are renewed, in milliseconds: a connection may take a while to come about. */
const MARGIN = 60_000;

/** The servers that help two ends to reach each other, with credentials that hold. */
export class IceServers {
  #line;
  #config;
  #asking;

  constructor(line) {
    this.#line = line;
  }

  take(config) {
    this.#config = config;
  }

  /** Resolves with what peer connections are made with. */
  async fresh() {
    const { expires_at: end } = this.#config ?? { expires_at: 0 };
    if (end === undefined || end - MARGIN > Date.now()) return this.#config;
    this.#asking ??= this.#line.ask("ice").then((config) => this.take(config)).finally(() => (this.#asking = undefined));
    await this.#asking;
    return this.#config;
  }
}
