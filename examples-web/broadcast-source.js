// What is shown: a camera, or the test picture. Always a picture and a sound, so that one can take the other's place on air.

import { cameras, hasCameras, openCamera } from "./camera.js";
import { silence, TestPicture } from "./test-picture.js";

const CHOICE = "samewire.source";

export class Source {
  /** "camera" or "test". */
  kind = "test";
  /** What is shown now; a new one after each change. */
  stream;
  /** The device, where it is a camera. */
  camera;
  muted = { audio: false, video: false };
  #name;
  #test;
  #listeners = { change: [], lost: [] };

  /** `name` is written into the test picture. */
  constructor(name) {
    this.#name = name;
    this.#show("test", this.#picture());
  }

  /**
   * "change": something else is shown, or how; a listener resolves when it needs what was shown before no more. "lost": the camera went
   * away, and the test picture took its place.
   */
  on(type, listener) {
    this.#listeners[type].push(listener);
  }

  /** Whether a camera was wanted the last time. A page asks for one only when somebody has asked for it. */
  static get wantsCamera() {
    try {
      return localStorage.getItem(CHOICE) === "camera" && hasCameras();
    } catch {
      return false;
    }
  }

  async useCamera(which = {}) {
    const stream = await openCamera(which);
    if (stream.getAudioTracks().length === 0) stream.addTrack(silence());
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (this.stream !== stream) return;
      this.useTest();
      this.#tell("lost");
    });
    this.camera = track.getSettings().deviceId;
    this.#remember("camera");
    this.#show("camera", stream);
  }

  useTest() {
    this.#remember("test");
    this.camera = undefined;
    this.#show("test", this.#picture());
  }

  /** The cameras to choose from. */
  cameras() {
    return hasCameras() ? cameras() : Promise.resolve([]);
  }

  /** What is not named stays as it is. */
  mute(what) {
    Object.assign(this.muted, what);
    this.#apply();
    this.#tell("change");
  }

  /** To be called when somebody has pressed something. */
  heard() {
    this.#test?.heard();
  }

  #picture() {
    this.#test ??= new TestPicture(this.#name);
    return this.#test.stream;
  }

  /** The old one ends once the new one is shown, and is sent to whoever watches. */
  #show(kind, stream) {
    const before = this.stream;
    if (before === stream) return;
    const test = kind === "test" ? undefined : this.#test;
    if (test) this.#test = undefined;
    this.kind = kind;
    this.stream = stream;
    this.#apply();
    Promise.all(this.#tell("change")).then(() => {
      test?.end();
      for (const track of before?.getTracks() ?? []) track.stop();
    });
  }

  #apply() {
    for (const track of this.stream.getTracks()) track.enabled = !this.muted[track.kind];
  }

  #tell(type) {
    return this.#listeners[type].map((listener) => listener());
  }

  #remember(choice) {
    try {
      localStorage.setItem(CHOICE, choice);
    } catch {
      // Then it is asked for again the next time.
    }
  }
}
