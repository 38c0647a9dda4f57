// Choosing files: by dropping them anywhere on the page, with a button, or from the clipboard.

import { h, icon } from "./dom.js";
import { toast } from "./toast.js";

const HINT = "Any kind, several at once. The bigger, the more there is to cut.";

/**
 * Fills `place`. `onFiles(chosen)` gets what was chosen: `[{ file, handle }]`, where a handle, of browsers that have them, gives the file
 * once more after a reload. `buttons` stand beside the one that chooses.
 */
export function dropZone(place, onFiles, { hint = HINT, buttons = [] } = {}) {
  const input = h("input", {
    type: "file",
    multiple: true,
    class: "unseen",
    "data-testid": "file-input",
    "aria-label": "Files to upload",
    tabindex: -1,
    onchange: () => {
      onFiles([...input.files].map((file) => ({ file })));
      // So that the same file can be chosen again.
      input.value = "";
    },
  });
  const ask = async () => {
    const chosen = await pick();
    if (chosen) onFiles(chosen);
    else input.click();
  };
  const choose = h(
    "button",
    { type: "button", class: "button strong", "data-testid": "choose", onclick: ask },
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
    if (!event.target.closest("button, input")) ask();
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
    withHandles(event.dataTransfer).then(onFiles);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) onFiles([...event.clipboardData.files].map((file) => ({ file })));
  });
}

/** The browser's own dialog, where it gives handles; nothing where it does not. */
async function pick() {
  try {
    const handles = await window.showOpenFilePicker?.({ multiple: true });
    return handles && (await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle }))));
  } catch (error) {
    return error.name === "AbortError" ? [] : undefined;
  }
}

/** What was dropped. Has to ask for everything at once: after the event nothing of it is left. */
async function withHandles({ items }) {
  const folders = [];
  const dropped = [...items].flatMap((item) => {
    // A folder looks like a file here, but cannot be read as one.
    const entry = item.webkitGetAsEntry?.();
    if (entry?.isDirectory) folders.push(entry.name);
    if (entry?.isDirectory || item.kind !== "file") return [];
    return [{ file: item.getAsFile(), handle: item.getAsFileSystemHandle?.().catch(() => null) }];
  });
  if (folders.length > 0) {
    toast(folders.length === 1 ? `${folders[0]} is a folder` : `${folders.length} folders were left out`, {
      detail: "Open it and choose the files in it, or pack it into an archive first.",
      kind: "bad",
    });
  }
  return Promise.all(dropped.map(async ({ file, handle }) => ({ file, handle: (await handle) ?? undefined })));
}
