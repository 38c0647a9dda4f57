// Pictures for tests, and what is seen of them.

/** How much a picture's colours must change before it counts as another one, of 255: more than what encoding alone does. */
const CHANGED = 12;
/** As large as what is compared of a picture. */
const [WIDE, HIGH] = [32, 18];

/** Looks at a video: each frame that is shown is counted, and compared with the one before. */
export class Eye {
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

/** A picture of one colour with something that moves in it, and silence. */
export function painted(colour, { width = 320, height = 180, frameRate = 15 } = {}) {
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
}
