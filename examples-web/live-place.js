// Which stream, and who looks at it: what the address of the page says.

const query = new URLSearchParams(location.search);

/** What this window was opened as. Without a name it is who you are everywhere else. */
export const here = {
  stream: query.get("stream"),
  name: query.get("name"),
  split: query.has("split"),
  embedded: query.has("embedded"),
};

/** The address of a window: `page` is "broadcast" or "watch". */
export function addressOf(page, { stream, name, split, embedded } = {}) {
  const parts = { stream, name, split: split ? "" : null, embedded: embedded ? "" : null };
  const set = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined);
  return `/${page}.html?${new URLSearchParams(set)}`;
}

/** A stream's name for somebody of this name. */
export function streamOf(name) {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 48) || "live";
}
