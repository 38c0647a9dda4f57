// The public types, by hand: they are the reference of the package.
import type { FileEvents, FileRecord, FilesApi, LinkOptions } from "./files.js";
import type { Live } from "./live.js";
import type { JoinOptions, Room } from "./rooms.js";

export type * from "./files.js";
export type * from "./live.js";
export type * from "./rooms.js";

/** What a method takes and what it answers. `params` may be left out in a call when `undefined` is among its types. */
export interface Method<Params = unknown, Result = unknown> {
  params: Params;
  result: Result;
}

/** The methods that every samewire server has. */
export interface BuiltInApi extends FilesApi {
  /** What the server is, and which methods it has. */
  "system/introspect": Method<Record<string, never> | undefined, Introspection>;
  /** Answers its params. */
  "system/echo": Method<unknown, unknown>;
}

/** What names a stream in the params of a call: the object, or its id. */
export type StreamName = string | { readonly id: string; toJSON(): string };

export interface Introspection {
  server: string;
  version: string;
  methods: { name: string; route: "any" | "session"; idempotent: boolean; title: string }[];
}

/** The shape of an app's own methods, for `Client<BuiltInApi & MyApi>`. */
export type ApiShape<Api> = { [Name in keyof Api]: Method<any, any> };

export interface ClientOptions {
  /** The server's address for calls over HTTP, which go to `{apiUrl}/rpc/{method}`. Default: the page's origin. */
  apiUrl?: string | URL;
  /** The address of the session's WebSocket. Default: `{apiUrl}/session`, with `ws` in place of `http`. */
  wsUrl?: string | URL;
  /**
   * Whether calls that may go either way go over the session. Default `false`: they go over HTTP. A call whose params name a
   * stream goes over the session always.
   */
  preferWebSocket?: boolean;
  /**
   * Whether a page connects soon after the client was made. Default `true`. With `false`, and outside of pages and workers (in
   * Node), the session is connected when it is first needed or by {@link Client.connect}.
   */
  autoConnectWebSocket?: boolean;
  /**
   * Who you are: a token that the server accepts, or a function that gives one, which is asked when there is none yet, before the
   * present one expires, and when the server does not take it any more. Without one the client is anonymous, where the server allows
   * that. It travels in a message or a header, never in a URL.
   */
  token?: string | null | TokenSource;
  /**
   * Whether the session goes on when the page is reloaded. `session`: its ticket is kept in the tab's `sessionStorage`, where any script
   * of the page's origin can read it, as it can use the client. So a client without a token keeps what it owns: its files, and the
   * uploads that it may resume. Calls and rooms are not continued. A copied tab begins a session of its own. For one client of a page and
   * a server, in pages that have Web Locks (HTTPS or localhost); elsewhere it does nothing. Default: no.
   */
  persist?: "session" | undefined;
}

/** Gives a token, or nothing where there is none. */
export type TokenSource = (wanted: TokenWanted) => string | null | undefined | Promise<string | null | undefined>;

export interface TokenWanted {
  /** `first`: there is none yet. `expiring`: the present one expires soon. `expired`: it has. `refused`: the server did not take it. */
  reason: "first" | "expiring" | "expired" | "refused";
}

export interface CallOptions {
  /** Gives the call up: it rejects with the signal's reason, and its handler on the server is told. */
  signal?: AbortSignal | undefined;
  /**
   * How long to wait for the answer, in milliseconds. The server is told too. Default 30,000; none for a call that names a stream,
   * since it may wait for all of its bytes. `null` or `Infinity`: none.
   */
  timeout?: number | null | undefined;
  /**
   * Whether the call may run twice without harm. Then it is made again after a cut even when the server cannot say whether it ran;
   * otherwise it rejects with `connection-lost` and `ran: "maybe"`. Default: what a built-in method says of itself, else `false`.
   */
  idempotent?: boolean | undefined;
  /** Hears the parts of a result that comes in parts. Calls with parts go over the session. */
  onPart?: ((part: any) => void) | undefined;
  /** Bytes that travel beside the params, as they are. Such a call goes over the session. */
  attachment?: Bytes | undefined;
  /** Hears the bytes that come beside the result. Such a call goes over the session. */
  onAttachment?: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
}

