// Rooms over lost connections: nothing is missed or heard twice, or it is said that it was.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Stage } from "./support/stage.mjs";

const CONFIG = `
[rooms.kinds.board]
access = "open"
state = true
presence = "members"
history = 5000
rate = 100000
burst = 100000

[rooms.kinds.short]
access = "open"
state = true
history = 5

[rooms.kinds.brief]
access = "open"
presence = "members"
linger = "300ms"
`;

let stage, here, there;
let rooms = 0;

before(async () => (stage = await Stage.start({ config: CONFIG })));
after(() => stage?.end());
beforeEach(async () => {
  rooms += 1;
  [here, there] = await Promise.all([stage.page(), stage.page()]);
});
afterEach(async () => {
  for (const { trace, context } of [here, there]) {
    assert.deepEqual(trace.problems, []);
    await context.close();
  }
});

/** Both pages join a room of this kind. */
function enter(kind) {
  const join = async ([token, name]) => {
    window.client = newClient({ token });
    window.room = await enter(client, name);
  };
  return Promise.all([here, there].map(({ page, token }) => page.evaluate(join, [token, `${kind}:${rooms}`])));
}

/** Cuts a page off, until `back` is called. */
const cutOff = ({ page }) => page.evaluate(() => void client.simulateCut({ stay: true }));
const back = ({ page }) => page.evaluate(() => client.connect().then(() => tells(room, "recovery", () => true)));

test("what happens during cuts is heard after them, each thing once and in order", async () => {
  await enter("board");
  const published = there.page.evaluate(async () => {
    const answers = [];
    for (let n = 1; n <= 400 || !window.enough; n += 1) {
      answers.push(room.publish("counted", n, { patch: { n } }));
      await pause(8);
    }
    return (await Promise.all(answers)).map(({ offset }) => offset);
  });
  for (let cut = 1; cut <= 4; cut += 1) {
    const before = await here.page.evaluate(() => room.told.recovery.length);
    // Not between frames, but wherever it happens to fall.
    await stage.proxy.cutAfter(400 + cut * 97, cut % 2 ? "down" : "up");
    await here.page.evaluate(async (before) => {
      while (room.told.recovery.length === before) await pause(10);
    }, before);
  }
  await there.page.evaluate(() => void (window.enough = true));
  const offsets = await published;
  const count = offsets.length;
  assert.equal(new Set(offsets).size, count, "each was taken once, however often it was sent");
  const seen = await here.page.evaluate(async (last) => {
    await tells(room, "event", ({ data }) => data === last);
    const { event, recovery } = room.told;
    return { events: event.map(({ offset, data }) => [offset, data]), recovery, lost: room.lost, recovered: room.recovered, state: room.state };
  }, count);
  const order = seen.events.map(([offset]) => offset);
  assert.deepEqual(order, Array.from({ length: count }, (_, at) => at + 1));
  assert.deepEqual(seen.events.map(([, data]) => data).toSorted((a, b) => a - b), order);
  assert.ok(seen.recovery.length >= 4, `${seen.recovery.length} recoveries`);
  assert.ok(seen.recovery.every(({ recovered, lost }) => recovered && lost === 0), JSON.stringify(seen.recovery));
  assert.deepEqual([seen.lost, seen.recovered], [0, true]);
  assert.deepEqual(seen.state, await there.page.evaluate(() => room.state));
});

test("a room that moved on too far says how much is lost, and has the state", async () => {
  await enter("short");
  await cutOff(here);
  await there.page.evaluate(async () => {
    for (let n = 1; n <= 20; n += 1) await room.patch({ n });
  });
  assert.deepEqual(await here.page.evaluate(() => [room.status, room.state]), ["away", null]);
  await back(here);
  const seen = await here.page.evaluate(() => ({ recovery: room.told.recovery, lost: room.lost, recovered: room.recovered, offset: room.offset, state: room.state, statuses: room.told.status }));
  assert.deepEqual(seen, { recovery: [{ recovered: false, lost: 20 }], lost: 20, recovered: false, offset: 20, state: { n: 20 }, statuses: ["joined", "away", "joined"] });
  await there.page.evaluate(() => room.publish("next"));
  assert.equal(await here.page.evaluate(async () => (await tells(room, "event", ({ name }) => name === "next")).offset), 21);
});

test("a signal waits for who is away", async () => {
  await enter("board");
  const member = await here.page.evaluate(() => room.member);
  await cutOff(here);
  await here.page.evaluate(() => tells(room, "status", (status) => status === "away"));
  const sent = await there.page.evaluate(async (member) => {
    let sent;
    // Until the server has seen that the link is lost, it counts as there.
    do sent = await room.send(member, "hint", "come back");
    while (sent.held === 0);
    return sent;
  }, member);
  assert.deepEqual(sent, { delivered: 0, held: 1 });
  await back(here);
  await here.page.evaluate(() => tells(room, "signal", () => true));
  const heard = await here.page.evaluate(async () => {
    await pause(100);
    return room.told.signal.map(({ seq, data }) => [seq, data]);
  });
  assert.deepEqual(heard.map(([, data]) => data), Array(heard.length).fill("come back"));
  assert.deepEqual(heard.map(([seq]) => seq), heard.map((_, at) => at + 1), "each once");
});

test("who stays away is missed by the others, and welcomed back", async () => {
  await enter("brief");
  const member = await here.page.evaluate(() => String(room.member));
  await cutOff(here);
  await there.page.evaluate((member) => tells(room, "presence", ({ left }) => left.some(({ id }) => id === member)), member);
  await back(here);
  await there.page.evaluate(() => tells(room, "presence", ({ joined, members }) => joined.length > 0 && members === 2));
  await here.page.evaluate(() => tells(room, "presence", ({ members }) => members === 2));
});

test("what is published while away goes out when the room is back, once", async () => {
  await enter("board");
  await cutOff(here);
  await here.page.evaluate(() => tells(room, "status", (status) => status === "away"));
  await here.page.evaluate(() => {
    window.answers = Promise.all([room.publish("first", 1), room.patch({ a: 1 }), room.patch({ b: 2 })]);
    room.cast("typing", "lost, and nobody minds");
  });
  await back(here);
  const answers = await here.page.evaluate(() => window.answers);
  assert.deepEqual(answers.map(({ offset }) => offset).toSorted(), [1, 2, 2]);
  await there.page.evaluate(() => tells(room, "state", (state) => state?.b === 2));
  assert.deepEqual(await there.page.evaluate(() => room.told.event.map(({ name }) => name).toSorted()), ["first", "state"]);
});

test("a server that was killed knows nothing of the room, and says so", async () => {
  await enter("board");
  const epoch = await here.page.evaluate(async () => {
    await room.replace({ from: "before" });
    return room.epoch;
  });
  await stage.lose(here.page, { how: () => stage.server.kill(), meanwhile: () => stage.server.run() });
  const seen = await here.page.evaluate(async () => {
    const recovery = await tells(room, "recovery", () => true);
    return { recovery, epoch: room.epoch, lost: room.lost, state: room.state, status: room.status, offset: room.offset };
  });
  assert.notEqual(seen.epoch, epoch);
  assert.deepEqual([seen.recovery.recovered, seen.state, seen.status, seen.offset], [false, null, "joined", 0]);
  assert.equal(seen.lost, seen.recovery.lost);
  await there.page.evaluate(() => tells(room, "recovery", () => true));
  await there.page.evaluate(() => room.patch({ from: "after" }));
  assert.deepEqual(await here.page.evaluate(() => tells(room, "state", (state) => state?.from === "after")), { from: "after" });
});
