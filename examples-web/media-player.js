// A film that plays, and under it a strip of its frames on which one moves about.

import { h } from "./dom.js";
import { partOf } from "./media-file.js";
import { Strip } from "./media-strip.js";
import { toastError } from "./toast.js";

export class Player {
  element;
  #video;
  #id;
  #links;

  constructor(record, links) {
    this.#id = record.id;
    this.#links = links;
    const film = partOf(record, "video");
    this.#video = h("video", {
      controls: true,
      playsinline: true,
      preload: "metadata",
      "data-testid": "film",
      "aria-label": record.name,
      width: film.width,
      height: film.height,
      onerror: () => this.#again(),
    });
    const strip = partOf(record, "thumbnails");
    this.element = h("div", { class: "player" }, this.#video);
    if (strip && film.duration) this.element.append(new Strip(record, this.#video, links).element);
    this.#load(partOf(record, "poster") !== undefined);
  }

  /** Lets go of the film, which would be loaded and heard on. */
  end() {
    this.#video.pause();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  async #load(posed) {
    try {
      // The poster comes first, since the film has it for its first picture.
      if (posed) this.#video.poster = await this.#links.of(this.#id, "poster");
      this.#video.src = await this.#links.of(this.#id, "video");
    } catch (error) {
      toastError("The film could not be loaded", error);
    }
  }

  /** An address that has run out is asked for again, once a film; where it was not that, the element says what it was. */
  async #again() {
    const video = this.#video;
    const before = video.getAttribute("src");
    if (!before) return;
    const url = await this.#links.of(this.#id, "video").catch(() => before);
    if (url === before) return void toastError("The film could not be played", video.error);
    const { currentTime, paused } = video;
    video.src = url;
    video.currentTime = currentTime;
    if (!paused) video.play().catch(() => {});
  }
}
