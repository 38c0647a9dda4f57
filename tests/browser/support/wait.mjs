// Waiting for what nobody announces.

import assert from "node:assert/strict";

/** Asks again and again until `condition` holds. */
export async function until(what, condition, { every = 20, patience = 20_000 } = {}) {
  const end = performance.now() + patience;
  while (!(await condition())) {
    assert.ok(performance.now() < end, `waited ${patience} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
