// Making elements. Text always goes in as text nodes, so a file name can never become markup.

const SVG = "http://www.w3.org/2000/svg";

/** `h("button", { class: "quiet", onclick }, icon("x"), "Close")`: an element with its attributes, listeners and children. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for the parts of a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Writes text only when it differs, so that a screen reader and the layout are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows or hides. A hidden element that has the focus hands it to `heir`: a keyboard user is not thrown back to the top. */
export function show(element, visible, heir) {
  if (element.hidden === !visible) return;
  if (!visible && heir && element.contains(document.activeElement)) queueMicrotask(() => heir.focus());
  element.hidden = !visible;
}

// Drawn on a grid of 20, with round ends.
const ICONS = {
  arrowDown: "M10 3.5v12M5 10.5l5 5 5-5",
  arrowUp: "M10 16.5v-12M5 9.5l5-5 5 5",
  audio: "M7 15.5V5l9-1.5v10.5M7 15.5a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM16 14a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z",
  broadcast: "M10 11.5v5.5M11.6 10a1.6 1.6 0 1 1-3.2 0 1.6 1.6 0 0 1 3.2 0ZM6.2 13.4a5 5 0 0 1 0-6.8M13.8 6.6a5 5 0 0 1 0 6.8M3.7 15.6a8.4 8.4 0 0 1 0-11.2M16.3 4.4a8.4 8.4 0 0 1 0 11.2",
  call: "M3.5 7h11M11 3.5 14.5 7 11 10.5M16.5 13h-11M9 9.5 5.5 13 9 16.5",
  camera: "M2.5 6h3.5l1.5-2.5h5L14 6h3.5v10h-15ZM13 10.8a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z",
  check: "M4 10.5 8.2 15 16 5.5",
  close: "M5 5l10 10M15 5 5 15",
  cut: "M6.8 7.2 16 15.5M6.8 12.8 16 4.5M7.5 5.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0ZM7.5 14.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0Z",
  download: "M10 3v9.5M6 8.8l4 4 4-4M3.5 14v2.5h13V14",
  eye: "M2.5 10c2-3.4 4.6-5 7.5-5s5.5 1.6 7.5 5c-2 3.4-4.6 5-7.5 5s-5.5-1.6-7.5-5ZM12.3 10a2.3 2.3 0 1 1-4.6 0 2.3 2.3 0 0 1 4.6 0Z",
  file: "M5 2.5h6.5L15.5 7v10.5H5ZM11.5 2.5V7h4",
  image: "M3 4h14v12H3ZM3 13.5l4-4 4 4 2.5-2.5 3.5 3.5M13.5 7.2h.01",
  link: "M8.5 11.5a3.2 3.2 0 0 0 4.7 0l2.3-2.3a3.2 3.2 0 0 0-4.7-4.7l-1 1M11.5 8.5a3.2 3.2 0 0 0-4.7 0l-2.3 2.3a3.2 3.2 0 0 0 4.7 4.7l1-1",
  left: "M12 4.5 6.5 10l5.5 5.5",
  microphone: "M10 3a2.2 2.2 0 0 1 2.2 2.2v4.6a2.2 2.2 0 0 1-4.4 0V5.2A2.2 2.2 0 0 1 10 3ZM5 9.8a5 5 0 0 0 10 0M10 14.8V17M7.5 17h5",
  microphoneOff: "M10 3a2.2 2.2 0 0 1 2.2 2.2v4.6a2.2 2.2 0 0 1-4.4 0V5.2A2.2 2.2 0 0 1 10 3ZM5 9.8a5 5 0 0 0 10 0M10 14.8V17M7.5 17h5M3.5 3.5l13 13",
  pause: "M7 4.5v11M13 4.5v11",
  person: "M13 6.5a3 3 0 1 1-6 0 3 3 0 0 1 6 0ZM4 16.5c.6-3.2 3-5 6-5s5.4 1.8 6 5",
  phone: "M6 2.5h8v15H6ZM9 15h2",
  play: "M6.5 4.5v11l9-5.5Z",
  pulse: "M2.5 10.5H6l2-5.5 3.5 10 2-4.5h4",
  refresh: "M16 5v4h-4M15.6 9a6 6 0 1 0 .2 3",
  remove: "M3.5 5.5h13M8 5.5V3.5h4v2M5.5 5.5l.8 11h7.4l.8-11M8.5 8.5v5M11.5 8.5v5",
  retry: "M4 5v4h4M4.4 9a6 6 0 1 1-.2 3",
  right: "M8 4.5 13.5 10 8 15.5",
  screen: "M2.5 4h15v9.5h-15ZM7 17h6M10 13.5V17",
  split: "M2.5 4h15v12h-15ZM11 4v12M11 10h6.5",
  stop: "M5.5 5.5h9v9h-9Z",
  swap: "M4 7h11M12 4l3 3-3 3M16 13H5M8 10l-3 3 3 3",
  text: "M5 2.5h6.5L15.5 7v10.5H5ZM11.5 2.5V7h4M7.5 10.5h5.5M7.5 13.5h5.5",
  upload: "M10 13V3.5M6 7.3l4-4 4 4M3.5 13.5v3h13v-3",
  video: "M2.5 5h10.5v10H2.5ZM13 9l4.5-2.5v7L13 11",
  window: "M2.5 4h15v12h-15ZM2.5 7.5h15",
  videoOff: "M2.5 5h10.5v10H2.5ZM13 9l4.5-2.5v7L13 11M3 2.5l13 15",
  volume: "M3 8v4h3l4 3.5v-11L6 8ZM13 7.5a3.5 3.5 0 0 1 0 5M15 5.2a6.5 6.5 0 0 1 0 9.6",
  volumeOff: "M3 8v4h3l4 3.5v-11L6 8ZM13.2 8l4 4M17.2 8l-4 4",
  warning: "M10 3 2.5 16.5h15ZM10 8v4M10 14.2h.01",
};

/** A decorative icon; the words beside it, or the button's label, say what it means. */
export function icon(name) {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: ICONS[name] ?? ICONS.file }),
  );
}

/** The icon for a media type. */
export function mediaIcon(media = "") {
  const kind = media.split("/")[0];
  if (kind in ICONS) return icon(kind);
  return icon(/pdf|json|xml|document/.test(media) ? "text" : "file");
}
