// Rooms as a page has them: shared state, events, presence, signals and bytes, and who may do what.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { token as tokenFor } from "./support/server.mjs";
import { Stage } from "./support/stage.mjs";

const CONFIG = `
[rooms.kinds.board]
access = "open"
state = true
presence = "members"
rate = 100000
burst = 100000

[rooms.kinds.hall]
access = "open"
presence = "users"

[rooms.kinds.desk]
publish = ["editor"]
patch = ["editor"]
state = true
`;

let stage, one, other, name;
let rooms = 0;

before(async () => (stage = await Stage.start({ config: CONFIG })));
after(() => stage?.end());
beforeEach(async () => {
  name = `board:${(rooms += 1)}`;
  [one, other] = await Promise.all([seat("ada"), seat("bob")]);
});
afterEach(async () => {
  for (const { trace, context } of [one, other]) {
    assert.deepEqual(trace.problems, []);
    await context.close();
  }
});

/** A page with a client in it, of a user who is not there more than once in a test. */
async function seat(user, options) {
  const opened = await stage.page();
  const token = tokenFor(`${user}-${rooms}`, options);
  await opened.page.evaluate((token) => void (window.client = newClient({ token })), token);
  return opened;
}

/** Runs a function in each of the pages, with the room's name. */
const both = (work) => Promise.all([one, other].map(({ page }) => page.evaluate(work, name)));
const bothEnter = () => both(async (name) => void (window.room = await enter(client, name)));
const inOne = (work, argument) => one.page.evaluate(work, argument);
const inOther = (work, argument) => other.page.evaluate(work, argument);
const joins = ({ trace }) => trace.frames.filter(({ way, type }) => way === "up" && type === "join").length;