/** Bytes, as the app has them. */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** `[params]`, which may be left out when `undefined` will do, and options. */
type Arguments<M extends Method> = undefined extends M["params"]
  ? [params?: M["params"], options?: CallOptions]
  : [params: M["params"], options?: CallOptions];

type Methods<Api> = Extract<keyof Api, string>;

/** How calls are made: the client itself, or one wire of it. */
export interface Caller<Api = BuiltInApi> {
  /** Calls a method and resolves with its result. Rejects with a {@link SamewireError}, with the reason of an aborted signal, or with a TypeError for params that JSON cannot hold. */
  call<Name extends Methods<Api>>(
    method: Name,
    ...args: Api[Name] extends Method ? Arguments<Api[Name]> : never
  ): Promise<Api[Name] extends Method ? Api[Name]["result"] : never>;
  /** Calls a method that the types do not know. */
  call<Name extends string>(method: Name extends Methods<Api> ? never : Name, params?: unknown, options?: CallOptions): Promise<unknown>;
}

type Head<Path extends string> = Path extends `${infer First}/${string}` ? First : Path;
type Tail<Path extends string, First extends string> = Path extends `${First}/${infer Rest}` ? Rest : never;

/** `api.files.list()` for `"files/list"`: an object for each part of a name, a function for the last one. */
export type ApiFace<Api, Prefix extends string = "", Paths extends string = Methods<Api>> = {
  readonly [First in Head<Paths>]: (First extends Paths
    ? Api[`${Prefix}${First}` & keyof Api] extends infer M extends Method
      ? (...args: Arguments<M>) => Promise<M["result"]>
      : unknown
    : unknown) &
    ([Tail<Paths, First>] extends [never] ? unknown : ApiFace<Api, `${Prefix}${First}/`, Tail<Paths, First>>);
};

/** Where a session stands. */
export type State =
  /** Not connected, and not asked to. */
  | "idle"
  /** A connection is being made. */
  | "connecting"
  /** Connected: calls and streams flow. */
  | "live"
  /** The connection is lost; it comes back by itself. */
  | "waiting"
  /** Over, until {@link Client.connect} is called. */
  | "closed";

export interface StateChange {
  state: State;
  /** With `waiting`: milliseconds until the next attempt. */
  retryIn?: number | undefined;
  /** With `closed`: why. */
  error?: SamewireError | undefined;
}

/** What a call or a stream does, for a panel that shows it or a log. */
export type Activity = CallActivity | StreamActivity;

export interface CallActivity {
  kind: "call";
  /** Rises with each call of the client, whichever wire it takes. */
  id: number;
  /** The method. */
  name: string;
  wire: "http" | "session";
  state: "sent" | "ok" | "error";
  /** How long it took, in milliseconds. Absent while it is under way. */
  ms?: number;
  /** Whether its params name a stream. */
  namesStream: boolean;
  /** The first stream that they name. */
  stream?: string | undefined;
  /** With `error`: the error's code, or its name if it has none. */
  code?: string;
}

export interface StreamActivity {
  kind: "stream";
  /** `st_` and 32 hexadecimal digits. */
  id: string;
  name?: string | undefined;
  direction: "up" | "down";
  wire: "session";
  /** Up: as {@link Uploader.state}. Down: `open`, then `finished`, `aborted` or `canceled`. */
  state: UploadState | "open" | "aborted";
  /** Up: bytes that the server has made durable. Down: bytes that the app has read. */
  offset: number;
  /** In bytes, where it is known. */
  size?: number | undefined;
  /** The code of the error that ended it. */
  code?: string | undefined;
}

export interface ClientEvents {
  state: StateChange;
  activity: Activity;
  /** What belongs to no call and no stream: a connection that could not be made, a message of the server. */
  error: SamewireError;
}

/**
 * A client of a samewire server: calls, over HTTP or over its session, and streams on the session.
 *
 * Making one does nothing but, in a page, connect soon after (see {@link ClientOptions.autoConnectWebSocket}).
 */
export class Client<Api = BuiltInApi> implements Caller<Api> {
  constructor(options?: ClientOptions);

