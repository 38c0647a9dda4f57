// What the tests say in their pages. They run under the policy that the server gives its own demo, which allows no eval.

import * as samewire from "/pkg/index.js";

const wsUrl = `${location.origin.replace(/^http/, "ws")}/session`;

Object.assign(window, {
  samewire,

  /** A client of the server that this page came from. */
  newClient: (options = {}) => new samewire.Client({ apiUrl: location.origin, wsUrl, ...options }),

  /** Bytes that follow from a seed. */
  bytes(size, seed = 1) {
    const words = new Uint32Array(Math.ceil(size / 4));
    let state = Math.imul(seed, 0x9e3779b1) | 1;
    for (let at = 0; at < words.length; at += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[at] = state;
    }
    return new Uint8Array(words.buffer, 0, size);
  },

  /** The SHA-256 of bytes, a Blob or a ReadableStream. */
  async sha256(source) {
    const digest = await crypto.subtle.digest("SHA-256", await new Response(source).arrayBuffer());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  },

  /** A stored file's bytes. */
  async bytesOf(client, { id }) {
    const { stream } = await client.api.files.open({ id });
    return new Uint8Array(await new Response(client.getStream(stream)).arrayBuffer());
  },

  /** How a promise ended, in values that a test can look at. */
  async outcome(promise) {
    try {
      return { value: await promise };
    } catch (error) {
      const { name, code, message, retryable, ran, status } = error;
      return { error: { name, code, message, retryable, ran, status, ours: error instanceof samewire.SamewireError } };
    }
  },

  /** Joins a room, once it is in, with what it told so far in `told`. */
  async enter(client, name, options) {
    const room = client.join(name, options);
    room.told = { event: [], state: [], presence: [], signal: [], status: [], recovery: [] };
    for (const [type, told] of Object.entries(room.told)) room.on(type, (value) => told.push(value));
    await room.ready;
    return room;
  },

  /** Waits until a room has told of something. */
  async tells(room, type, wanted) {
    const found = room.told[type].find(wanted);
    if (found !== undefined) return found;
    return new Promise((resolve) => {
      const off = room.on(type, (value) => wanted(value) && resolve(off() ?? value));
    });
  },

  pause: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),

  /** Two promises: the client loses its connection after now, and it has one again after that. */
  returned(client) {
    const reach = (wanted) =>
      new Promise((resolve) => {
        const off = client.on("state", ({ state }) => state === wanted && resolve(off()));
      });
    const away = reach("waiting");
    return { away, again: away.then(() => reach("live")) };
  },
});

window.ready = true;