describe("a room", () => {
  test("is joined at once, and says who you are in it", async () => {
    const seen = await inOne(async (name) => {
      const room = client.join(name, { info: { colour: "green" } });
      const early = { status: room.status, name: room.name, role: room.role, state: room.state };
      await room.ready;
      const { status, role, member, epoch, offset, state, recovered, lost, error } = room;
      return { early, late: { status, role, state, offset, recovered, lost, error }, member, epoch, entries: [...room.presence.entries.values()], counts: [room.presence.users, room.presence.members] };
    }, name);
    assert.deepEqual(seen.early, { status: "joining", name, role: undefined, state: undefined });
    assert.deepEqual(seen.late, { status: "joined", role: "member", state: null, offset: 0, recovered: undefined, lost: 0, error: undefined });
    assert.ok(Number.isSafeInteger(seen.member));
    assert.match(seen.epoch, /^[0-9a-f]{16}$/);
    assert.deepEqual(seen.counts, [1, 1]);
    assert.deepEqual(seen.entries, [{ id: String(seen.member), member: seen.member, user: `ada-${rooms}`, role: "member", info: { colour: "green" } }]);
  });

  test("tells its members what happens, in one order", async () => {
    await bothEnter();
    const [offsets] = await both(async () => {
      const published = await Promise.all(Array.from({ length: 40 }, (_, n) => room.publish("counted", { n })));
      return published.map(({ offset }) => offset);
    });
    await both(() => tells(room, "event", ({ offset }) => offset === 80));
    const [here, there] = await both(() => room.told.event.map(({ offset, name, data, own, from, user, at }) => ({ offset, name, data, own, from, user, at })));
    assert.deepEqual(here.map(({ offset }) => offset), Array.from({ length: 80 }, (_, at) => at + 1));
    const bare = (events) => events.map(({ own, ...event }) => event);
    assert.deepEqual(bare(here), bare(there));
    assert.deepEqual(here.filter(({ own }) => own).map(({ offset }) => offset), offsets.toSorted((a, b) => a - b));
    assert.deepEqual(here.map(({ own }) => own), there.map(({ own }) => !own));
    assert.ok(here.every(({ name, user, at }) => name === "counted" && /^(ada|bob)-/.test(user) && Math.abs(at - Date.now()) < 60_000));
  });

  test("is read by an iterator too, from the moment it was joined", async () => {
    await bothEnter();
    const seen = await inOne(async (name) => {
      const quiet = client.join(name, { echo: false });
      await quiet.ready;
      await room.publish("mine", 1);
      await quiet.publish("mine-too", 2);
      const names = [];
      window.reading = (async () => {
        for await (const { name, own } of quiet) {
          names.push([name, own]);
          if (name === "last") break;
        }
        return names;
      })();
      return quiet.state;
    }, name);
    assert.equal(seen, null);
    await inOther(() => Promise.all([room.publish("first"), room.cast("between", 7), room.publish("last")]));
    const names = await inOne(() => window.reading);
    assert.deepEqual(names.filter(([name]) => name !== "between"), [["first", false], ["last", false]]);
  });

  test("that nobody reads loses the oldest, and says so", async () => {
    await bothEnter();
    await inOther(async (name) => {
      window.lazy = client.join(name)[Symbol.asyncIterator]();
    }, name);
    await inOne(async () => {
      for (let n = 0; n < 1_100; n += 1) room.publish("counted", n);
      await room.publish("last");
    });
    await inOther(() => tells(room, "event", ({ name }) => name === "last"));
    const { first, lost, others } = await inOther(async (name) => {
      const handle = client.join(name);
      return { first: (await lazy.next()).value.data, lost: room.lost, others: handle.lost };
    }, name);
    assert.equal(first, 1_101 - 1_024);
    assert.deepEqual([lost, others], [0, 0], "only the handle that was not read lost something");
  });

  test("answers a key that it knows with what it took first", async () => {
    await bothEnter();
    const [first, second, fresh] = await inOne(async () => [
      await room.publish("once", 1, { key: "k-1" }),
      await room.publish("once", 2, { key: "k-1" }),
      await room.publish("once", 3, { key: "k-2" }),
    ]);
    assert.deepEqual([first.duplicate, second.duplicate, fresh.duplicate], [false, true, false]);
    assert.deepEqual([second.offset, fresh.offset], [first.offset, first.offset + 1]);
    await inOther(() => tells(room, "event", ({ data }) => data === 3));
    assert.deepEqual(await inOther(() => room.told.event.map(({ data }) => data)), [1, 3]);
  });

  test("has pages of history", async () => {
    await bothEnter();
    const pages = await inOne(async () => {
      for (let n = 1; n <= 25; n += 1) await room.publish("counted", n);
      const told = ({ events, first, last, more }) => ({ offsets: events.map(({ offset }) => offset), first, last, more, own: events.every(({ own }) => own) });
      return [await room.history({ limit: 10 }), await room.history({ before: 16, limit: 10 }), await room.history({ after: 20 })].map(told);
    });
    const from = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => first + at);
    assert.deepEqual(pages[0], { offsets: from(16, 25), first: 1, last: 25, more: true, own: true });
    assert.deepEqual(pages[1].offsets, from(6, 15));
    assert.deepEqual([pages[2].offsets, pages[2].more], [from(21, 25), false]);
  });
});

