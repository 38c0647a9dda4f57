// A stream to the server that the app writes.
import { SamewireError } from "./error.js";
import { Sending } from "./sending.js";
import { sourceOf } from "./source.js";

/** `client` is as Sending has it. */
export function streamOf(client, { name, media, size }) {
  const pipe = new TransformStream();
  const writer = pipe.writable.getWriter();
  const sending = new Sending(client, sourceOf(pipe.readable).source, { name, media, size });
  const { id, done: finished } = sending;
  const abort = (reason = new SamewireError("canceled", "the stream was aborted")) => sending.abort(reason);
  const writable = new WritableStream({
    start: (controller) => void finished.catch((error) => controller.error(error)),
    write(chunk) {
      sending.start();
      return writer.write(chunk);
    },
    // A stream that is closed without an error is one that the server has, whole and verified.
    async close() {
      sending.start();
      await writer.close();
      await finished;
    },
    abort,
  });
  return { id, writable, finished, abort, toJSON: () => id };
}
