// Uses the whole surface, so that a change of it that would break an app breaks here first.
import { Client, SamewireError, init } from "samewire";
import type {
  Activity,
  BuiltInApi,
  CallOptions,
  ClientOptions,
  FileEvents,
  FileList,
  FilePart,
  FileRecord,
  Method,
  OutgoingStream,
  Progress,
  RememberedUpload,
  Room,
  State,
  StateChange,
  StreamEnd,
  UploadedFile,
  Uploader,
} from "samewire";

import { exactly } from "./exactly.js";

export async function clients() {
  const options: ClientOptions = {
    apiUrl: new URL("https://example.com"),
    wsUrl: "wss://example.com/session",
    preferWebSocket: false,
    autoConnectWebSocket: true,
    token: async () => "token",
  };
  new Client();
  new Client({ token: "token" });
  new Client({ token: () => undefined });
  new Client({ token: ({ reason }) => (reason === "expired" ? "fresh" : "token") });
  // @ts-expect-error: no such option
  new Client({ url: "https://example.com" });

  const client = new Client(options);
  exactly<State>()(client.state);
  exactly<string | undefined>()(client.session);
  exactly<"kept" | "restarted" | "fresh" | undefined>()(client.continuity);
  exactly<string | undefined>()(client.identity);
  exactly<void>()(await client.connect());
  client.simulateCut();
  client.simulateCut({ stay: true });
  client.close();
  {
    using another = new Client();
    another.connect().catch(() => {});
  }

  const off = client.on("state", (change) => exactly<StateChange>()(change));
  off();
  client.on("error", (error) => exactly<SamewireError>()(error));
  client.on("activity", (event) => {
    exactly<Activity>()(event);
    if (event.kind === "call") exactly<"http" | "session">()(event.wire);
    else exactly<"up" | "down">()(event.direction);
  });
  client.on("token", ({ reason }) => {
    exactly<"first" | "expiring" | "expired" | "refused">()(reason);
    return "token";
  });
  client.on("token", async () => null);
  // @ts-expect-error: a token is a text
  client.on("token", () => 7);
  // @ts-expect-error: no such event
  client.on("message", () => {});
  for await (const { state, retryIn, error } of client.states()) {
    exactly<State>()(state);
    exactly<number | undefined>()(retryIn);
    exactly<SamewireError | undefined>()(error);
    if (state === "closed") break;
  }
  await init();
  await init(new URL("https://example.com/samewire_bg.wasm"));
  await init(fetch("/samewire_bg.wasm"));
}

export async function calls(client: Client) {
  const options: CallOptions = { signal: AbortSignal.timeout(1_000), timeout: 5_000, idempotent: true, onPart: (part) => part, attachment: new Uint8Array(3), onAttachment: (bytes) => bytes.length };
  exactly<FileList>()(await client.call("files/list"));
  exactly<FileList>()(await client.api.files.list({}, options));
  exactly<{ removed: boolean }>()(await client.wsTransport.call("files/remove", { id: "fi_1" }, options));
  exactly<{ removed: boolean }>()(await client.httpTransport.call("files/remove", { id: "fi_1" }, { timeout: null }));
  exactly<{ stream: string; file: FileRecord }>()(await client.api.files.open({ id: "fi_1" }));
  exactly<unknown>()(await client.api.system.echo({ any: ["thing"] }));
  exactly<unknown>()(await client.call("somebody/elses", { any: "thing" }, options));
  for (const { name, route } of (await client.api.system.introspect()).methods) {
    exactly<string>()(name);
    exactly<"any" | "session">()(route);
  }
  // @ts-expect-error: the params are missing
  client.call("files/remove");
  // @ts-expect-error: the params have another type
  client.call("files/remove", { id: 7 });
  // @ts-expect-error: no such method
  client.api.files.rename({});
  // @ts-expect-error: no such option
  client.call("files/list", {}, { retries: 3 });
}

interface ShopApi {
  "cart/add": Method<{ article: string; count?: number }, { lines: number }>;
  "cart/lines/list": Method<undefined, string[]>;
  "cart/lines/clear": Method<Record<string, never>, null>;
  ping: Method<undefined, "pong">;
}

export async function ownApi() {
  const client = new Client<BuiltInApi & ShopApi>();
  exactly<{ lines: number }>()(await client.call("cart/add", { article: "tea" }));
  exactly<{ lines: number }>()(await client.api.cart.add({ article: "tea", count: 2 }));
  exactly<string[]>()(await client.api.cart.lines.list());
  exactly<null>()(await client.api.cart.lines.clear({}));
  exactly<"pong">()(await client.api.ping());
  exactly<FileList>()(await client.api.files.list());
  // @ts-expect-error: the params have another type
  client.api.cart.add({ article: 7 });
  // @ts-expect-error: the params are missing
  client.api.cart.lines.clear();

  const shopOnly = new Client<ShopApi>();
  exactly<"pong">()(await shopOnly.wsTransport.call("ping"));
  // @ts-expect-error: these types do not know it
  shopOnly.api.files;
}

