import type {
  Client,
  FileRecord,
  JoinOptions,
  Presence,
  Progress,
  Room,
  RoomStatus,
  SamewireError,
  State,
  StreamEnd,
  UploadOptions,
  UploadState,
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
