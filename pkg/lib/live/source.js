// What is broadcast: the app's tracks, one of each kind, and what happens to the devices behind them.
import { SamewireError } from "../error.js";

export class Source {
  muted = { audio: false, video: false };
  /** Ours, so that a track can be replaced in it without a change to the app's. */
  stream = new MediaStream();
  #tell;
  /** What undoes the listening to a track, by track. */
  #listening = new Map();
  #unlisten;

  constructor(media, tell) {
    this.#tell = tell;
    for (const track of [media.getVideoTracks()[0], media.getAudioTracks()[0]]) if (track) this.stream.addTrack(track);
    if (this.stream.getTracks().length === 0) throw new SamewireError("no-tracks", "there is neither video nor sound in this MediaStream");
  }

  /** Listens to the devices from now on. */
  begin() {
    for (const track of this.stream.getTracks()) this.#hear(track);
    this.#unlisten = listen(navigator.mediaDevices, { devicechange: () => this.#tell({ type: "changed" }) });
    return this;
  }

  /** Whether it has such tracks. */
  get kinds() {
    return { audio: this.stream.getAudioTracks().length > 0, video: this.stream.getVideoTracks().length > 0 };
  }

  /** Puts a track in the place of the one of its kind. */
  replace(track) {
    const before = this.stream.getTracks().find(({ kind }) => kind === track.kind);
    if (!before) {
      throw new SamewireError("no-tracks", `the broadcast began without ${track.kind}; stop it and begin it again with a MediaStream that has it`);
    }
    if (before === track) return;
    this.#remove(before);
    this.stream.addTrack(track);
    this.#hear(track);
  }

  mute(what) {
    this.muted = { ...this.muted, ...what };
    for (const track of this.stream.getTracks()) track.enabled = !this.muted[track.kind];
  }

  end() {
    this.#unlisten();
    for (const track of this.stream.getTracks()) this.#remove(track);
  }

  #hear(track) {
    const tell = (type) => () => this.#tell({ type, kind: track.kind, track });
    this.#listening.set(track, listen(track, { ended: tell("ended"), mute: tell("silent"), unmute: tell("resumed") }));
    if (this.muted[track.kind]) track.enabled = false;
  }

  #remove(track) {
    this.#listening.get(track)?.();
    this.#listening.delete(track);
    // It is the app's again, as it was.
    if (this.muted[track.kind]) track.enabled = true;
    this.stream.removeTrack(track);
  }
}

/** Returns the function that stops listening. */
function listen(target, listeners) {
  for (const [type, listener] of Object.entries(listeners)) target?.addEventListener(type, listener);
  return () => {
    for (const [type, listener] of Object.entries(listeners)) target?.removeEventListener(type, listener);
  };
}