describe("the state", () => {
  test("is the same for all, is there for who comes late, and is never changed in place", async () => {
    await bothEnter();
    const before = await inOne(async () => {
      await room.replace({ title: "Tea", cards: { a: { text: "boil" }, b: { text: "wait" } } });
      window.held = room.state;
      return structuredClone(room.state);
    });
    await inOther(() => room.patch({ title: "Green tea", cards: { a: null, c: { text: "pour" } } }, { name: "retitled" }));
    const wanted = { title: "Green tea", cards: { b: { text: "wait" }, c: { text: "pour" } } };
    await both(() => tells(room, "state", (state) => state?.title === "Green tea"));
    assert.deepEqual(await both(() => room.state), [wanted, wanted]);
    assert.deepEqual(await inOne(() => window.held), before);
    assert.ok(await inOne(() => window.held.cards.b === room.state.cards.b), "what did not change is shared");
    assert.deepEqual(await inOne(() => room.told.event.map(({ name }) => name)), ["state", "retitled"]);
    const late = await seat("eve");
    assert.deepEqual(await late.page.evaluate(async (name) => (await enter(client, name)).state, name), wanted);
    await late.context.close();
  });

  test("takes rapid patches in few messages", async () => {
    await bothEnter();
    const { answers, mine } = await inOne(async () => {
      const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => room.patch({ n, [`k${n % 7}`]: n })));
      return { answers: answers.map(({ offset }) => offset), mine: room.state };
    });
    await inOther(() => tells(room, "state", (state) => state?.n === 299));
    assert.deepEqual(await inOther(() => room.state), mine);
    assert.deepEqual(mine, { n: 299, k0: 294, k1: 295, k2: 296, k3: 297, k4: 298, k5: 299, k6: 293 });
    assert.ok(Math.max(...answers) < 30, `300 patches went as ${Math.max(...answers)}`);
  });

  test("can be changed only if nobody was quicker", async () => {
    await bothEnter();
    const [first, second] = await inOne(async () => {
      await room.publish("something");
      return [await outcome(room.replace({ n: 1 }, { expected: 1 })), await outcome(room.replace({ n: 2 }, { expected: 1 }))];
    });
    assert.equal(first.value.offset, 2);
    assert.equal(second.error.code, "conflict");
    assert.deepEqual(await inOne(() => room.state), { n: 1 });
  });
});

describe("presence", () => {
  test("tells who comes and who goes", async () => {
    await inOne(async (name) => void (window.room = await enter(client, name)), name);
    await inOther(async (name) => void (window.room = await enter(client, name, { info: "hello" })), name);
    const came = await inOne(() => tells(room, "presence", ({ joined }) => joined.some(({ info }) => info === "hello")));
    assert.deepEqual([came.users, came.members, came.joined[0].user], [2, 2, `bob-${rooms}`]);
    await inOther(() => room.leave());
    const went = await inOne(() => tells(room, "presence", ({ left }) => left.some(({ info }) => info === "hello")));
    assert.deepEqual([went.users, went.members], [1, 1]);
    assert.equal(await inOne(() => room.presence.entries.size), 1);
  });

  test("counts a user once, however many windows there are", async () => {
    const hall = `hall:${rooms}`;
    const second = await stage.page();
    const token = tokenFor(`ada-${rooms}`);
    await inOther(async (hall) => void (window.room = await enter(client, hall)), hall);
    await inOne(async (hall) => void (window.room = await enter(client, hall)), hall);
    await second.page.evaluate(async ([token, hall]) => {
      window.client = newClient({ token });
      window.room = await enter(client, hall);
    }, [token, hall]);
    await inOther(() => tells(room, "presence", ({ members }) => members === 3));
    assert.deepEqual(await inOther(() => [room.presence.users, [...room.presence.entries.keys()].toSorted()]), [2, [`ada-${rooms}`, `bob-${rooms}`]]);
    await second.page.evaluate(() => room.leave());
    await inOther(() => tells(room, "presence", ({ members, users }) => members === 2 && users === 2));
    const came = await inOther(() => room.told.presence.flatMap(({ joined }) => joined.map(({ id }) => id)));
    assert.deepEqual(came, [`bob-${rooms}`, `ada-${rooms}`], "each came once");
    await second.context.close();
  });

  test("is not told to who does not want it", async () => {
    await inOne(async (name) => void (window.room = await enter(client, name, { presence: false })), name);
    await inOther(async (name) => void (window.room = await enter(client, name)), name);
    await inOther(() => room.publish("here"));
    await inOne(() => tells(room, "event", ({ name }) => name === "here"));
    assert.deepEqual(await inOne(() => [room.told.presence.length, room.presence.entries.size]), [0, 0]);
  });
});

