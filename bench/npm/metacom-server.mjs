// Metacom's own server, with the method of its manual that writes a stream to a file.
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import metacom from "metacom";

const folder = process.argv[2];

const procedure = (method) => ({ access: "public", enter: async () => {}, leave: () => {}, invoke: (context, args) => method(context, args) });

// From the README of the package.
const upload = async (context, { streamId, name }) => {
  const filePath = join(folder, name);
  // Get incoming stream by streamId sent from client
  const readable = context.client.getStream(streamId);
  // Create nodejs stream to write file on server
  const writable = createWriteStream(filePath);
  // Pipe metacom readable to nodejs writable
  readable.pipe(writable);
  return { result: "Stream initialized" };
};

const methods = {
  "system/introspect": procedure(async () => ({ files: { upload: ["streamId", "name"] } })),
  "files/upload": procedure(upload),
};

const quiet = () => {};
const application = {
  console: { log: quiet, info: quiet, debug: quiet, warn: quiet, error: quiet },
  static: {},
  auth: { saveSession: async () => {} },
  getMethod: (unit, version, method) => methods[`${unit}/${method}`],
  getHook: () => null,
};

const options = { kind: "server", protocol: "http", host: "127.0.0.1", port: 0, nagle: false, timeouts: { bind: 1000 } };
const server = new metacom.Server(application, options);
await server.listen();
console.log(`listening on http://127.0.0.1:${server.httpServer.address().port}`);
