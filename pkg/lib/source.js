// Where the bytes of a stream to the server come from.
import { bytesOf } from "./bytes.js";
import { SamewireError } from "./error.js";

/** Bytes that can be read again at any offset. */
class BlobSource {
  seekable = true;
  #blob;

  constructor(blob) {
    this.#blob = blob;
  }

  async want(sending, offset, max) {
    const bytes = new Uint8Array(await this.#blob.slice(offset, offset + max).arrayBuffer());
    if (bytes.length === 0) sending.provideEnd();
    else sending.provide(offset, bytes);
  }

  cancel() {}
}

/** Bytes that come once. What was read and is not wanted yet is kept here. */
class StreamSource {
  seekable = false;
  #reader;
  #left = new Uint8Array();
  #wanted;
  #reading = false;
  #ended = false;

  constructor(stream) {
    this.#reader = stream.getReader();
  }

  async want(sending, offset, max) {
    this.#wanted = { offset, max };
    // After a cut the same bytes are wanted again while they are still being read.
    if (this.#reading) return;
    this.#reading = true;
    while (this.#wanted) {
      while (this.#left.length === 0) {
        const { value, done } = await this.#reader.read();
        if (done) return sending.provideEnd();
        this.#left = chunkOf(value);
      }
      const wanted = this.#wanted;
      this.#wanted = undefined;
      const piece = this.#left.subarray(0, wanted.max);
      // With its last byte a stream of a declared size is done, so that byte is given only when none follows it.
      if (wanted.offset + piece.length === sending.size && (await this.#goesOn(piece.length))) throw tooLong(sending.size);
      if (sending.provide(wanted.offset, piece)) this.#left = this.#left.subarray(piece.length);
    }
    this.#reading = false;
  }

  /** Whether there are more bytes than so many of those that were read. */
  async #goesOn(count) {
    while (this.#left.length === count && !this.#ended) {
      const { value, done } = await this.#reader.read();
      if (!done && chunkOf(value).length > 0) return true;
      this.#ended = done;
    }
    return this.#left.length > count;
  }

  cancel(reason) {
    this.#reader.cancel(reason).catch(() => {});
  }
}

function tooLong(size) {
  return new SamewireError("size-mismatch", `the source goes on after ${size} bytes, the size that was declared for it`);
}

/** The source, and what it says about itself: { source, name?, media?, size? }. */
export function sourceOf(input) {
  if (input instanceof ReadableStream) return { source: new StreamSource(input) };
  const blob = input instanceof Blob ? input : new Blob([chunkOf(input)]);
  return { source: new BlobSource(blob), name: blob.name, media: blob.type, size: blob.size };
}

function chunkOf(value) {
  const bytes = bytesOf(value);
  if (!bytes) throw new TypeError("a stream carries bytes: a Blob, an ArrayBuffer, or a view of one such as Uint8Array");
  return bytes;
}
