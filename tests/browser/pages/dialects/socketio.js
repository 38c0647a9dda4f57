// The instructions of a gateway with Socket.IO, as they were written for its frontends: connect, subscribe to the file that was uploaded,
// hear how it is coming along. Between the marks the lines are theirs, but for the address.

/* global io */

const ADDRESS = location.origin;
const part = (name) => document.querySelector(`[data-testid=${name}]`);
const seen = (window.seen = { events: [], logged: [] });

/** What their generated client of the upload's endpoint does. */
async function uploadVideo({ file }) {
  const body = new FormData();
  body.append("file", file);
  const { token } = await (await fetch("/dev/token", { method: "POST", headers: { "content-type": "application/json" }, body: '{"name":"ada"}' })).json();
  const answer = await fetch("/api/files", { method: "POST", headers: { authorization: `Bearer ${token}` }, body });
  return answer.json();
}

function watch(socket) {
  window.socket = socket;
  socket.onAny((name, data) => {
    seen.events.push([name, data]);
    const line = document.createElement("li");
    line.textContent = `${name} ${JSON.stringify(data)}`;
    part("events").append(line);
    part("status").textContent = data.status ?? name;
    if (data.progress !== undefined) part("bar").value = data.progress;
  });
}

const console = { log: (line) => seen.logged.push(line) };

part("file").addEventListener("change", async ({ target: { files: [file] } }) => {
  // ---- 1. Client uploads video via ORPC
  const response = await uploadVideo({ file });
  // Returns: { fileId, videoId, isProcessed: false, ... }
  seen.response = response;

  // ---- 2. Client connects to WebSocket
  const socket = io(`${ADDRESS}/file-processing`);
  watch(socket);

  // ---- 3. Client subscribes to file
  socket.emit('subscribe:file', { fileId: response.videoId });

  // ---- 4. Client receives progress updates
  socket.on('processing:progress', (data) => {
    console.log(`Progress: ${data.progress}%`);
  });
  // ----
});