export async function uploads(client: Client, file: File, readable: ReadableStream<Uint8Array<ArrayBuffer>>) {
  const uploader: Uploader = client.createBlobUploader(file, { name: "a.txt", media: "text/plain", signal: new AbortController().signal });
  client.createBlobUploader(new Blob(["x"]));
  client.createBlobUploader(new Uint8Array(3));
  client.createBlobUploader(new ArrayBuffer(3));
  client.createBlobUploader(readable, { size: 100 });
  // @ts-expect-error: not bytes
  client.createBlobUploader("text");

  exactly<string>()(uploader.id);
  exactly<Progress>()(uploader.progress);
  uploader.on("progress", ({ sent, durable, total, rate, timeLeft }) => {
    exactly<number>()(sent + durable + rate);
    exactly<number | undefined>()(total);
    exactly<number | undefined>()(timeLeft);
  });
  uploader.on("state", (state) => exactly<"idle" | "uploading" | "paused" | "finished" | "failed" | "canceled">()(state));
  uploader.pause();
  uploader.resume();
  exactly<StreamEnd>()(await uploader.upload());
  exactly<UploadedFile>()(await client.api.files.upload({ stream: uploader }));
  exactly<UploadedFile>()(await client.api.files.upload({ streamId: uploader.id, name: "b.txt" }));
  // @ts-expect-error: a stream is missing
  client.api.files.upload({ name: "b.txt" });
  uploader.cancel();
}

export async function resuming(file: File, handle: FileSystemFileHandle) {
  const client = new Client({ persist: "session" });
  // @ts-expect-error: a session is all that is kept
  new Client({ persist: "local" });
  client.createBlobUploader(file, { resume: true, handle });
  for (const upload of await client.rememberedUploads()) {
    exactly<RememberedUpload>()(upload);
    exactly<boolean>()(upload.hasHandle && upload.active);
    exactly<number>()(upload.size + upload.durable + upload.startedAt);
    exactly<Uploader>()(await upload.resume());
    exactly<Uploader>()(await upload.resume(file, { signal: AbortSignal.timeout(1_000) }));
    // @ts-expect-error: not a file
    upload.resume("clip.mov");
    exactly<void>()(await upload.forget());
  }
}

export async function files(client: Client, id: string) {
  const file = await client.api.files.get({ id });
  exactly<FileRecord>()(file);
  exactly<FilePart[] | undefined>()(file.parts);
  exactly<FileRecord>()(await client.api.files.process({ id, kind: "video" }));
  exactly<FileRecord>()(await client.api.files.cancel({ id }));
  exactly<{ stream: string; file: FileRecord }>()(await client.api.files.open({ id, part: "poster", offset: 10, length: 20 }));
  exactly<FileList>()(await client.api.files.list({ after: id, limit: 10 }));
  exactly<string>()(await client.fileUrl(id, { part: "video", ttl: 60_000 }));
  exactly<string>()(await client.fileUrl(id));
  // @ts-expect-error: no such option
  client.fileUrl(id, { download: true });

  const room = client.watchFile(id);
  exactly<Room<FileRecord, FileEvents>>()(room);
  exactly<FileRecord | null | undefined>()(room.state);
  for await (const event of room) {
    switch (event.name) {
      case "processing:progress":
        exactly<number>()(event.data.progress);
        break;
      case "processing:completed":
        exactly<FilePart[]>()(event.data.parts);
        break;
      // @ts-expect-error: no such event
      case "processing:paused":
        break;
    }
  }
}

export async function streams(client: Client) {
  const outgoing: OutgoingStream = client.createStream({ name: "log", media: "text/plain", size: 3 });
  client.createStream();
  const writer = outgoing.writable.getWriter();
  await writer.write(new Uint8Array(3));
  await writer.close();
  exactly<StreamEnd>()(await outgoing.finished);
  await client.call("files/upload", { stream: outgoing });
  outgoing.abort(new Error("no"));

  const readable = client.getStream("st_1");
  exactly<ReadableStream<Uint8Array<ArrayBuffer>>>()(readable);
  await readable.pipeTo(new WritableStream());
  new Response(client.getStream("st_2"));
}

export function errors(thrown: unknown) {
  if (thrown instanceof SamewireError) {
    exactly<boolean>()(thrown.retryable);
    exactly<"no" | "yes" | "maybe">()(thrown.ran);
    exactly<number | undefined>()(thrown.status);
    exactly<unknown>()(thrown.data);
    switch (thrown.code) {
      case "quota-exceeded":
      case "a-code-of-the-app":
        return thrown.message;
    }
  }
  return new SamewireError("my-code", "my message", { retryable: true, ran: "no", cause: thrown }).name;
}
