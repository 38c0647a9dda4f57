// Credentials for TURN: who has good ones gets a relayed address from a real coturn, and nobody else does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { allocate } from "./support/stun.mjs";
import { Turn } from "./support/turn.mjs";

let turn;

before(async () => {
  turn = await Turn.start();
});

after(() => turn?.remove());

const ask = (credentials) => allocate(turn.address, turn.port, credentials);

test("credentials of the published scheme are good, and only while they last and under the right secret", async () => {
  const good = turn.credentials();
  const { relayed } = await ask(good);
  assert.ok(relayed > 0, "a relayed address");
  assert.deepEqual(await ask(turn.credentials({ expires: -5 })), { error: 401 });
  assert.deepEqual(await ask(turn.credentials({ secret: "another secret, as long as a real one" })), { error: 401 });
  assert.deepEqual(await ask({ ...good, username: good.username.replace(/^\d+/, "4102444800") }), { error: 401 });
});
