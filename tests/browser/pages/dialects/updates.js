// A watcher as the format's own documentation has it.

const asked = new URLSearchParams(location.search);
/** Where the server is. This is all that changed. */
const url = `${location.origin.replace("http", "ws")}/api/v1/streams/${asked.get("stream")}/ws?token=${asked.get("token")}`;

/** What was told, for the test; and what the page writes, for people. */
window.heard = [];
window.ending = null;
const console = {
  log(line) {
    document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: line }));
  },
};

// Connect to WebSocket
const ws = new WebSocket(url);

ws.onmessage = (event) => {
  const msg = JSON.parse(event.data);
  heard.push(msg);

  switch(msg.event) {
    case 'viewer_count_changed':
      console.log(`Viewers: ${msg.data.viewer_count}`);
      break;
    case 'stream_ended':
      console.log('Stream ended');
      ws.close();
      break;
  }
};

ws.onclose = ({ code, reason, wasClean }) => (window.ending = { code, reason, wasClean });