describe("what is not kept", () => {
  test("a cast reaches those who are there, and no history", async () => {
    await bothEnter();
    await inOne(() => room.cast("typing", { at: 3 }, { key: "caret" }));
    const heard = await inOther(() => tells(room, "event", ({ name }) => name === "typing"));
    assert.deepEqual([heard.data, heard.key, heard.own, heard.offset], [{ at: 3 }, "caret", false, undefined]);
    assert.deepEqual(await inOne(async () => (await room.history()).events), []);
    assert.equal(await inOne(() => room.told.event.length), 0, "who casts hears nothing of it");
  });

  test("of casts in quick succession the first and the latest go", async () => {
    await bothEnter();
    await inOne(async () => {
      for (let n = 0; n <= 100; n += 1) {
        room.cast("moved", n, { every: 150 });
        room.cast("moved", -n, { every: 150, key: "other" });
        await pause(1);
      }
    });
    await inOther(() => tells(room, "event", ({ data }) => data === 100));
    const heard = await inOther(() => room.told.event.filter(({ key }) => key === undefined).map(({ data }) => data));
    assert.equal(heard[0], 0);
    assert.equal(heard.at(-1), 100);
    assert.ok(heard.length < 20, `${heard.length} of 101 were sent`);
  });

  test("a signal reaches those who are meant", async () => {
    await bothEnter();
    const member = await inOther(() => room.member);
    const sent = await inOne(async ([member, user]) => {
      const to = [member, user, { role: "member" }];
      const sent = [];
      for (const whom of to) sent.push(await room.send(whom, "hint", { look: "here" }));
      return { sent, none: await outcome(room.send(987654321, "hint")) };
    }, [member, `bob-${rooms}`]);
    assert.deepEqual(sent.sent.slice(0, 2), Array(2).fill({ delivered: 1, held: 0 }));
    assert.equal(sent.none.error.code, "member-not-found");
    await inOther(() => tells(room, "signal", ({ seq }) => seq === 3));
    const heard = await inOther(() => room.told.signal.map(({ seq, name, data, user, offset }) => ({ seq, name, data, user, offset })));
    assert.deepEqual(heard, [1, 2, 3].map((seq) => ({ seq, name: "hint", data: { look: "here" }, user: `ada-${rooms}`, offset: undefined })));
  });
});

describe("bytes", () => {
  test("are bytes wherever they arrive", async () => {
    await bothEnter();
    const member = await inOther(() => room.member);
    const paths = await inOne(async (member) => {
      const picture = bytes(30_000, 5);
      await room.publish("drawn", picture, { patch: { drawn: 1 } });
      await room.publish("words", "between");
      await room.publish("empty", new ArrayBuffer(0));
      await room.publish("drawn", new DataView(picture.buffer, 100, 50));
      room.cast("sketched", picture.subarray(0, 7));
      await room.send(member, "shown", picture.buffer);
      const { events } = await room.history();
      return Promise.all(events.map(async ({ name, data }) => [name, data instanceof Uint8Array ? await sha256(data) : data]));
    }, member);
    await inOther(() => Promise.all([tells(room, "signal", () => true), tells(room, "event", ({ name }) => name === "sketched")]));
    const heard = await inOther(() => {
      const all = [...room.told.event.filter(({ offset }) => offset), ...room.told.event.filter(({ offset }) => !offset), ...room.told.signal];
      return Promise.all(all.map(async ({ name, data }) => [name, data instanceof Uint8Array ? await sha256(data) : data]));
    });
    const wanted = await inOne(() => {
      const picture = bytes(30_000, 5);
      return Promise.all([picture, new Uint8Array(), picture.subarray(100, 150), picture.subarray(0, 7)].map(sha256));
    });
    const kept = [["drawn", wanted[0]], ["words", "between"], ["empty", wanted[1]], ["drawn", wanted[2]]];
    assert.deepEqual(paths, kept);
    assert.deepEqual(heard, [...kept, ["sketched", wanted[3]], ["shown", wanted[0]]]);
    assert.deepEqual(await inOther(() => room.state), { drawn: 1 });
  });
});

