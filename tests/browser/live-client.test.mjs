// What an app holds of live video: handles that begin, end and begin again, and leave nothing behind.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

let stage;
let streams = 0;

before(async () => (stage = await LiveStage.start({})));
after(() => stage?.end());
afterEach(() => stage.clear());

const fresh = () => `client-${(streams += 1)}`;

describe("a handle", () => {
  test("is the only one of its client in a stream, until it is stopped", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const second = (seat) =>
      seat.do((stream) => outcome((async () => client.live.watch(stream))()).then(({ error }) => [error?.code, error?.message]), stream);
    for (const seat of [caster, viewer]) {
      const [code, message] = await second(seat);
      assert.equal(code, "conflict");
      assert.match(message, /already; stop that first/);
    }
    await viewer.shows(5);
    // At once, as a framework does that mounts things twice.
    await viewer.do((stream) => {
      view.stop();
      window.view = watch(stream);
    }, stream);
    await viewer.shows(5);
    assert.equal((await stage.record(stream)).viewer_count, 1);
    await caster.do((stream) => {
      const media = cast.mediaStream.clone();
      cast.stop();
      window.cast = broadcast(stream, media);
      return cast.ready;
    }, stream);
    await viewer.shows(5);
    assert.deepEqual([await caster.do(() => cast.state), await viewer.do(() => view.state)], ["live", "live"]);
  });

  test("that is over has made room for the next one when it says so", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const rival = await stage.seat("broadcaster");
    // Refused, it tries once more and takes the stream over; superseded, the first one looks on.
    await caster.do((stream) => void cast.on("state", ({ state }) => state === "ended" && (window.view = watch(stream))), stream);
    await rival.do(async (stream) => {
      window.cast = broadcast(stream, painted("blue"));
      await new Promise((resolve) => {
        cast.on("state", ({ state }) => {
          if (state !== "failed") return;
          window.cast = broadcast(stream, painted("green"), { takeover: true });
          resolve();
        });
      });
      await cast.ready;
    }, stream);
    await caster.reaches("cast", "ended");
    assert.deepEqual(await caster.do(() => [cast.reason, cast.told.state.at(-1).state]), ["superseded", "ended"]);
    await caster.seesColour("green");
    await caster.do(() => cast.stop());
    await caster.shows(5);
  });

  test("that is disposed leaves nothing behind, and takes nothing from the app", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const held = await viewer.do(async () => {
      view[Symbol.dispose]();
      view[Symbol.dispose]();
      return [view.state, view.reason, view.video.srcObject, view.mediaStream.getTracks().length];
    });
    assert.deepEqual(held, ["ended", "left", null, 0]);
    await until("it is counted out", async () => (await stage.record(stream)).viewer_count === 0);
    await caster.do(() => cast.mute({ video: true }));
    const tracks = await caster.do(async () => {
      const [track] = cast.mediaStream.getVideoTracks();
      await cast.stop();
      return [track.readyState, track.enabled];
    });
    assert.deepEqual(tracks, ["live", true]);
    assert.equal((await stage.record(stream)).state, "ended");
    const gone = ({ trace }) => trace.frames.some(({ way, type, room }) => way === "up" && type === "leave" && room === `live:${stream}`);
    for (const seat of [caster, viewer]) {
      await until("the room is left", () => gone(seat));
      assert.equal((await seat.connections()).open, 0);
    }
  });

  test("ends with its client, and says why", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    for (const [seat, handle] of [[viewer, "view"], [caster, "cast"]]) {
      await seat.do(() => client.close());
      await seat.reaches(handle, "failed");
      assert.equal(await seat.do((handle) => window[handle].error.code, handle), "session-closed");
      await until("its connections are closed", async () => (await seat.connections()).open === 0);
    }
  });

  test("that is stopped while it is offline is over at once, and the server finds out when it is back", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    await until("it is counted", async () => (await stage.record(stream)).viewer_count === 1);
    viewer.sever();
    await viewer.do(async () => {
      while (client.state === "live") await pause(10);
      await view.stop();
    });
    assert.deepEqual([await viewer.do(() => [view.state, view.reason]), (await viewer.connections()).open], [["ended", "left"], 0]);
    await viewer.heal();
    await until("it is counted out", async () => (await stage.record(stream)).viewer_count === 0);
    await viewer.watch(stream);
    await viewer.shows(5);
    await until("it is counted again", async () => (await stage.record(stream)).viewer_count === 1);
    caster.sever();
    await caster.do(async () => {
      while (client.state === "live") await pause(10);
      await cast.stop();
    });
    assert.deepEqual([await caster.do(() => cast.state), (await caster.connections()).open], ["ended", 0]);
    await caster.heal();
    await caster.broadcast(stream, { source: "green" });
    await viewer.seesColour("green");
  });

  test("of a stream that nobody may know of fails with what the server says", async () => {
    const viewer = await stage.seat("viewer");
    const seen = await viewer.do(async () => {
      window.view = watch("no such name");
      await becomes(view, ({ state }) => state === "failed");
      const ready = await outcome(client.live.observe("no such name").ready);
      return [view.error.code, ready.error.code];
    });
    assert.deepEqual(seen, ["room-not-found", "room-not-found"]);
  });
});

