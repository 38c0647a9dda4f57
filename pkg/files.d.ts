// Stored files, their processing, and the rooms in which it is told.
import type { Method, StreamName } from "./index.js";

/** The methods of stored files. */
export interface FilesApi {
  /**
   * Makes a stored file of a stream, once all of it has arrived and is verified; its processing follows. Called again for the same stream
   * it answers alike, also where the stream was sent over HTTP.
   */
  "files/upload": Method<UploadParams, UploadedFile>;
  /** The caller's files, the newest first, 1,000 at most on a page. */
  "files/list": Method<ListParams | undefined, FileList>;
  /** One of the caller's files. */
  "files/get": Method<{ id: string }, FileRecord>;
  /** Opens a stream with a file's content, or a part's, or a range of either. Read it with {@link Client.getStream}. */
  "files/open": Method<OpenParams, { stream: string; file: FileRecord }>;
  /** Removes a file. Answers whether there was such a file. */
  "files/remove": Method<{ id: string }, { removed: boolean }>;
  /** Does again what failed or was given up: of this kind, or all of it. */
  "files/process": Method<{ id: string; kind?: string | undefined }, FileRecord>;
  /** Gives up the processing of a file, and leaves the file: of this kind, or all of it. */
  "files/cancel": Method<{ id: string; kind?: string | undefined }, FileRecord>;
  /** Makes an address, without the server's origin: {@link Client.fileUrl} has the whole one. */
  "files/link": Method<{ id: string } & LinkOptions, { url: string; expires: number }>;
}

/** The stream, under either name; `name` is the file's, by default that of the stream. */
export type UploadParams = ({ stream: StreamName } | { streamId: StreamName }) & { name?: string };

/** A file, as `files/upload` answers it. */
export interface UploadedFile extends FileRecord {
  /** The file's id, as `id`. */
  fileId: string;
  /** The same, for a video. */
  videoId?: string;
  /** Whether nothing is left to be done: there was nothing to process, or all of it is done. */
  isProcessed: boolean;
}

export interface ListParams {
  /** The last file of the page before. */
  after?: string | undefined;
  /** How many. Default and most 1,000. */
  limit?: number | undefined;
}

export interface FileList {
  files: FileRecord[];
  /** Whether there are more behind them. */
  more: boolean;
}

export interface OpenParams {
  id: string;
  /** One of the file's parts. Default: the file itself. */
  part?: string | undefined;
  /** The first byte. Default 0. */
  offset?: number | undefined;
  /** How many bytes. Default: up to the end. */
  length?: number | undefined;
}

export interface LinkOptions {
  /** One of the file's parts. Default: the file itself. */
  part?: string | undefined;
  /** For how long the address is good, in milliseconds. Default and most: the server's choice. */
  ttl?: number | undefined;
}

/** A stored file. It is also the state of its room. */
export interface FileRecord {
  /** `fi_` and 32 hexadecimal digits. */
  id: string;
  name: string;
  /** In bytes. */
  size: number;
  /** The media type: by content where the content tells, else the one that the uploader gave. */
  media?: string;
  /** `blake3:` and 64 hexadecimal digits. */
  digest: string;
  /** When it was stored, in milliseconds since 1970-01-01 UTC. */
  created: number;
  state: FileState;
  /** Each kind of processing that is done, or to be done, with it. */
  processing?: Processing[];
  /** What processing made of it. */
  parts?: FilePart[];
}

export type FileState =
  /** There is nothing to process. */
  | "stored"
  /** Some of its processing waits or is under way. */
  | "processing"
  /** All of its processing is done. */
  | "ready"
  /** None of it goes on, and some came to nothing. */
  | "failed";

/** One kind of processing of a file. */
export interface Processing {
  /** What is done, as `video`. */
  kind: string;
  state: "queued" | "running" | "completed" | "failed" | "canceled";
  /** From 0 to 100. It never falls while the file is processed, also when another attempt begins anew. */
  progress: number;
  /** Which attempt this is; 0 before the first. */
  attempt: number;
  /** What is being done at the moment. */
  stage?: string;
  /** Why it came to nothing, or why the attempt before did. */
  code?: string;
  /** The same, for people. */
  reason?: string;
}

/** Something that processing made of a file, as `poster`. */
export interface FilePart {
  name: string;
  media: string;
  /** In bytes. */
  size: number;
  /** In pixels, of a picture or a video. */
  width?: number;
  height?: number;
  /** How long it plays, in milliseconds. */
  duration?: number;
  /** What else is to be known of it. */
  extra?: Record<string, any>;
}

/** The events of a file's room, see {@link Client.watchFile}. Each of them has changed the room's state, too. */
export interface FileEvents {
  /** It is to be done once more, because somebody asked for it. */
  "processing:queued": { fileId: string; kind: string };
  /** An attempt begins. */
  "processing:started": { fileId: string; kind: string; attempt: number };
  /** It goes on; told a few times a second at most. `progress` is from 0 to 100. */
  "processing:progress": { fileId: string; kind: string; progress: number; stage?: string };
  /** An attempt came to nothing, and another one follows in `in` milliseconds at the earliest. */
  "processing:retrying": { fileId: string; kind: string; attempt: number; code: string; reason: string; in: number };
  /** It is done; `parts` are what it made. */
  "processing:completed": { fileId: string; kind: string; parts: FilePart[] };
  /** It came to nothing for good, or was given up (`canceled`). */
  "processing:failed": { fileId: string; kind: string; code: string; reason: string; attempt: number };
}
