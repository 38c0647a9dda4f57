// What every page has: the header with the pages, the state of the connection, and who you are; and the one client of the page.

import { h, setText, svg } from "./dom.js";
import { isCancel } from "./errors.js";
import { identityButton, signIn } from "./identity.js";
import { Client } from "./samewire.js";
import { toast, toastError } from "./toast.js";

/** The pages that exist. A new one is one line here. */
export const PAGES = [
  { href: "/", name: "Overview" },
  {
    href: "/upload.html",
    name: "Upload",
    icon: "upload",
    about: "Send files over the session, cut the connection on the way, and see them arrive whole.",
  },
  {
    href: "/media.html",
    name: "Media",
    icon: "video",
    about: "Drop a video, watch it being processed in two windows at once, and play it.",
  },
  {
    href: "/uppy.html",
    name: "Uppy",
    icon: "file",
    about: "An uploader that knows nothing of samewire, over tus: another door to the same store.",
  },
  {
    href: "/portal.html",
    name: "Portal",
    icon: "screen",
    about: "A controller drives several viewers. Cut one off and bring it back: it is right again at once.",
  },
  {
    href: "/broadcast.html",
    name: "Broadcast",
    icon: "broadcast",
    about: "Show your camera, or a test picture, to whoever watches: straight from browser to browser.",
  },
  {
    href: "/watch.html",
    name: "Watch",
    icon: "eye",
    about: "Watch live. Cut the session, and the picture goes on; the counts are right again when it is back.",
  },
];

/** What a connection state is called, and what it looks like. */
export const STATES = {
  idle: { label: "Not connected", look: "off" },
  connecting: { label: "Connecting", look: "busy" },
  live: { label: "Live", look: "live" },
  waiting: { label: "Reconnecting", look: "cut" },
  closed: { label: "Closed", look: "off" },
};

const state = h("span", { "data-testid": "conn-state" }, STATES.idle.label);
const pill = h("span", { class: "pill", "data-look": "off" }, h("span", { class: "dot" }), state);
const who = h("span", { class: "who-place" });
let identity;

function header() {
  const here = location.pathname.replace(/\/index\.html$/, "/");
  return h(
    "header",
    { class: "top" },
    h(
      "div",
      { class: "top-row" },
      h("a", { class: "brand", href: "/" }, mark(), "samewire"),
      h(
        "nav",
        { "aria-label": "Pages" },
        PAGES.map((page) => h("a", { href: page.href, "aria-current": page.href === here && "page" }, page.name)),
      ),
      pill,
      who,
    ),
  );
}

/** Two ends and one wire. */
function mark() {
  return svg(
    "svg",
    { class: "mark", viewBox: "0 0 32 20", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: "M5 14.5C13 14.5 10 5.5 16 5.5S19 14.5 27 14.5" }),
    svg("circle", { cx: 5, cy: 14.5, r: 3.2 }),
    svg("circle", { cx: 27, cy: 14.5, r: 3.2 }),
  );
}

/** Puts up the header. A page calls this first, so that something stands there at once. `connected`: whether it has a session. */
export function mountShell({ connected = true } = {}) {
  pill.hidden = !connected;
  document.body.prepend(h("a", { class: "skip", href: "#main" }, "Skip to the content"), header());
  // On a phone there are more pages than fit.
  document.querySelector(".top [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

/**
 * Signs in and opens the page's one session. Tries for as long as the server cannot be reached. `name`: as whom, in this window only;
 * `lazy`: connect when it is first needed; `grants`: what a development server is to allow beside what everybody may.
 */
export async function openClient({ name, lazy = false, grants } = {}) {
  identity = await signInPatiently(name, grants);
  who.replaceChildren(...identityButton(identity));
  const client = new Client({
    apiUrl: location.origin,
    wsUrl: `${location.origin.replace(/^http/, "ws")}/session`,
    // Calls that may go either way go over HTTP here. Those that name a stream go over the session all the same.
    preferWebSocket: false,
    autoConnectWebSocket: !lazy,
    token: identity.token,
  });
  if (identity.renew) client.on("token", identity.renew);
  setState(client.state);
  client.on("state", ({ state: now, error }) => {
    setState(now);
    if (now === "closed" && error && !isCancel(error)) {
      toastError("The session ended", error, { label: "Connect again", run: () => client.connect().catch(() => {}) });
    }
  });
  // What ended the session has been told by its state.
  client.on("error", (error) => client.state !== "closed" && toastError("The session reported a problem", error));
  return client;
}

/** The token that the page's client was opened with, for what goes over HTTP beside it. */
export const token = () => identity.token;

/** The name of whoever uses the page, where people choose theirs. */
export const userName = () => (identity.mode === "dev" ? identity.name : undefined);

async function signInPatiently(name, grants) {
  let close;
  for (let delay = 1000; ; delay = Math.min(delay * 2, 15_000)) {
    try {
      const signedIn = await signIn(name, grants);
      close?.();
      return signedIn;
    } catch {
      setState("waiting");
      close ??= toast("The server cannot be reached", {
        detail: "Check that it runs. This page keeps trying.",
        kind: "bad",
      });
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}

function setState(name) {
  const { label, look } = STATES[name] ?? STATES.idle;
  setText(state, label);
  pill.dataset.look = look;
}
