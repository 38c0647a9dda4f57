// One window that watches: the picture with how it stands, and what is to be done when it does not play.

import { h, icon, show } from "./dom.js";
import { LiveStage } from "./live-stage.js";
import { watching } from "./live-words.js";

/** What stands in front of the picture, by the word for how it stands. */
const CURTAINS = {
  Waiting: { image: "broadcast", what: "Waiting for the broadcast" },
  Connecting: { image: "refresh", what: "Connecting" },
  Ended: { image: "stop", what: "The broadcast is over" },
  Failed: { image: "warning", what: "This cannot be watched" },
};

export class WatchWindow {
  /** The present one; undefined when somebody has stopped it. */
  watch;
  #client;
  #stream;
  #observer;
  #stage;
  #buttons;
  #onChange;
  #onStats;
  #quiet;

  /** `quiet`: without sound at first; `onChange()` is called when it stands otherwise, `onStats(stats)` each second. */
  constructor(place, client, stream, observer, { quiet, onChange, onStats }) {
    this.#quiet = quiet;
    this.#client = client;
    this.#stream = stream;
    this.#observer = observer;
    this.#onChange = onChange;
    this.#onStats = onStats;
    this.#stage = new LiveStage(place, "What is broadcast");
    const button = (name, image, label, onclick) =>
      h("button", { type: "button", class: "button over", "data-testid": name, onclick }, icon(image), h("span", {}, label));
    this.#buttons = {
      sound: button("sound", "volume", "Sound on", () => this.#sound(true)),
      hush: button("hush", "volumeOff", "Sound off", () => this.#sound(false)),
      leave: button("leave", "close", "Stop watching", () => this.stop()),
      play: button("play", "play", "Play", () => this.watch?.resumePlayback()),
      retry: button("retry", "retry", "Try again", () => this.watch?.retry()),
      watch: button("watch", "play", "Watch", () => this.start()),
    };
    this.#stage.corner.append(this.#buttons.sound, this.#buttons.hush, this.#buttons.leave);
    this.start();
    setInterval(() => this.draw(), 1000);
  }

  get video() {
    return this.#stage.video;
  }

  /** How it stands: `{ word, look, note }`. */
  get stands() {
    if (!this.watch) return { word: "Stopped", look: "off", note: "You do not watch, and are not counted." };
    return watching(this.watch, this.#record);
  }

  start() {
    const watch = this.#client.live.watch(this.#stream, { video: this.video, muted: this.#quiet });
    this.watch = watch;
    watch.on("state", () => this.draw());
    watch.on("playback", () => this.draw());
    watch.on("stats", (stats) => watch === this.watch && this.#onStats(stats));
    this.draw();
  }

  stop() {
    this.watch?.stop();
    this.watch = undefined;
    this.draw();
  }

  draw() {
    const { stands } = this;
    const { watch } = this;
    const blocked = watch?.playbackBlocked ?? false;
    this.#stage.stands(stands, this.#curtain(stands, blocked));
    this.#stage.record(this.#record);
    const seen = watch !== undefined && stands.look !== "bad" && watch.mediaStream !== undefined;
    show(this.#buttons.sound, seen && this.video.muted);
    show(this.#buttons.hush, seen && !this.video.muted);
    show(this.#buttons.leave, watch !== undefined);
    document.body.dataset.live = watch?.state ?? "stopped";
    this.#onChange();
  }

  get #record() {
    return this.watch?.record ?? this.#observer.record;
  }

  #curtain({ word }, blocked) {
    const { play, retry, watch } = this.#buttons;
    if (!this.watch) return { image: "eye", what: "Not watching", buttons: [watch] };
    if (blocked === "all") return { image: "play", what: "The browser wants to be asked", buttons: [play] };
    const curtain = CURTAINS[word];
    return curtain && { ...curtain, buttons: word === "Failed" ? [retry] : [] };
  }

  /** What is done in a click is allowed, whatever the browser refused before. */
  async #sound(on) {
    this.#quiet = !on;
    if (on) await this.watch?.resumePlayback();
    this.video.muted = !on;
    this.draw();
  }
}
