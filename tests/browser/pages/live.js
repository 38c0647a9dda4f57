// What the tests of live video say in their pages: who broadcasts, who watches, and what their eyes see.

import "/stage.js";
import { Eye, painted } from "/eye.js";
import "/live-peers.js";
import "/live-raw.js";

/** All connections that this page has opened, as it was told of them by the browser. */
const connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    connections.push(this);
  }
};

/** Notes what a broadcast, a watch or an observer tells. */
function told(handle, types) {
  handle.told = Object.fromEntries(types.map((type) => [type, []]));
  for (const type of types) handle.on(type, (value) => handle.told[type].push(value));
  return handle;
}

Object.assign(window, {
  connections,

  /** Those of them that are not closed. */
  openConnections: () => connections.filter(({ signalingState }) => signalingState !== "closed"),

  /** The browser's camera and microphone. */
  camera: ({ width = 640, height = 360, frameRate = 15, audio = true } = {}) =>
    navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate }, audio }),

  painted,

  /** Shows media in a video of this page; `eye` looks at it. */
  screen(media) {
    const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true });
    if (media) video.srcObject = media;
    document.body.append(video);
    return Object.assign(video, { eye: new Eye(video) });
  },

  /** Begins a broadcast, and notes what it tells. */
  broadcast(stream, media, options) {
    return told(client.live.broadcast(stream, media, options), ["state", "record", "viewers", "stats", "quality", "event", "device", "muted"]);
  },

  /** Begins to watch in a video of this page, and notes what it tells. `begun` is when that was, by the page's clock. */
  watch(stream, options) {
    const video = screen();
    const begun = performance.now();
    const watch = client.live.watch(stream, { video, ...options });
    Object.assign(watch, { eye: video.eye, video, begun });
    return told(watch, ["state", "record", "media", "stats", "quality", "playback", "event"]);
  },

  /** Follows counts and events, and notes them. */
  observe: (stream) => told(client.live.observe(stream), ["record", "event"]),

  /** What the package's wasm holds of this page: its memory, in pages of 64 KiB, and how many of the page's objects, functions included. */
  async wasmHeld() {
    const { default: load } = await import("/pkg/wasm/samewire.js");
    const { memory, __wbindgen_externrefs: table } = await load();
    let objects = 0;
    for (let at = 0; at < table.length; at += 1) if (table.get(at) != null) objects += 1;
    return { pages: memory.buffer.byteLength / 65_536, objects };
  },

  /** Resolves once a handle is like this, looked at after each of what it tells. */
  becomes(handle, wanted) {
    return new Promise((resolve) => {
      const offs = [];
      const look = () => {
        if (!wanted(handle)) return;
        for (const off of offs) off();
        resolve();
      };
      for (const type of Object.keys(handle.told)) offs.push(handle.on(type, look));
      look();
    });
  },
});