  /** `client.api.files.list()` is `client.call("files/list")`. */
  readonly api: ApiFace<Api>;
  /** Calls over the session, whatever is preferred. */
  readonly wsTransport: Caller<Api>;
  /** Calls over HTTP, whatever is preferred. One that names a stream is answered only if the session that carries it is up. */
  readonly httpTransport: Caller<Api>;

  call: Caller<Api>["call"];

  /**
   * An upload of a file, a blob, bytes or a ReadableStream of bytes. Its id can be named in calls at once, before there is any
   * connection; a call that names it starts it.
   */
  createBlobUploader(input: Blob | ArrayBuffer | ArrayBufferView | ReadableStream<BufferSource>, options?: UploadOptions): Uploader;

  /**
   * The uploads that were begun with `resume` by this user, or on this session, and did not end: by pages that are gone, and by those that
   * are still there. The newest first. Waits for the connection.
   */
  rememberedUploads(): Promise<RememberedUpload[]>;

  /** A stream to the server that the app writes. It begins with the first write, or with a call that names it. */
  createStream(options?: StreamOptions): OutgoingStream;

  /**
   * A stream that the server sends, by the id that a result told. It errors, and never just ends, when it is not whole or not what was
   * sent. Canceling it tells the server. Waits up to 10 s for a stream that has not begun yet; one that nobody asks for is given up
   * after 60 s.
   */
  getStream(id: string): ReadableStream<Uint8Array<ArrayBuffer>>;

  /** Where the session stands. */
  readonly state: State;
  /** The session's id: `se_` and 32 hexadecimal digits. Absent before the first connection. */
  readonly session: string | undefined;
  /** What became of the session before: all kept; calls forgotten by a server that was started anew; or a new session. */
  readonly continuity: "kept" | "restarted" | "fresh" | undefined;
  /** Who the server takes the client for. Absent for an anonymous one. */
  readonly identity: string | undefined;

  /** Calls the listener for each event, until the returned function is called. */
  on<Type extends keyof ClientEvents>(type: Type, listener: (event: ClientEvents[Type]) => void): () => void;
  /**
   * Gives a token when one is wanted, as {@link ClientOptions.token} does where it is a function, which is asked last. A live session
   * takes it without a reconnect. Asked once at a time, however many need one.
   */
  on(type: "token", listener: TokenSource): () => void;

  /** The present state, then each change. Does not end by itself. */
  states(): AsyncGenerator<StateChange, void, undefined>;

  /**
   * Connects now, also where an attempt is waited for or the session is closed. Resolves when the session is live; rejects when the
   * server says that there is no point in trying again. A connection that is merely lost is tried again for ever.
   */
  connect(): Promise<void>;

  /**
   * Joins a room, `kind:name`, and returns a handle of it at once. It is joined as soon as the session is live, and again after each
   * reconnect, by itself. Handles of the same room share one membership, with the `presence` and `info` of the first.
   */
  join<State = any, Events extends object = Record<string, any>>(room: string, options?: JoinOptions): Room<State, Events>;

  /** Joins the room of a file, whose state is the file's record: right at once, however far its processing has come. */
  watchFile(id: string, options?: JoinOptions): Room<FileRecord, FileEvents>;

  /** Live video, from browser to browser. */
  readonly live: Live;

  /** An address of a file's content, or a part's, for a while: for `<video>` and `<img>`, which cannot send a token. Whoever has it can read it. */
  fileUrl(id: string, options?: LinkOptions): Promise<string>;

  /** Ends the session, here and on the server, and with it every call, stream and room on it. {@link Client.connect} begins a new one. */
  close(): void;

  /** `using client = new Client()` closes it. */
  [Symbol.dispose](): void;

  /**
   * For tests and demonstrations: loses the present connection, as a network that fails would. It comes back by itself; with `stay`,
   * every attempt fails until {@link Client.connect} is called.
   */
  simulateCut(options?: { stay?: boolean }): void;
}

export interface StreamOptions {
  /** A name for people: 1 to 255 bytes, without slashes and control characters. */
  name?: string | undefined;
  /** The media type. */
  media?: string | undefined;
  /** The size in bytes. Absent: it is known at the end. One that is given has to be right. */
  size?: number | undefined;
}

