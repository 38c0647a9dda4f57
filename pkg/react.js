// Hooks for React 18 and later.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

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

const NOWHERE = { room: undefined, status: "joining", state: undefined, presence: { entries: new Map(), users: 0, members: 0 } };

export function useRoom(client, name, options) {
  const [shown, setShown] = useState(NOWHERE);
  // What the first rendering says holds for as long as the name does.
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    if (name === undefined) return;
    const room = client.join(name, latest.current);
    const show = () => {
      const { status, state, presence, role, member, error, recovered, lost } = room;
      setShown({ room, status, state, presence, role, member, error, recovered, lost });
    };
    const offs = ["status", "state", "presence", "recovery"].map((type) => room.on(type, show));
    show();
    return () => {
      for (const off of offs) off();
      room.leave();
      setShown(NOWHERE);
    };
  }, [client, name]);
  return shown;
}

const PLAIN = { presence: false };

export function useFile(client, id) {
  const { status, state, error } = useRoom(client, id === undefined ? undefined : `file:${id}`, PLAIN);
  const jobs = state?.processing ?? [];
  const share = jobs.length > 0 ? jobs.reduce((sum, { progress }) => sum + progress, 0) / jobs.length : 100;
  return { file: state ?? undefined, progress: state ? share : undefined, status, error };
}

/** What is broadcast, watched or followed for as long as the component is there; `read` takes from it what is shown. */
function usePart(begin, types, read, nothing, dependencies) {
  const [shown, setShown] = useState(nothing);
  useEffect(() => {
    let part;
    try {
      part = begin();
    } catch (error) {
      // What an effect throws takes the whole tree of components away. The error's class may be that of another copy of the package.
      if (error?.name !== "SamewireError") throw error;
      setShown({ ...nothing, state: "failed", error });
      return () => setShown(nothing);
    }
    if (!part) return;
    const show = () => setShown(read(part));
    const offs = types.map((type) => part.on(type, show));
    show();
    return () => {
      for (const off of offs) off();
      part.stop();
      setShown(nothing);
    };
  }, dependencies);
  return shown;
}

const UNSEEN = { watch: undefined, state: "connecting", waiting: false, playbackBlocked: false };

export function useWatch(client, stream, options) {
  const latest = useRef(options);
  latest.current = options;
  const video = useRef(null);
  const begin = () => (stream === undefined ? undefined : client.live.watch(stream, { video: video.current ?? undefined, ...latest.current }));
  const read = (watch) => {
    const { state, what, reason, waiting, error, record, viewerId, mediaStream, stats, playbackBlocked } = watch;
    return { watch, state, what, reason, waiting, error, record, viewerId, mediaStream, stats, playbackBlocked };
  };
  const shown = usePart(begin, ["state", "record", "media", "stats", "playback"], read, UNSEEN, [client, stream]);
  return { ...shown, video };
}

const UNSENT = { broadcast: undefined, state: "connecting", viewers: new Map(), muted: { audio: false, video: false } };

export function useBroadcast(client, stream, media, options) {
  const latest = useRef(options);
  latest.current = options;
  const begin = () => (stream === undefined || !media ? undefined : client.live.broadcast(stream, media, latest.current));
  const read = (broadcast) => {
    const { state, what, reason, error, record, viewers, stats, muted } = broadcast;
    return { broadcast, state, what, reason, error, record, viewers, stats, muted };
  };
  return usePart(begin, ["state", "record", "viewers", "stats", "muted"], read, UNSENT, [client, stream, media]);
}

const UNKNOWN = { record: undefined, error: undefined };

export function useLiveRecord(client, stream) {
  const begin = () => (stream === undefined ? undefined : client.live.observe(stream));
  return usePart(begin, ["record", "status"], ({ record, error }) => ({ record, error }), UNKNOWN, [client, stream]);
}
