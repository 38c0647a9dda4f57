// A picture that moves, with a clock and a tone: for those who have no camera, or would rather not be seen.

import { paint } from "./test-picture-paint.js";

export const WIDTH = 960;
export const HEIGHT = 540;
const RATE = 25;
/** The tone, in hertz; and for how long it is heard at the start of each second. */
const PITCH = 660;
const PIP = 0.09;
const LOUD = 0.2;

export class TestPicture {
  /** A track of each kind. */
  stream;
  #brush;
  #name;
  #beat = new Worker("/test-picture-beat.js", { type: "module" });
  #sound = new AudioContext();
  #volume;
  #frame = 0;
  #second = -1;

  /** `name` is written into it. */
  constructor(name) {
    this.#name = name;
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    this.#brush = canvas.getContext("2d", { alpha: false });
    this.stream = canvas.captureStream(RATE);
    this.stream.addTrack(this.#tone());
    this.#draw();
    this.#beat.addEventListener("message", () => this.#draw());
    this.#beat.postMessage(RATE);
    this.heard();
  }

  /** To be called when somebody has pressed something: before that, browsers let no page make a sound. */
  heard() {
    if (navigator.userActivation?.hasBeenActive !== false) this.#sound.resume().catch(() => {});
  }

  end() {
    this.#beat.terminate();
    for (const track of this.stream.getTracks()) track.stop();
    this.#sound.close().catch(() => {});
  }

  #tone() {
    const oscillator = new OscillatorNode(this.#sound, { frequency: PITCH });
    this.#volume = new GainNode(this.#sound, { gain: 0 });
    const outlet = new MediaStreamAudioDestinationNode(this.#sound);
    oscillator.connect(this.#volume).connect(outlet);
    oscillator.start();
    return outlet.stream.getAudioTracks()[0];
  }

  #draw() {
    const now = new Date();
    paint(this.#brush, { width: WIDTH, height: HEIGHT, now, frame: (this.#frame += 1), name: this.#name });
    if (now.getSeconds() === this.#second) return;
    this.#second = now.getSeconds();
    this.#pip();
  }

  /** Once a second, with soft ends: a tone that begins at once clicks. */
  #pip() {
    const { gain } = this.#volume;
    const at = this.#sound.currentTime;
    gain.setTargetAtTime(LOUD, at, 0.008);
    gain.setTargetAtTime(0, at + PIP, 0.012);
  }
}

/** A sound track with nothing on it, for a camera without a microphone. */
export function silence() {
  const [track] = new AudioContext().createMediaStreamDestination().stream.getAudioTracks();
  return track;
}
