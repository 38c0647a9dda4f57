import type {
  Broadcast,
  BroadcastOptions,
  Client,
  FileRecord,
  JoinOptions,
  LiveRecord,
  LiveState,
  Presence,
  Progress,
  Room,
  RoomStatus,
  SamewireError,
  State,
  StreamEnd,
  UploadOptions,
  UploadState,
  Watch,
  WatchOptions,
} from "./index.js";

/** Where the client's session stands. Renders again when that changes. */
export function useClientState(client: Pick<Client<any>, "state" | "on">): State;

/** One upload at a time: starts it, and renders again as it goes on. It goes on when the component is gone; `cancel` it if it should not. */
export function useUpload(client: Pick<Client<any>, "createBlobUploader">): {
  state: UploadState;
  /** Absent before the first upload. */
  progress: Progress | undefined;
  /** Why the upload failed. */
  error: unknown;
  /** What the server has, once it has all of it. */
  result: StreamEnd | undefined;
  /** Begins an upload in place of the one that was shown, and resolves when the server has all of it, verified. */
  start(input: Parameters<Client["createBlobUploader"]>[0], options?: UploadOptions): Promise<StreamEnd>;
  pause(): void;
  resume(): void;
  cancel(): void;
};

/** A stored file, as its processing goes on: the record follows the file's room for as long as the component is there. */
export function useFile(
  client: Pick<Client<any>, "join">,
  /** Undefined while there is none yet. */
  id: string | undefined,
): {
  /** Absent until the room is joined. */
  file: FileRecord | undefined;
  /** How far its processing is, from 0 to 100: the mean of all kinds; 100 where there is nothing to process. */
  progress: number | undefined;
  status: RoomStatus;
  /** Why it cannot be seen, or no longer: `room-not-found`, `file-not-found`. */
  error?: SamewireError | undefined;
};

/**
 * In a room for as long as the component is there. Renders again when the room's status, state or presence changes, not for each
 * event: `useEffect(() => room?.on("event", show), [room])` hears those. Other options take effect with another name.
 */
export function useRoom<Shared = any, Events extends object = Record<string, any>>(
  client: Pick<Client<any>, "join">,
  /** Undefined while it is not known which. */
  name: string | undefined,
  options?: JoinOptions,
): {
  /** The handle. Absent in the first rendering. */
  room: Room<Shared, Events> | undefined;
  status: RoomStatus;
  state: Shared | null | undefined;
  presence: Presence;
  role?: string | undefined;
  member?: number | undefined;
  error?: SamewireError | undefined;
  recovered?: boolean | undefined;
  lost?: number | null;
};

/**
 * Watches a stream for as long as the component is there, in `<video ref={video} />`, which the first rendering has to hold. Other options
 * take effect with another stream.
 */
export function useWatch(
  client: Pick<Client<any>, "live">,
  /** Undefined while it is not known which. */
  stream: string | undefined,
  options?: WatchOptions,
): {
  /** For the `ref` of the element. */
  video: { current: HTMLVideoElement | null };
  /** The handle, to resume the playback or to try again. Absent in the first rendering, and where it could not begin: then it is `failed`. */
  watch: Watch | undefined;
  state: LiveState;
  waiting: boolean;
  playbackBlocked: Watch["playbackBlocked"];
  what?: Watch["what"];
  reason?: Watch["reason"];
  error?: SamewireError | undefined;
  record?: LiveRecord | undefined;
  viewerId?: string | undefined;
  mediaStream?: MediaStream | undefined;
  stats?: Watch["stats"];
};

/** Broadcasts for as long as the component is there and there is a `media`. Other options take effect with another stream or media. */
export function useBroadcast(
  client: Pick<Client<any>, "live">,
  /** Undefined while it is not known which. */
  stream: string | undefined,
  /** Undefined while there is none yet. */
  media: MediaStream | undefined,
  options?: BroadcastOptions,
): {
  /** The handle, to replace tracks and to mute. Absent in the first rendering, and where it could not begin: then it is `failed`. */
  broadcast: Broadcast | undefined;
  state: LiveState;
  viewers: Broadcast["viewers"];
  muted: Broadcast["muted"];
  what?: Broadcast["what"];
  reason?: Broadcast["reason"];
  error?: SamewireError | undefined;
  record?: LiveRecord | undefined;
  stats?: Broadcast["stats"];
};

/** A stream's record, counts included, without watching it. */
export function useLiveRecord(
  client: Pick<Client<any>, "live">,
  stream: string | undefined,
): {
  /** Absent until the room of the stream is joined. */
  record: LiveRecord | undefined;
  /** Why it cannot be seen, or no longer. */
  error: SamewireError | undefined;
};
