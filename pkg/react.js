// Hooks for React 18 and later.
import { useCallback, useRef, useState, useSyncExternalStore } from "react";

export function useClientState(client) {
  const subscribe = useCallback((changed) => client.on("state", changed), [client]);
  return useSyncExternalStore(subscribe, () => client.state, () => "idle");
}

const NOTHING = { state: "idle", progress: undefined, error: undefined, result: undefined };

export function useUpload(client) {
  const [shown, setShown] = useState(NOTHING);
  const current = useRef(undefined);
  const start = useCallback(
    async (input, options) => {
      const uploader = client.createBlobUploader(input, options);
      // A later upload takes this one's place in the page; it does not end it.
      current.current = uploader;
      const show = (more) => {
        if (current.current === uploader) setShown({ ...NOTHING, state: uploader.state, progress: uploader.progress, ...more });
      };
      uploader.on("state", () => show());
      uploader.on("progress", () => show());
      try {
        const result = await uploader.upload();
        show({ result });
        return result;
      } catch (error) {
        show({ error });
        throw error;
      }
    },
    [client],
  );
  const command = (name) => () => current.current?.[name]();
  const [commands] = useState(() => ({ pause: command("pause"), resume: command("resume"), cancel: command("cancel") }));
  return { ...shown, ...commands, start };
}
