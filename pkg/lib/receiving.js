// Streams from the server.
import { SamewireError } from "./error.js";
import { TELL_EVERY, activity } from "./sending.js";

/** How long getStream() waits for a stream that is not there yet: a result can overtake the stream that it names. */
const ARRIVES_WITHIN = 10_000;
/** How long a stream that nobody asks for is kept. What was sent of it already lies in this page's memory. */
const TAKEN_WITHIN = 60_000;

export class Receiving {
  state = "open";
  #owner;
  #offer;
  #chunks = [];
  #whole = false;
  #used = 0;
  #readable;
  #controller;
  #wake;
  #patience;
  #timer;

  /** `owner`: tell(event) takes activity, forget(id) hears that it is over. */
  constructor(owner, id) {
    this.#owner = owner;
    this.id = id;
  }

  /** The server has begun it. `offer`: { session, no, name, media, size }. */
  offered(offer) {
    this.#offer = offer;
    this.name = offer.name;
    this.size = offer.size;
    clearTimeout(this.#patience);
    if (this.state !== "open") return this.#abort();
    if (!this.#readable) this.#patience = setTimeout(() => this.#giveUp(), TAKEN_WITHIN);
    this.#tell();
  }

  /** The app's end of it. */
  readable() {
    if (this.#readable) return this.#readable;
    clearTimeout(this.#patience);
    if (!this.#offer) this.#patience = setTimeout(() => this.aborted(notFound(this.id)), ARRIVES_WITHIN);
    this.#readable = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#pull(),
        cancel: () => this.#giveUp(),
      },
      // Only what is asked for is taken, so that the server is told of room only when there is some.
      { highWaterMark: 0 },
    );
    return this.#readable;
  }

  data(offset, bytes) {
    this.#chunks.push({ bytes, end: offset + bytes.length });
    this.#wake?.();
  }

  finished() {
    this.#whole = true;
    this.#wake?.();
  }

  aborted(error) {
    if (this.state !== "open") return;
    this.#over("aborted", error);
    this.#controller?.error(error);
    this.#wake?.();
  }

  async #pull() {
    while (this.#chunks.length === 0 && !this.#whole && this.state === "open") {
      await new Promise((resolve) => (this.#wake = resolve));
    }
    const chunk = this.#chunks.shift();
    if (chunk) {
      this.#used = chunk.end;
      this.#offer.session.consume(this.#offer.no, chunk.end);
      this.#timer ??= setTimeout(() => this.#tell(), TELL_EVERY);
      this.#controller.enqueue(chunk.bytes);
    } else if (this.#whole) {
      this.#over("finished");
      this.#controller.close();
    }
  }

  /** The reader does not want it any more, or nobody came for it. */
  #giveUp() {
    if (this.state !== "open") return;
    this.#over("canceled");
    this.#abort();
    this.#wake?.();
  }

  #abort() {
    this.#offer?.session.abort(this.#offer.no, { code: "canceled", message: "the reader gave the stream up" });
  }

  #over(state, error) {
    this.state = state;
    this.#chunks = [];
    clearTimeout(this.#patience);
    this.#owner.forget(this.id);
    this.#tell(error);
  }

  #tell(error) {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#owner.tell(activity(this, "down", this.#used, error));
  }
}

function notFound(id) {
  return new SamewireError("stream-not-found", `the server has not begun a stream ${id} on this session; ask for it again`);
}