test("a fault in the wasm ends what it drove, and what comes after it works", async () => {
  const stream = fresh();
  const caster = await stage.broadcaster(stream, { source: "red" });
  const viewer = await stage.viewer(stream);
  for (const [seat, handle] of [[viewer, "view"], [caster, "cast"]]) {
    await seat.do(async () => {
      const { enter } = await import("/pkg/lib/load.js");
      await outcome((async () => enter(() => { throw new WebAssembly.RuntimeError("unreachable"); }))());
    });
    await seat.reaches(handle, "failed");
    assert.equal(await seat.do((handle) => window[handle].error.code, handle), "internal");
    assert.equal((await seat.connections()).open, 0);
    await seat.do((handle) => window[handle].stop(), handle);
    await seat.do(() => client.connect());
  }
  await caster.broadcast(stream, { source: "green" });
  await viewer.watch(stream);
  await viewer.seesColour("green");
});

describe("a watch", () => {
  test("without an element gives its media to the app", async () => {
    const stream = fresh();
    await stage.broadcaster(stream, { source: "green" });
    const viewer = await stage.seat("viewer");
    await viewer.do(async (stream) => {
      window.view = client.live.watch(stream);
      window.media = await new Promise((resolve) => view.on("media", resolve));
      Object.assign(view, { eye: screen(media).eye });
    }, stream);
    await viewer.seesColour("green");
    assert.deepEqual(await viewer.do(() => [view.mediaStream === media, view.playbackBlocked]), [true, false]);
  });

  test("goes on in the same MediaStream over another connection", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    await viewer.do(() => void (window.media = view.mediaStream));
    await viewer.do(() => view.retry());
    await viewer.shows(10);
    assert.ok(await viewer.do(() => view.mediaStream === media && media.getVideoTracks().length === 1));
    await until("the connection of before is closed", async () => (await caster.connections()).open === 1);
  });
});

test("streams are listed and looked at, by who does not watch them", async () => {
  const names = [fresh(), fresh()];
  const [one, other] = await Promise.all(names.map((stream) => stage.broadcaster(stream, { source: "red", options: { title: stream } })));
  const audience = await stage.seat("audience");
  const [listed, looked, unknown] = await audience.do(async ([one]) => {
    const { streams } = await client.live.list();
    return [streams.map(({ stream_id, state, title }) => [stream_id, state, title]), await client.live.get(one), await client.live.get("nothing")];
  }, names);
  for (const name of names) assert.ok(listed.some(([id, state, title]) => id === name && state === "live" && title === name), JSON.stringify(listed));
  assert.deepEqual([looked.stream_id, looked.broadcaster, looked.viewer_count], [names[0], one.user, 0]);
  assert.deepEqual([unknown.stream_id, unknown.state], ["nothing", "offline"]);
  assert.equal(await other.do(() => cast.record.title), names[1]);
});