export interface UploadOptions extends StreamOptions {
  /** Cancels the upload, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Whether a later page can go on with it: of a File or Blob. It is written down in this browser until it has ended, and found again when
   * the same file is given with `resume`, or by {@link Client.rememberedUploads}. Then its id is that of the upload that was found, which
   * is known only once it has been looked up; a call that names it waits for that. Only one page at a time can send it: a second one gets
   * `upload-in-other-tab`. Needs a token, or {@link ClientOptions.persist}. Default `false`.
   */
  resume?: boolean | undefined;
  /** With `resume`: the file's handle, from a file picker or a drop. It is kept, so that the file need not be chosen again. */
  handle?: FileSystemFileHandle | undefined;
}

/** An upload that this or another page began with `resume`. */
export interface RememberedUpload {
  /** The stream's id. */
  readonly id: string;
  readonly name: string | undefined;
  readonly media: string | undefined;
  /** In bytes. */
  readonly size: number;
  /** How many bytes the server had when it was last written down, every 2 s at most. */
  readonly durable: number;
  /** In milliseconds since 1970-01-01 UTC. */
  readonly startedAt: number;
  /** Whether a page is sending it at this moment: this one or another. */
  readonly active: boolean;
  /** Whether it can be resumed without the file. */
  readonly hasHandle: boolean;
  /**
   * An uploader of the rest, which does not begin by itself. Without a file it uses the handle: then call it from a click's listener, since
   * the browser may have to ask the user (`permission-needed`). The file has to be the same by name, size and samples of its content
   * (`wrong-file`); in the end, by the digest of the whole. Where the server has no such stream any more, it begins anew.
   */
  resume(file?: Blob, options?: Omit<UploadOptions, "resume">): Promise<Uploader>;
  /** Takes it off the list. What the server has of it expires there. */
  forget(): Promise<void>;
}

export type UploadState = "idle" | "uploading" | "paused" | "finished" | "failed" | "canceled";

export interface Progress {
  /** Bytes that were handed to the connection. */
  sent: number;
  /** Bytes that the server has made durable: those a cut cannot take back. */
  durable: number;
  /** The size in bytes, where it is known. */
  total: number | undefined;
  /** Durable bytes a second, over the last 3 s. 0 unless it is uploading. */
  rate: number;
  /** Seconds that are left at this rate. Absent while that cannot be told. */
  timeLeft: number | undefined;
}

/** A stream that the server has, whole and verified. */
export interface StreamEnd {
  id: string;
  /** In bytes. */
  size: number;
  /** `blake3:` and 64 hexadecimal digits. */
  digest: string;
}

export interface UploaderEvents {
  /** Told at most ten times a second, and once at the end. */
  progress: Progress;
  state: UploadState;
}

/** One upload. It goes on by itself after a cut, where it was. */
export interface Uploader {
  /** The stream's id: `st_` and 32 hexadecimal digits. With {@link UploadOptions.resume} it may become another one when it starts. */
  readonly id: string;
  /** The name given, or the file's. */
  readonly name: string | undefined;
  readonly size: number | undefined;
  readonly state: UploadState;
  readonly progress: Progress;
  /** Starts it, if it is not started, and resolves when the server has all of it, verified. */
  upload(): Promise<StreamEnd>;
  /** Stops sending. The server keeps what it has until the stream expires. */
  pause(): void;
  resume(): void;
  /** Gives it up: the server drops what it has, and `upload()` rejects with code `canceled`. */
  cancel(): void;
  on<Type extends keyof UploaderEvents>(type: Type, listener: (event: UploaderEvents[Type]) => void): () => void;
  /** The id, so that the uploader can stand in the params of a call. */
  toJSON(): string;
}

/** A stream that the app writes. */
export interface OutgoingStream {
  /** The stream's id: `st_` and 32 hexadecimal digits. */
  readonly id: string;
  /** A write resolves when there is room for more. Closing it resolves when the server has all of it, verified. */
  readonly writable: WritableStream<BufferSource>;
  /** Resolves when the server has all of it, verified. */
  readonly finished: Promise<StreamEnd>;
  /** Gives it up: `finished` rejects with the reason. */
  abort(reason?: unknown): void;
  /** The id, so that the stream can stand in the params of a call. */
  toJSON(): string;
}

