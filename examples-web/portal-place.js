// Which view, and who looks at it: what the address of the page says.

const query = new URLSearchParams(location.search);

/** What this window was opened as. Without a name it is who you are everywhere else, and controls a view of its own. */
export const here = {
  view: query.get("view"),
  name: query.get("name"),
  split: query.has("split"),
  embedded: query.has("embedded"),
};

/** The address of a window. */
export function addressOf({ view, name, split, embedded }) {
  const parts = { view, name, split: split ? "" : null, embedded: embedded ? "" : null };
  const set = Object.entries(parts).filter(([, value]) => value !== null && value !== undefined);
  return `/portal.html?${new URLSearchParams(set)}`;
}
