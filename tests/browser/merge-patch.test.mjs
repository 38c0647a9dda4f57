// JSON merge patches as the package keeps a room's state by them: RFC 7396, and two patches that become one.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { PACKAGE } from "./support/environment.mjs";

const { Patches, compose, merge } = await import(pathToFileURL(`${PACKAGE}/lib/state.js`));

/** Appendix A of RFC 7396: the value, the patch, and what comes out. */
const RFC = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [["a", "b"], ["c", "d"], ["c", "d"]],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

/** Values and patches that follow from a seed, with few names, so that they meet. */
function random(seed) {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  const below = (count) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
  const value = (depth, nulls) => {
    const kind = below(depth > 0 ? 6 : 4);
    if (kind === 0) return nulls ? null : "was null";
    if (kind === 1) return below(3);
    if (kind === 2) return ["x", below(2)];
    if (kind === 3) return "text";
    const entries = Array.from({ length: below(4) }, () => ["abc"[below(3)], value(depth - 1, nulls)]);
    return Object.fromEntries(entries);
  };
  return value;
}

describe("a patch", () => {
  for (const [value, patch, wanted] of RFC) {
    test(`${JSON.stringify(patch)} on ${JSON.stringify(value)}`, () => assert.deepEqual(merge(value, patch), wanted));
  }

  test("changes neither the value nor itself, and shares what it does not name", () => {
    const value = { kept: { deep: [1] }, gone: 1 };
    const patch = { gone: null, added: { x: 1 } };
    const before = structuredClone({ value, patch });
    const merged = merge(value, patch);
    assert.deepEqual({ value, patch }, before);
    assert.equal(merged.kept, value.kept);
  });

  test("with a hostile name sets that name and nothing else", () => {
    const merged = merge({}, JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'));
    assert.equal({}.polluted, undefined);
    assert.equal(Object.getPrototypeOf(merged), Object.prototype);
    assert.deepEqual(Object.keys(merged), ["__proto__", "constructor"]);
  });
});

describe("two patches", () => {
  test("as one do what they do one after the other, or are not made one", () => {
    let composed = 0;
    for (let seed = 1; seed <= 20_000; seed += 1) {
      const next = random(seed);
      const [value, first, second] = [next(3, false), next(3, true), next(3, true)];
      const both = compose(first, second);
      if (both === undefined) continue;
      composed += 1;
      assert.deepEqual(merge(value, both), merge(merge(value, first), second), JSON.stringify({ value, first, second, both }));
    }
    assert.ok(composed > 10_000, `${composed} of them composed`);
  });

  test("of which the first sets what the second goes into stay two", () => {
    assert.equal(compose({ a: null }, { a: { b: 1 } }), undefined);
    assert.equal(compose({ a: 1 }, { a: { b: null } }), undefined);
    assert.equal(compose([1], { b: 1 }), undefined);
  });
});

describe("rapid patches", () => {
  /** A queue whose sending is held until the test lets it go. */
  function held() {
    const sent = [];
    const patches = new Patches((patch, name) => new Promise((resolve, reject) => sent.push({ patch, name, resolve, reject })));
    return { sent, patches, turn: () => new Promise((resolve) => setTimeout(resolve)) };
  }

  test("become one while one is under way", async () => {
    const { sent, patches, turn } = held();
    const answers = [patches.add({ n: 0 }, "state")];
    await turn();
    for (let n = 1; n < 50; n += 1) answers.push(patches.add({ n, [`k${n % 2}`]: n }, "state"));
    assert.equal(sent.length, 1);
    sent[0].resolve({ offset: 1 });
    await turn();
    assert.deepEqual(sent.slice(1).map(({ patch }) => patch), [{ n: 49, k1: 49, k0: 48 }]);
    sent[1].resolve({ offset: 2 });
    assert.deepEqual(new Set((await Promise.all(answers)).map(({ offset }) => offset)), new Set([1, 2]));
  });

  test("keep their order where they do not compose or go under other names", async () => {
    const { sent, patches, turn } = held();
    const answers = [[{ a: 1 }, "state"], [{ a: null }, "state"], [{ a: { b: 1 } }, "state"], [{ c: 1 }, "other"]].map((patch) => patches.add(...patch));
    for (let at = 0; at < 3; at += 1) {
      await turn();
      sent[at].resolve(at);
    }
    assert.deepEqual(await Promise.all(answers), [0, 0, 1, 2]);
    assert.deepEqual(sent.map(({ patch, name }) => [patch, name]), [[{ a: null }, "state"], [{ a: { b: 1 } }, "state"], [{ c: 1 }, "other"]]);
  });

  test("that are refused do not hold up those that follow", async () => {
    const { sent, patches, turn } = held();
    const first = patches.add({ a: 1 }, "state");
    await turn();
    const second = patches.add({ a: 2 }, "state");
    sent[0].reject(new Error("refused"));
    await assert.rejects(first, /refused/);
    await turn();
    sent[1].resolve("taken");
    assert.equal(await second, "taken");
  });
});
