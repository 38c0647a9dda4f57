// What a broadcaster works with: on air and off, the source, the camera, the mutes, and what the stream is called.

import { whyNoCamera } from "./camera.js";
import { h, icon, show } from "./dom.js";
import { toast, toastError } from "./toast.js";

export class Desk {
  #source;
  #start;
  #stop;
  #title;
  #sources = {};
  #cameras;
  #mutes = {};
  #busy = false;

  /** `onStart()` and `onStop()` do what the buttons say. */
  constructor(place, source, { onStart, onStop }) {
    this.#source = source;
    this.#start = button("start", "broadcast", "Go on air", "button strong desk-air", () => onStart());
    this.#stop = button("stop", "stop", "End the broadcast", "button danger desk-air", onStop);
    this.#title = h("input", {
      class: "field",
      id: "title",
      "data-testid": "title",
      maxlength: 128,
      autocomplete: "off",
      placeholder: "What is to be seen?",
    });
    this.#cameras = h("select", { class: "field", "data-testid": "camera", "aria-label": "Camera", hidden: true, onchange: () => this.#camera({ camera: this.#cameras.value }) });
    const mutes = h("div", { class: "desk-mutes" }, this.#mute("audio", "Sound", "microphone"), this.#mute("video", "Picture", "video"));
    place.append(
      h("div", { class: "desk-title" }, h("label", { for: "title" }, "Title"), this.#title),
      h("div", { class: "desk-row" }, this.#start, this.#stop, mutes),
      h(
        "div",
        { class: "desk-row" },
        h(
          "div",
          { class: "segments", role: "radiogroup", "aria-label": "What is shown" },
          this.#choice("test", "image", "Test picture", () => source.useTest()),
          this.#choice("camera", "camera", "Camera", () => this.#camera({ facing: "user" })),
        ),
        this.#cameras,
      ),
    );
    source.on("change", () => this.draw());
    source.on("lost", () => toast("The camera went away", { detail: "The test picture took its place. Connect the camera, then choose it again." }));
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#list());
    this.draw();
    if (source.constructor.wantsCamera) this.#camera({});
  }

  get title() {
    return this.#title.value.trim();
  }

  set title(title) {
    this.#title.value = title;
  }

  /** `onAir`: whether there is a broadcast. */
  draw(onAir = !this.#stop.hidden) {
    const { kind, muted } = this.#source;
    show(this.#start, !onAir, this.#stop);
    show(this.#stop, onAir, this.#start);
    this.#title.disabled = onAir;
    for (const [name, choice] of Object.entries(this.#sources)) choice.setAttribute("aria-checked", String(name === kind));
    for (const [name, { element, on, off, label }] of Object.entries(this.#mutes)) {
      element.setAttribute("aria-pressed", String(muted[name]));
      element.replaceChildren(icon(muted[name] ? off : on), h("span", {}, `${label} ${muted[name] ? "off" : "on"}`));
    }
    this.#list();
  }

  #mute(kind, label, on) {
    const toggle = () => this.#source.mute({ [kind]: !this.#source.muted[kind] });
    const element = h("button", { type: "button", class: "button toggle", "data-testid": `mute-${kind}`, onclick: toggle });
    this.#mutes[kind] = { element, label, on, off: `${on}Off` };
    return element;
  }

  #choice(name, image, label, use) {
    const choose = () => this.#source.kind === name || use();
    const element = h("button", { type: "button", class: "segment", role: "radio", "data-testid": `source-${name}`, onclick: choose }, icon(image), label);
    return (this.#sources[name] = element);
  }

  async #camera(which) {
    if (this.#busy) return;
    this.#busy = true;
    this.#sources.camera.setAttribute("aria-busy", "true");
    try {
      await this.#source.useCamera(which);
    } catch (error) {
      const reason = whyNoCamera(error);
      if (reason) toast("The camera cannot be used", { detail: reason, kind: "bad", key: "camera" });
      else toastError("The camera cannot be used", error);
      this.draw();
    } finally {
      this.#busy = false;
      this.#sources.camera.removeAttribute("aria-busy");
    }
  }

  /** Where there is a choice of cameras, it is offered. */
  async #list() {
    const { kind, camera } = this.#source;
    const all = kind === "camera" ? await this.#source.cameras() : [];
    this.#cameras.replaceChildren(...all.map(({ id, name }) => h("option", { value: id, selected: id === camera }, name)));
    show(this.#cameras, all.length > 1);
  }
}

function button(name, image, label, look, onclick) {
  return h("button", { type: "button", class: look, "data-testid": name, onclick }, icon(image), h("span", {}, label));
}
