// Choosing files: by dropping them anywhere on the page, with a button, or from the clipboard.

import { h, icon } from "./dom.js";
import { toast } from "./toast.js";

const HINT = "Any kind, several at once. The bigger, the more there is to cut.";

/** Fills `place`. `onFiles(files)` gets what was chosen; `buttons` stand beside the one that chooses. */
export function dropZone(place, onFiles, { hint = HINT, buttons = [] } = {}) {
  const input = h("input", {
    type: "file",
    multiple: true,
    class: "unseen",
    "data-testid": "file-input",
    "aria-label": "Files to upload",
    tabindex: -1,
    onchange: () => {
      onFiles([...input.files]);
      // So that the same file can be chosen again.
      input.value = "";
    },
  });
  const choose = h(
    "button",
    { type: "button", class: "button strong", "data-testid": "choose", onclick: () => input.click() },
    icon("upload"),
    "Choose files",
  );
  place.append(
    h(
      "div",
      { class: "drop-text" },
      h("strong", { class: "drop-mouse" }, "Drop files anywhere on this page"),
      h("span", { class: "soft" }, hint),
    ),
    h("div", { class: "drop-buttons" }, choose, buttons),
    input,
  );
  place.addEventListener("click", (event) => {
    if (!event.target.closest("button, input, dialog")) input.click();
  });

  // Entering a child leaves its parent, so the two are counted.
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const over = (inside) => {
    depth = inside ? depth : 0;
    place.classList.toggle("over", inside);
  };
  window.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    over(true);
  });
  window.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) over(false);
  });
  window.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  window.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(false);
    onFiles(withoutFolders(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) onFiles([...event.clipboardData.files]);
  });
}

/** A folder looks like a file here, but cannot be read as one. */
function withoutFolders({ items, files }) {
  const folders = [...items].flatMap((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? [entry.name] : [];
  });
  if (folders.length > 0) {
    toast(folders.length === 1 ? `${folders[0]} is a folder` : `${folders.length} folders were left out`, {
      detail: "Open it and choose the files in it, or pack it into an archive first.",
      kind: "bad",
    });
  }
  return [...files].filter((file) => !folders.includes(file.name));
}