/** What went wrong, for programs (`code`, `retryable`, `ran`) and for people (`message`). */
export class SamewireError extends Error {
  constructor(
    code: string,
    message: string,
    details?: { retryable?: boolean; ran?: Ran; data?: unknown; status?: number; cause?: unknown },
  );
  readonly name: "SamewireError";
  /** Stable: one of {@link ErrorCode}, or one that a server or a later version knows. */
  readonly code: ErrorCode | (string & {});
  /** Whether the same request can succeed when it is made again. */
  readonly retryable: boolean;
  /** Whether a handler ran. */
  readonly ran: Ran;
  /** What else a method tells about its own error. */
  readonly data: unknown;
  /** The status of the answer, for a call over HTTP. */
  readonly status: number | undefined;
}

/** `no`: nothing ran. `yes`: the handler ran, and this is its error. `maybe`: it cannot be told. */
export type Ran = "no" | "yes" | "maybe";

export type ErrorCode =
  | "answer-lost"
  | "bad-frame"
  | "bad-media"
  | "bad-name"
  | "bad-number"
  | "bad-offset"
  | "bad-params"
  | "bad-request"
  | "beyond-credit"
  | "canceled"
  | "checksum-mismatch"
  | "conflict"
  | "connection-lost"
  | "deadline-exceeded"
  | "digest-mismatch"
  | "digest-required"
  | "file-not-found"
  | "forbidden"
  | "handshake-timeout"
  | "heartbeat-timeout"
  | "internal"
  | "job-not-found"
  | "lease-lost"
  | "live-full"
  | "live-not-found"
  | "live-taken"
  | "member-not-found"
  | "method-not-found"
  | "misdirected"
  | "not-joined"
  | "origin-refused"
  | "overloaded"
  | "peer-not-found"
  | "processing-failed"
  | "processing-unavailable"
  | "quota-exceeded"
  | "range-not-satisfiable"
  | "rate-limited"
  | "restart"
  | "room-full"
  | "room-not-found"
  | "session-closed"
  | "size-mismatch"
  | "stale-negotiation"
  | "storage-full"
  | "stream-aborted"
  | "stream-not-found"
  | "superseded"
  | "token-expired"
  | "token-invalid"
  | "token-revoked"
  | "too-big"
  | "too-many-calls"
  | "too-many-rooms"
  | "too-many-sessions"
  | "too-many-streams"
  | "unauthenticated"
  | "unknown-type"
  | "unsupported-media"
  | "wrong-protocol"
  /** The function that gives the token failed. */
  | "token-unavailable"
  /** There is no WebSocket where this runs. */
  | "no-websocket"
  /** There is no page to take the server's address from, and no `apiUrl`. */
  | "no-url"
  /** The bytes of an upload can no longer be read: the file changed or is gone. */
  | "source-unreadable"
  /** This is not the file that was being uploaded. */
  | "wrong-file"
  /** Another tab, or another uploader of this page, is sending the same file. */
  | "upload-in-other-tab"
  /** An upload cannot be resumed without its file. */
  | "file-needed"
  /** The browser gives the file only with the user's consent. */
  | "permission-needed"
  /** Uploads cannot be remembered in this browser. */
  | "storage-unavailable"
  /** There is nothing to broadcast in a MediaStream, or no track of this kind. */
  | "no-tracks"
  /** This browser has no WebRTC, or it is switched off. */
  | "no-webrtc"
  /** A part of the package that is loaded when it is needed could not be. */
  | "module-unavailable"
  /** The wasm could not be loaded. */
  | "wasm-unavailable";

/**
 * Loads the wasm, once; a client does so by itself when it first needs it. `input` says where it is, where the place beside this module
 * will not do: a URL, a Response, its bytes or a compiled Module.
 */
export function init(
  input?: string | URL | Request | Response | BufferSource | WebAssembly.Module | Promise<Response>,
): Promise<void>;
