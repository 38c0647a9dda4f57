// A frontend of the old system. The lines that speak to the server are those of the old system's manual, and only the address in
// them is another one; the rest shows what they see.

const query = new URLSearchParams(location.search);
const HOST = query.get("host") ?? location.host;
const YOUR_ID = query.get("id");
const YOUR_TOKEN = query.get("token");

const part = (name) => document.querySelector(`[data-testid=${name}]`);

/** What a test looks at: all that was said, and the view by it. */
const portal = (window.portal = { messages: [], view: undefined, role: undefined, closed: [] });

/** The manual writes to the console; here that is the page. */
const console = {
  log(message) {
    portal.messages.push(message);
    take(message);
    show();
    const row = document.createElement("li");
    row.textContent = JSON.stringify(message);
    document.getElementById("log").prepend(row);
  },
};

function connect() {
  const ws = new WebSocket(`ws://${HOST}/ws/portal-view/${YOUR_ID}?token=${YOUR_TOKEN}`);
  ws.onmessage = (e) => console.log(JSON.parse(e.data));
  ws.onopen = () => {
    ws.send(JSON.stringify({ type: 'ping' }));
  };
  ws.onclose = (e) => {
    portal.closed.push({ code: e.code, reason: e.reason });
    part("status").textContent = `closed with ${e.code}: ${e.reason}`;
    // Policy violations and the wrong protocol do not get better.
    if (e.code !== 1008 && e.code !== 1003) setTimeout(connect, 200);
  };
  portal.ws = ws;
}

/** Keeps the view as the messages say. */
function take({ type, payload, role, version }) {
  if (type === "connected" || type === "role-changed") {
    portal.role = role;
    part("status").textContent = `connected as ${role}`;
  }
  if ((type === "portal-view-update" || type === "sync-response") && payload?.id !== undefined) portal.view = payload;
  else if (type === "portal-view-update") portal.view = merged(portal.view, payload);
  if (type === "item-update") {
    const { id, removed, ...item } = payload;
    portal.view = merged(portal.view, { items: { [id]: removed ? null : item } });
  }
  if (version !== undefined) portal.view.version = version;
}

/** A JSON merge patch (RFC 7396). */
function merged(target, patch) {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function show() {
  const { items = {}, currentItem, showHealth } = portal.view ?? {};
  const item = items[currentItem];
  part("title").textContent = item?.title ?? "–";
  part("caption").textContent = item?.data?.caption ?? "";
  part("health").textContent = `Health ${item?.health}`;
  part("health").hidden = !showHealth || item?.health === undefined;
}

connect();
