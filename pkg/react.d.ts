import type { Client, Progress, State, StreamEnd, UploadOptions, UploadState } from "./index.js";

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
