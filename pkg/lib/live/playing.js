// What arrives, and the <video> that shows it.

export class Playing {
  /** One for as long as the watch lasts: the tracks in it change, so that an element which shows it keeps the last frame. */
  stream;
  blocked = false;
  #video;
  #muted;
  /** Whether its sound is off because the browser plays it only so. */
  #hushed = false;
  /** Whether whoever looks at it has paused it. */
  #paused = false;
  #tell;
  /** Whether the app knows of the stream. */
  #told = false;
  #unlisten;

  /** `tell(type, value)` hears "media" and "playback". */
  constructor({ video, muted }, tell) {
    this.#tell = tell;
    this.#video = video;
    this.#muted = muted ?? video?.muted ?? true;
    if (!video) return;
    video.muted = this.#muted;
    video.playsInline = true;
    const listeners = [
      // A page that was hidden may not play until it is seen.
      [document, "visibilitychange", () => !document.hidden && video.paused && this.#goOn()],
      // Browsers pause what cannot be seen, or has come to its end.
      [video, "pause", () => (this.#paused = !document.hidden && video.isConnected && !video.ended)],
      [video, "play", () => this.#heed()],
      [video, "volumechange", () => this.#heed()],
    ];
    for (const [target, type, listener] of listeners) target.addEventListener(type, listener);
    this.#unlisten = () => {
      for (const [target, type, listener] of listeners) target.removeEventListener(type, listener);
    };
  }

  /** The stream, once there is something in it. */
  get shown() {
    return this.#told ? this.stream : undefined;
  }

  /** Where nothing was shown yet, an element that has the tracks before anything arrives shows the first frame as soon as it is there. */
  expect(connection) {
    if (this.#told) return;
    connection.addEventListener("track", () => {
      if (!this.#told) this.#take(connection.getReceivers().map(({ track }) => track));
    });
  }

  /** Shows these tracks in place of those before. */
  show(tracks) {
    this.#told = true;
    this.#take(tracks);
    this.#tell("media", this.stream);
  }

  #take(tracks) {
    this.stream ??= new MediaStream();
    // Those of before go first: over another connection a track has the same id, and a stream takes an id once.
    for (const track of this.stream.getTracks()) if (!tracks.includes(track)) this.stream.removeTrack(track);
    for (const track of tracks) this.stream.addTrack(track);
    if (this.#video && this.#video.srcObject !== this.stream) this.#video.srcObject = this.stream;
    this.#goOn();
  }

  /** In a gesture: plays as it was asked to. Resolves with whether it does. */
  async resume() {
    const video = this.#video;
    if (!video) return true;
    this.#paused = this.#hushed = false;
    video.muted = this.#muted;
    await this.#play();
    return Boolean(video.srcObject) && !video.paused && this.blocked === false;
  }

  end() {
    this.#unlisten?.();
    if (this.stream && this.#video?.srcObject === this.stream) this.#video.srcObject = null;
    for (const track of this.stream?.getTracks() ?? []) this.stream.removeTrack(track);
    this.#video = undefined;
  }

  #goOn() {
    if (!this.#paused) this.#play();
  }

  /** The element's controls were used, or the app did what they do. */
  #heed() {
    const video = this.#video;
    if (!video.paused) this.#paused = false;
    if (!video.muted) this.#hushed = false;
    if (this.blocked === "sound" || !video.paused) this.#turn(this.#hushed && "sound");
  }

  async #play() {
    const video = this.#video;
    if (!video?.srcObject) return;
    let error = await refusal(video);
    // Without sound any page may play.
    if (error?.name === "NotAllowedError" && !video.muted) {
      this.#hushed = video.muted = true;
      error = await refusal(video);
    }
    // Other refusals are of a play() that another one has overtaken, or of an element that was taken away.
    if (video !== this.#video || (error && error.name !== "NotAllowedError")) return;
    this.#turn(error ? "all" : this.#hushed && "sound");
  }

  #turn(blocked) {
    if (blocked === this.blocked) return;
    this.blocked = blocked;
    this.#tell("playback", blocked);
  }
}

function refusal(video) {
  return video.play().then(
    () => undefined,
    (error) => error,
  );
}
