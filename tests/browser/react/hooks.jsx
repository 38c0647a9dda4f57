// Components that show what the hooks give, for the tests to read in the page.
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { useBroadcast, useClientState, useFile, useLiveRecord, useRoom, useUpload, useWatch } from "samewire/react";

const shown = (name, value) => <output id={name}>{JSON.stringify(value) ?? "undefined"}</output>;

export function State({ client }) {
  return shown("state", useClientState(client));
}

export function Upload({ client }) {
  const upload = useUpload(client);
  window.upload = upload;
  const { state, progress, result, error } = upload;
  return shown("upload", { state, durable: progress?.durable, size: result?.size, error: error?.code });
}

export function Place({ client, name }) {
  const { room, status, state, presence, role, error } = useRoom(client, name);
  const [heard, setHeard] = useState([]);
  useEffect(() => room?.on("event", ({ name }) => setHeard((names) => [...names, name])), [room]);
  window.room = room;
  return shown("room", { status, state, role, users: presence.users, heard, error: error?.code });
}

export function Stored({ client, id }) {
  const { file, progress, status, error } = useFile(client, id);
  return shown("file", { name: file?.name, state: file?.state, progress, status, error: error?.code });
}

export function Cast({ client, stream, media }) {
  const { broadcast, state, viewers, error } = useBroadcast(client, stream, media);
  window.cast = broadcast;
  return shown("cast", { state, viewers: [...viewers.values()].map(({ state }) => state), error: error?.code });
}

export function Screen({ client, stream }) {
  const { video, watch, state, waiting, record, reason } = useWatch(client, stream, { muted: true });
  window.view = watch;
  return <><video ref={video} />{shown("view", { state, waiting, count: record?.viewer_count, reason })}</>;
}

/** What cannot begin, beside what is there nevertheless. */
export function Second({ client, stream, media }) {
  const { watch, state, error } = useWatch(client, stream);
  const empty = useBroadcast(client, media && "empty", media);
  return shown("second", { watch: watch !== undefined, state, error: error?.code, empty: empty.error?.code });
}

export function Counts({ client, stream }) {
  const { record, error } = useLiveRecord(client, stream);
  return shown("counts", { state: record?.state, count: record?.viewer_count, peak: record?.peak_viewers, error: error?.code });
}

/** Shows a component, in strict mode: it is mounted, taken away and mounted again at once. */
export function mount(Component) {
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  return {
    show: (props) => root.render(<StrictMode><Component {...props} /></StrictMode>),
    end: () => root.unmount(),
  };
}
