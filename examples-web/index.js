// The landing page: the pages that exist, and what the server says it answers.

import { h, icon } from "./dom.js";
import { explain } from "./errors.js";
import { mountShell, openClient, PAGES } from "./shell.js";

mountShell();

document
  .getElementById("pages")
  .append(
    ...PAGES.filter((page) => page.about).map((page) =>
      h(
        "li",
        { class: "card" },
        h("a", { href: page.href }, icon(page.icon), h("strong", {}, page.name), h("span", { class: "soft" }, page.about)),
      ),
    ),
  );

const client = await openClient();

const place = document.getElementById("methods");
const head = h("h2", { id: "methods-title" }, "What this server answers");
try {
  const { server, version, methods } = await client.api.system.introspect({});
  place.append(
    head,
    h(
      "p",
      { class: "soft" },
      `${server} ${version}, asked over HTTP. A call marked “session” has to do with a stream or a room, so it goes no other way.`,
    ),
    h("ul", { class: "card", "data-testid": "methods" }, methods.map(method)),
  );
} catch (error) {
  const { what, todo } = explain(error);
  place.append(head, h("p", { class: "problem", role: "alert" }, `${what} ${todo}`));
}

function method({ name, route, title }) {
  const session = route === "session";
  return h(
    "li",
    {},
    h("code", {}, name),
    h("span", { class: "badge", "data-wire": session ? "session" : "http" }, session ? "session" : "any wire"),
    h("span", { class: "soft" }, title),
  );
}
