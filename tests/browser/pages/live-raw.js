// A session that a page holds by hand, without the package: for what no well-meaning client says.

const PATIENCE = 10_000;

class RawSession {
  /** All frames that came, but for the heartbeat. */
  frames = [];
  closed;
  #socket;
  #calls = 0;
  #waiting = [];
  #heeding = () => {};

  constructor(token) {
    this.#socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/session`, "samewire.v1");
    this.#socket.onopen = () => this.say({ type: "hello", token });
    this.#socket.onmessage = ({ data }) => typeof data === "string" && this.#hear(JSON.parse(data));
    this.#socket.onclose = ({ code }) => (this.closed = code);
  }

  say(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  /** The first frame of this type, which may have come long ago, that is as wanted. */
  async hears(type, wanted = () => true) {
    const fits = (frame) => frame.type === type && wanted(frame);
    const known = this.frames.find(fits);
    if (known) return known;
    return new Promise((resolve, reject) => {
      setTimeout(reject, PATIENCE, new Error(`a raw session heard no ${type}, but ${JSON.stringify(this.frames)}`));
      this.#waiting.push((frame) => fits(frame) && (resolve(frame) ?? true));
    });
  }

  /** This function is told of each frame from now on. */
  heed(listener) {
    this.#heeding = listener;
  }

  async join(room) {
    this.say({ type: "join", room });
    return this.hears("joined", (frame) => frame.room === room);
  }

  /** Makes a call: its result, or the code of its error. */
  async call(method, payload) {
    const id = (this.#calls += 1);
    this.say({ type: "call", id, method, payload });
    const { type, payload: value, error } = await Promise.any(["result", "failure"].map((type) => this.hears(type, (frame) => frame.id === id)));
    return type === "result" ? { value } : { code: error.code, error };
  }

  /** The signals that came, by name. */
  signals(name) {
    return this.frames.filter((frame) => frame.type === "signal" && frame.name === name).map(({ payload }) => payload);
  }

  signal(name) {
    return this.hears("signal", (frame) => frame.name === name).then(({ payload }) => payload);
  }

  close() {
    this.#socket.close();
  }

  #hear(frame) {
    if (frame.type === "ping") return this.say({ type: "pong", nonce: frame.nonce });
    this.frames.push(frame);
    this.#heeding(frame);
    this.#waiting = this.#waiting.filter((heard) => !heard(frame));
  }
}

/** Opens a session and joins the room of a stream, if one is named. */
window.rawSession = async (token, stream) => {
  const session = new RawSession(token);
  await session.hears("welcome");
  if (stream) await session.join(`live:${stream}`);
  return session;
};
