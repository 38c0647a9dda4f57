// Who the page is for the server. A development server gives a token for any name; another one takes the token that a person
// pastes, or lets the page in as nobody in particular.

import { h, icon } from "./dom.js";

const NAME = "samewire.name";
const TOKEN = "samewire.token";

const CALM = ["amber", "brisk", "calm", "clever", "gentle", "keen", "lucky", "mellow", "nimble", "quiet", "sunny", "tidy"];
const ANIMALS = ["badger", "crane", "dormouse", "finch", "hare", "heron", "lynx", "marten", "otter", "puffin", "robin", "wren"];

/** A name for somebody who has none yet. */
export function friendlyName() {
  const [first, second, number] = crypto.getRandomValues(new Uint32Array(3));
  return `${CALM[first % CALM.length]}-${ANIMALS[second % ANIMALS.length]}-${10 + (number % 90)}`;
}

/** Storage can be switched off in a browser; then a name lasts as long as the page. */
function remembered(storage, key) {
  try {
    return globalThis[storage].getItem(key);
  } catch {
    return null;
  }
}

function remember(storage, key, value) {
  try {
    if (value) globalThis[storage].setItem(key, value);
    else globalThis[storage].removeItem(key);
    return true;
  } catch {
    return false;
  }
}

/** Asks a development server for a token. No answer but a token means that the server is no such server. */
async function devToken(name, grants) {
  const answer = await fetch("/dev/token", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, grants }),
  });
  if (answer.ok) return { token: (await answer.json()).token };
  if (answer.status >= 500) throw new TypeError(`the server answered ${answer.status}`);
  // 400 is about the name. 404 and 405 say that nobody mints tokens here.
  if (answer.status !== 400) return {};
  const problem = await answer.json().catch(() => ({}));
  return { refused: problem.detail ?? "The server does not take this name." };
}

/**
 * Signs in: `{ mode: "dev" | "token" | "anonymous", name, token, renew }`. `wanted`: a name for this window, and `grants`: what its token
 * is to allow, where both are for the asking. Throws when the server cannot be reached.
 */
export async function signIn(wanted, grants) {
  let name = wanted || remembered("localStorage", NAME) || friendlyName();
  let { token, refused } = await devToken(name, grants);
  if (refused) {
    name = friendlyName();
    ({ token } = await devToken(name, grants));
  }
  if (token) {
    if (name !== wanted) remember("localStorage", NAME, name);
    return { mode: "dev", name, token, fixed: name === wanted, renew: async () => (await devToken(name, grants)).token };
  }
  token = remembered("sessionStorage", TOKEN);
  return token ? { mode: "token", name: "Your token", token } : { mode: "anonymous", name: "Anonymous" };
}

/** The button that shows who you are, and the dialog behind it. */
export function identityButton(identity) {
  const shown = [icon("person"), h("span", { class: "unseen" }, "You are "), h("span", { class: "who-name" }, identity.name)];
  // The window's address says who it is.
  if (identity.fixed) return [h("span", { class: "who", "data-testid": "identity" }, shown)];
  const dev = identity.mode === "dev";
  const field = h("input", {
    id: "identity-field",
    class: "field",
    "data-testid": "identity-field",
    value: dev ? identity.name : "",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    required: dev,
    maxlength: dev ? 64 : 8192,
  });
  const problem = h("p", { class: "problem", role: "alert" });

  const save = async (event) => {
    event.preventDefault();
    const value = field.value.trim();
    if (dev) {
      const { refused } = await devToken(value).catch(() => ({ refused: "The server cannot be reached. Try again." }));
      if (refused) return void (problem.textContent = refused);
    }
    const kept = dev ? remember("localStorage", NAME, value) : remember("sessionStorage", TOKEN, value);
    if (!kept) return void (problem.textContent = "This browser keeps nothing for this page. Allow site data, then try again.");
    dialog.close();
    // A session belongs to one identity, so another one begins with a fresh page.
    location.reload();
  };
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "identity-title" },
    h(
      "form",
      { method: "dialog", onsubmit: save },
      h("h2", { id: "identity-title" }, dev ? "Who are you?" : "Sign in"),
      h(
        "p",
        { class: "soft" },
        dev
          ? "Files belong to a name: under another one you see that one’s files. This is a development server, so any name will do."
          : "Paste a token that this server accepts. It stays in this tab only. Leave it empty to go on without one.",
      ),
      h("label", { for: "identity-field" }, dev ? "Name" : "Token"),
      field,
      problem,
      h(
        "div",
        { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Keep as it is"),
        h(
          "button",
          { type: "submit", class: "button strong", "data-testid": "identity-save" },
          dev ? "Use this name" : "Use this token",
        ),
      ),
    ),
  );
  const button = h(
    "button",
    {
      type: "button",
      class: "who",
      id: "identity",
      "data-testid": "identity",
      "aria-haspopup": "dialog",
      title: "Change who you are",
      onclick: () => {
        dialog.showModal();
        field.select();
      },
    },
    shown,
  );
  return [button, dialog];
}
