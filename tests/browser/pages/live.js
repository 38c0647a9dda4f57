// What the tests of live video say in their pages: who broadcasts, who watches, and what their eyes see.

import "/stage.js";
import "/live-peers.js";
import "/live-raw.js";

/** How much a picture's colours must change before it counts as another one, of 255: more than what encoding alone does. */
const CHANGED = 12;
/** As large as what is compared of a picture. */
const [WIDE, HIGH] = [32, 18];

/** All connections that this page has opened, as it was told of them by the browser. */
const connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    connections.push(this);
  }
};

/** Looks at a video: each frame that is shown is counted, and compared with the one before. */
class Eye {
  frames = 0;
  /** Frames whose picture is another one than that before. */
  changes = 0;
  /** When the first one was shown, by the page's clock. */
  first;
  /** When the last one was, and the longest time between two. */
  last;
  longest = 0;
  /** The colour in the middle of the last one. */
  colour = [0, 0, 0];

  #canvas = new OffscreenCanvas(WIDE, HIGH).getContext("2d", { willReadFrequently: true });
  #before;
  #waiting = [];

  constructor(video) {
    this.video = video;
    const look = (now) => {
      this.#look(now);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  /** Resolves once this holds after some frame. */
  sees(wanted) {
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }

  /** Resolves when so many more frames were shown, with as many other pictures, or half of it. */
  more(count) {
    const [frames, changes] = [this.frames + count, this.changes + count / 2];
    return this.sees(() => this.frames >= frames && this.changes >= changes);
  }

  /** Forgets the longest time between two frames. */
  blink() {
    this.longest = 0;
    this.last = performance.now();
  }

  get told() {
    const { frames, changes, longest, colour } = this;
    const { totalVideoFrames } = this.video.getVideoPlaybackQuality();
    return { frames, changes, colour, totalVideoFrames, longest: Math.max(longest, performance.now() - this.last) };
  }

  #look(now) {
    this.frames += 1;
    this.first ??= now;
    if (this.last !== undefined) this.longest = Math.max(this.longest, now - this.last);
    this.last = now;
    this.#canvas.drawImage(this.video, 0, 0, WIDE, HIGH);
    const { data } = this.#canvas.getImageData(0, 0, WIDE, HIGH);
    this.colour = [...data.subarray(0, 3)];
    if (this.#before?.some((value, at) => Math.abs(value - data[at]) > CHANGED)) this.changes += 1;
    this.#before = data;
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => !wanted(this) || resolve());
  }
}

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

  /** A picture of one colour with something that moves in it, and silence. */
  painted(colour, { width = 320, height = 180, frameRate = 15 } = {}) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    let at = 0;
    setInterval(() => {
      context.fillStyle = colour;
      context.fillRect(0, 0, width, height);
      context.fillStyle = "white";
      context.fillRect((at = (at + 17) % width), height / 2, width / 4, height / 3);
    }, 1000 / frameRate);
    return canvas.captureStream(frameRate);
  },

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