describe("two handles of a room", () => {
  test("share one membership, until the last one leaves", async () => {
    await bothEnter();
    await inOne(async (name) => {
      window.second = await enter(client, name);
      window.iterated = (async () => {
        const names = [];
        for await (const { name } of second) names.push(name);
        return names;
      })();
    }, name);
    assert.equal(await inOne(() => second.member === room.member && second.state === room.state), true);
    await inOther(() => room.publish("to-both"));
    await inOne(() => Promise.all([room, second].map((room) => tells(room, "event", ({ name }) => name === "to-both"))));
    const left = await inOne(async () => {
      second.leave();
      second.leave();
      return { statuses: [second.status, room.status], names: await iterated, refused: await outcome(second.publish("late")), told: second.told.status };
    });
    assert.deepEqual([left.statuses, left.names, left.told], [["left", "joined"], ["to-both"], ["left"]]);
    assert.equal(left.refused.error.code, "not-joined");
    assert.equal((await inOne(() => room.publish("still-here"))).offset, 2);
    assert.equal(joins(one), 1);
    await inOne(() => room.leave());
    await inOther(() => tells(room, "presence", ({ members }) => members === 1));
    const again = await inOne(async (name) => {
      const room = await enter(client, name);
      room.leave();
      window.room = await enter(client, name);
      return { status: window.room.status, offset: (await window.room.publish("back")).offset };
    }, name);
    assert.deepEqual(again, { status: "joined", offset: 3 });
  });

  test("end with the session", async () => {
    const seen = await inOne(async (name) => {
      const room = await enter(client, name);
      const reading = outcome((async () => {
        for await (const event of room) event;
      })());
      client.close();
      const late = client.join(name);
      return { status: [room.status, room.told.status], read: await reading, late: await outcome(late.ready), refused: await outcome(room.publish("late")) };
    }, name);
    assert.equal(seen.read.error.code, "session-closed");
    assert.equal(seen.late.error.code, "session-closed");
    assert.equal(seen.refused.error.code, "session-closed");
    const again = await inOne(async (name) => {
      await client.connect();
      return (await enter(client, name)).status;
    }, name);
    assert.equal(again, "joined");
  });
});

describe("who may not", () => {
  const refused = ({ page }, name) => page.evaluate(async (name) => {
    const room = client.join(name);
    const { error } = await outcome(room.ready);
    return { error, status: room.status, same: room.error?.code === error.code };
  }, name);

  test("come in is told why", async () => {
    for (const [name, code] of [["desk:1", "forbidden"], ["nothing:1", "room-not-found"], ["no name", "room-not-found"], [`board:${"x".repeat(200)}`, "room-not-found"]]) {
      const { error, status, same } = await refused(one, name);
      assert.deepEqual([error.code, status, same, error.ours], [code, "left", true, true], `${name}: ${error.message}`);
    }
  });

  test("publish is told which roles may", async () => {
    const desk = `desk:${rooms}`;
    const editor = await seat("eva", { rooms: [{ name: "desk:*", role: "editor" }] });
    const reader = await seat("rob", { rooms: [{ name: desk, role: "reader" }] });
    await editor.page.evaluate(async (desk) => void (window.room = await enter(client, desk)), desk);
    await reader.page.evaluate(async (desk) => void (window.room = await enter(client, desk)), desk);
    assert.deepEqual(await Promise.all([editor, reader].map(({ page }) => page.evaluate(() => room.role))), ["editor", "reader"]);
    await editor.page.evaluate(() => room.patch({ open: true }));
    const tries = await reader.page.evaluate(async () => [await outcome(room.publish("x")), await outcome(room.patch({ open: false })), await outcome(room.replace({}))]);
    for (const { error } of tries) {
      assert.equal(error.code, "forbidden");
      assert.match(error.message, /editor/);
    }
    await reader.page.evaluate(() => tells(room, "state", (state) => state?.open === true));
    for (const { trace, context } of [editor, reader]) {
      assert.deepEqual(trace.problems, []);
      await context.close();
    }
  });

  test("say too much is told so", async () => {
    const seen = await inOne(async (name) => {
      const room = await enter(client, name);
      const info = client.join(`${name}-2`, { info: "x".repeat(2_000) });
      const large = await outcome(room.publish("large", "x".repeat(70_000)));
      let cast;
      try {
        room.cast("large", "x".repeat(2_000_000));
      } catch (error) {
        cast = error.code;
      }
      return { large, cast, info: await outcome(info.ready), still: (await room.publish("small")).offset };
    }, name);
    assert.deepEqual([seen.large.error.code, seen.cast, seen.info.error.code, seen.still], ["too-big", "too-big", "too-big", 1]);
  });
});
