// Calls about one stream, which wait for its room where the link is lost.
import { SamewireError } from "../error.js";

/** What a call that went under says; all calls of live video may be made again. */
const LOST = ["connection-lost", "answer-lost", "not-joined", "restart"];
/** How often a call is made again that was refused for the moment, and how long to wait before, in milliseconds. */
const AGAIN = 5;
const REST = 400;
/** How long the server has to hear of the end, in milliseconds. */
const FAREWELL = 3_000;

export class Line {
  #client;
  #room;
  #stream;
  #over = false;

  constructor(client, room, stream) {
    this.#client = client;
    this.#room = room;
    this.#stream = stream;
  }

  get up() {
    return this.#room.status === "joined";
  }

  /** Calls `live/{method}`, again where the answer was lost on the way. */
  async ask(method, params) {
    for (let tries = 1; ; tries += 1) {
      await this.#joined();
      try {
        return await this.#call(method, params);
      } catch (error) {
        const lost = LOST.includes(error.code);
        // A stream that is full is so for longer than that.
        if (!(lost || error.retryable) || error.code === "live-full" || tries > AGAIN || this.#over) throw error;
        if (!lost || this.up) await new Promise((resolve) => setTimeout(resolve, REST * tries));
      }
    }
  }

  /** Calls what nobody misses if it is lost. */
  tell(method, params) {
    this.#call(method, params).catch(() => {});
  }

  /** The last call, which is made only if it can be made now. */
  async farewell(method) {
    if (this.#over) return;
    const { up } = this;
    this.#over = true;
    if (up) await this.#call(method, {}, FAREWELL).catch(() => {});
  }

  #call(method, params, timeout) {
    return this.#client.wsTransport.call(`live/${method}`, { stream: this.#stream, ...params }, { idempotent: true, timeout });
  }

  #joined() {
    const room = this.#room;
    if (this.up) return undefined;
    const left = () => room.error ?? new SamewireError("not-joined", `${room.name} was left`);
    if (room.status === "left") throw left();
    return new Promise((resolve, reject) => {
      const off = room.on("status", (status) => {
        if (status === "joined") resolve(off());
        else if (status === "left") reject(off() ?? left());
      });
    });
  }
}
