// Components that show what the hooks give, for the tests to read in the page.
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { useClientState, useFile, useRoom, useUpload } from "samewire/react";

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

/** Shows a component, in strict mode: it is mounted, taken away and mounted again at once. */
export function mount(Component) {
  const root = createRoot(document.body.appendChild(document.createElement("div")));
  return {
    show: (props) => root.render(<StrictMode><Component {...props} /></StrictMode>),
    end: () => root.unmount(),
  };
}
