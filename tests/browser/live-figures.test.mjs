// How long a viewer waits for the first frame, beside what the browser needs without a server. Printed, not judged but against minutes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { LiveStage } from "./support/live.mjs";

const VIEWERS = 5;
const ROUNDS = 4;

let stage;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());

const rank = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];

function told(name, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const [p50, p95] = [0.5, 0.95].map((share) => Math.round(rank(sorted, share)));
  return `${name}: p50 ${p50} ms, p95 ${p95} ms (n=${times.length})`;
}

test(`${VIEWERS} viewers join one after another, and each sees its first frame`, async (t) => {
  const stream = "figures";
  await stage.broadcaster(stream);
  const bare = await stage.seat("broadcaster");
  await bare.do(async () => void (window.media = await camera()));
  const seats = [];
  for (let n = 0; n < VIEWERS; n += 1) seats.push(await stage.seat("viewer"));
  const [cold, warm, alone] = [[], [], []];
  const join = (seat) =>
    seat.do(async (stream) => {
      await client.connect();
      window.view = watch(stream);
      await view.eye.sees(() => true);
      return view.eye.first - view.begun;
    }, stream);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const seat of seats) {
      (round === 0 ? cold : warm).push(await join(seat));
      alone.push(await bare.do(() => bareJoin(media)));
    }
    // They all watch at once before they leave.
    await Promise.all(seats.map((seat) => seat.shows(3)));
    await Promise.all(seats.map((seat) => seat.do(() => (view.stop(), view.video.remove()))));
  }
  t.diagnostic(told("join to first frame, the first of its page", cold));
  t.diagnostic(told("join to first frame, later ones", warm));
  t.diagnostic(told("two bare connections in one page, no server", alone));
  assert.ok([...cold, ...warm].every((time) => time > 0 && time < 60_000));
  await stage.clear();
});
