// What is broadcast: the app's tracks, one of each kind, and what happens to the devices behind them.
import { SamewireError } from "../error.js";

export class Source {
  muted = { audio: false, video: false };
  /** Ours, so that a track can be replaced in it without a change to the app's. */
  stream = new MediaStream();
  #tell;
  /** What undoes the listening to a track, by track. */
  #listening = new Map();
  /** Whether the tracks that are darkened were enabled before. */
  #darkened = new Map();
  /** In how many replacements a track takes part that are under way. */
  #moving = new Map();
  #unlisten;

  constructor(media, tell) {
    this.#tell = tell;
    for (const track of tracksOf(media)) this.stream.addTrack(track);
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

  /**
   * Puts a track, or those of a stream, in the places of those of their kinds: all, or none. Each of `{ track, release }` is to be sent
   * then, and released when that is done.
   */
  replace(given) {
    const tracks = given.getTracks ? tracksOf(given) : [given];
    const pairs = tracks.map((track) => ({ track, before: this.#ofKind(track.kind) }));
    const missing = pairs.find(({ before }) => !before);
    if (missing) {
      const { kind } = missing.track;
      throw new SamewireError("no-tracks", `the broadcast began without ${kind}; stop it and begin it again with a MediaStream that has it`);
    }
    return pairs.filter(({ track, before }) => track !== before).map(({ track, before }) => {
      const moving = [track, before];
      for (const moved of moving) this.#moving.set(moved, (this.#moving.get(moved) ?? 0) + 1);
      this.#remove(before);
      this.stream.addTrack(track);
      this.#hear(track);
      const release = () => {
        for (const moved of moving) this.#moving.set(moved, this.#moving.get(moved) - 1);
        for (const moved of moving) this.#giveBack(moved);
      };
      return { track, release };
    });
  }

  /** Returns whether that is a change. */
  mute(what) {
    const changed = Object.keys(this.muted).filter((kind) => what[kind] !== undefined && !!what[kind] !== this.muted[kind]);
    for (const kind of changed) {
      this.muted = { ...this.muted, [kind]: !!what[kind] };
      for (const track of this.#sent(kind)) {
        if (what[kind]) this.#darken(track);
        else this.#lighten(track);
      }
    }
    return changed.length > 0;
  }

  /** To be called when nothing of it is sent any more. */
  end() {
    this.#unlisten();
    for (const track of this.stream.getTracks()) this.#remove(track);
    for (const track of [...this.#darkened.keys()]) this.#lighten(track);
  }

  #ofKind(wanted) {
    return this.stream.getTracks().find(({ kind }) => kind === wanted);
  }

  /** The track of this kind, and those of before that somebody may be sent still. */
  #sent(wanted) {
    return new Set([...this.stream.getTracks(), ...this.#moving.keys()].filter(({ kind }) => kind === wanted));
  }

  #hear(track) {
    const tell = (type) => () => this.#tell({ type, kind: track.kind, track });
    this.#listening.set(track, listen(track, { ended: tell("ended"), mute: tell("silent"), unmute: tell("resumed") }));
    if (this.muted[track.kind]) this.#darken(track);
  }

  #remove(track) {
    this.#listening.get(track)?.();
    this.#listening.delete(track);
    this.stream.removeTrack(track);
  }

  #darken(track) {
    if (!this.#darkened.has(track)) this.#darkened.set(track, track.enabled);
    track.enabled = false;
  }

  /** It is as it was, unless the app has enabled it itself. */
  #lighten(track) {
    track.enabled ||= this.#darkened.get(track) ?? false;
    this.#darkened.delete(track);
  }

  /** A track that is sent to nobody any more is the app's again. */
  #giveBack(track) {
    if (this.#moving.get(track) > 0) return;
    this.#moving.delete(track);
    if (this.#ofKind(track.kind) !== track) this.#lighten(track);
  }
}

/** The first of each kind. */
function tracksOf(media) {
  const tracks = [media.getVideoTracks()[0], media.getAudioTracks()[0]].filter(Boolean);
  if (tracks.length === 0) throw new SamewireError("no-tracks", "there is neither video nor sound in this MediaStream");
  return tracks;
}

/** Returns the function that stops listening. */
function listen(target, listeners) {
  for (const [type, listener] of Object.entries(listeners)) target?.addEventListener(type, listener);
  return () => {
    for (const [type, listener] of Object.entries(listeners)) target?.removeEventListener(type, listener);
  };
}
