// The camera and what becomes of it: another one in its place, muted, refused, unplugged; and what the viewer's browser refuses.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";

import { LiveStage } from "./support/live.mjs";
import { until } from "./support/wait.mjs";

let stage;
let streams = 0;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());
afterEach(() => stage.clear());

const fresh = () => `media-${(streams += 1)}`;

describe("what is broadcast", () => {
  test("is another picture after replaceTrack, over the same connections and without an offer", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewers = [await stage.viewer(stream), await stage.viewer(stream)];
    const offers = viewers.map((seat) => seat.signals("offer").length);
    await caster.do(() => cast.replaceTrack(painted("green").getVideoTracks()[0]));
    await Promise.all(viewers.map((seat) => seat.seesColour("green")));
    // Another size too, and for who comes later.
    await caster.do(() => cast.replaceTrack(painted("blue", { width: 480, height: 270 })));
    await Promise.all(viewers.map((seat) => seat.seesColour("blue")));
    const late = await stage.viewer(stream);
    await late.seesColour("blue");
    assert.deepEqual(viewers.map((seat) => seat.signals("offer").length), offers);
    assert.deepEqual(await Promise.all(viewers.map((seat) => seat.connections())), Array(2).fill({ made: 1, open: 1 }));
    const refused = await caster.do(async () => (await outcome(cast.replaceTrack((await camera()).getAudioTracks()[0]))).error);
    assert.equal(refused.code, "no-tracks");
  });

  test("is dark and silent while it is muted, and the preview says so", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    await viewer.seesColour("red");
    await caster.do(() => cast.mute({ video: true }));
    await viewer.do(() => view.eye.sees(({ colour }) => colour.every((value) => value < 60)));
    assert.deepEqual(await caster.do(() => [cast.muted, cast.mediaStream.getVideoTracks()[0].enabled]), [{ audio: false, video: true }, false]);
    await caster.do(() => cast.mute({ video: false }));
    await viewer.seesColour("red");
  });

  test("is muted as far as that is named, and is afterwards as it was before", async () => {
    const stream = fresh();
    const caster = await stage.seat("broadcaster");
    const seen = await caster.do(async (stream) => {
      const media = await camera();
      const [[video], [audio]] = [media.getVideoTracks(), media.getAudioTracks()];
      const enabled = () => [audio.enabled, video.enabled];
      video.enabled = false;
      window.cast = broadcast(stream, media);
      const all = [];
      for (const what of [{ audio: true }, { audio: true }, { video: true }, { audio: false, video: undefined }, { video: false }]) {
        cast.mute(what);
        all.push(enabled());
      }
      return { all, told: cast.told.muted };
    }, stream);
    assert.deepEqual(seen.all, [[false, false], [false, false], [false, false], [true, false], [true, false]]);
    const told = [[true, false], [true, true], [false, true], [false, false]];
    assert.deepEqual(seen.told, told.map(([audio, video]) => ({ audio, video })));
  });

  test("is never seen while it is muted: a track is given back when nobody is sent it any more", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const replaced = await caster.do(async () => {
      const [old] = cast.mediaStream.getVideoTracks();
      const other = painted("green");
      const enabled = () => [old, other.getTracks()[0]].map(({ enabled }) => enabled);
      cast.mute({ video: true });
      // Senders that take their time.
      const { replaceTrack } = RTCRtpSender.prototype;
      const gate = Promise.withResolvers();
      RTCRtpSender.prototype.replaceTrack = async function (...given) {
        await gate.promise;
        return replaceTrack.apply(this, given);
      };
      const done = cast.replaceTrack(other);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const meanwhile = enabled();
      gate.resolve();
      await done;
      RTCRtpSender.prototype.replaceTrack = replaceTrack;
      return { meanwhile, afterwards: enabled() };
    });
    assert.deepEqual(replaced, { meanwhile: [false, false], afterwards: [true, false] });
    await viewer.do(() => view.eye.sees(({ colour }) => colour.every((value) => value < 60)));
    const given = await caster.do(async () => {
      const [track] = cast.mediaStream.getVideoTracks();
      const { get, set } = Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, "enabled");
      const given = [];
      const noted = (value) => (given.push([value, openConnections().length]), set.call(track, value));
      Object.defineProperty(track, "enabled", { get, set: noted });
      await cast.stop();
      return given;
    });
    assert.deepEqual(given, [[true, 0]]);
  });

  test("is replaced by all that is given, or by nothing of it", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream, { source: "red" });
    const viewer = await stage.viewer(stream);
    const refused = await caster.do(async () => {
      const sent = () => connections.flatMap((connection) => connection.getSenders().map(({ track }) => track));
      const before = [...cast.mediaStream.getTracks(), ...sent()];
      const media = await camera();
      const [both, none] = [await outcome(cast.replaceTrack(media)), await outcome(cast.replaceTrack(new MediaStream()))];
      const same = [...cast.mediaStream.getTracks(), ...sent()].every((track, at) => track === before[at]);
      return [both.error.code, none.error.code, same];
    });
    assert.deepEqual(refused, ["no-tracks", "no-tracks", true]);
    await viewer.shows(10);
    await viewer.seesColour("red");
  });

  test("is measured once a second, on both sides", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream);
    const viewer = await stage.viewer(stream);
    await Promise.all([viewer.do(() => becomes(view, ({ stats }) => stats?.fps > 0 && stats.bitrate > 0)), caster.do(() => becomes(cast, ({ stats }) => stats?.bitrate > 0 && stats.connected === 1))]);
    const { width, height, frames, relay } = await viewer.do(() => view.stats);
    assert.ok(width > 0 && height > 0 && frames > 0, JSON.stringify({ width, height, frames }));
    assert.equal(relay, false);
    const told = await caster.do(() => [...cast.viewers.values()].map(({ stats }) => stats?.bitrate > 0));
    assert.deepEqual(told, [true]);
  });

  test("has a quality that everybody is told, and that the record has", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream);
    const viewer = await stage.viewer(stream);
    const [told, ...all] = await Promise.all([viewer, caster].map((seat) => seat.do(async () => {
      const handle = window.view ?? window.cast;
      await becomes(handle, ({ told }) => told.quality.length > 0);
      const event = handle.told.event.find(({ name }) => name === "quality_changed");
      return { quality: handle.told.quality[0], event: event.data.quality, stream: event.data.stream_id };
    })));
    const { level, width, height, fps, bitrate } = told.quality;
    assert.ok(["high", "medium", "low"].includes(level) && width > 0 && height > 0 && fps > 0 && bitrate > 0, JSON.stringify(told));
    for (const { quality, event, stream: of } of [told, ...all]) assert.deepEqual([quality, event, of], [told.quality, told.quality, stream]);
    assert.ok((await stage.record(stream)).quality);
    const audience = await stage.seat("audience");
    const known = await audience.do(async (stream) => {
      window.view = observe(stream);
      await view.ready;
      return view.record.quality;
    }, stream);
    assert.ok(["high", "medium", "low"].includes(known.level), JSON.stringify(known));
  });

  test("is a device that may go: its broadcaster is told, and puts another one in its place", async () => {
    const stream = fresh();
    const caster = await stage.broadcaster(stream);
    const viewer = await stage.viewer(stream);
    const event = await caster.do(async () => {
      const [track] = cast.mediaStream.getVideoTracks();
      track.stop();
      // A browser says so when the device went, not when the page let go of it.
      track.dispatchEvent(new Event("ended"));
      const { type, kind } = cast.told.device.find(({ type }) => type === "ended");
      return { type, kind, same: cast.told.device[0].track === track };
    });
    assert.deepEqual(event, { type: "ended", kind: "video", same: true });
    await caster.do(() => cast.replaceTrack(painted("green")));
    await viewer.seesColour("green");
    assert.deepEqual(await viewer.connections(), { made: 1, open: 1 });
  });

  test("is nothing where the camera is refused: the app hears it, and nobody else anything", async () => {
    const stream = fresh();
    const seat = await stage.seat("broadcaster", { camera: false });
    const seen = await seat.do(async (stream) => {
      const refused = await outcome(camera());
      const empty = await outcome((async () => client.live.broadcast(stream, new MediaStream()).ready)());
      return { refused: refused.error.name, empty: empty.error, diagnosis: await client.live.diagnose() };
    }, stream);
    assert.equal(seen.refused, "NotAllowedError");
    assert.equal(seen.empty.code, "no-tracks");
    const leg = seen.diagnosis.legs.find(({ leg }) => leg === "camera");
    assert.equal(leg.ok, false);
    assert.match(leg.told, /permission|allow/i);
    assert.deepEqual(seat.calls("live/start"), []);
    // It is no reason not to show something else.
    await seat.broadcast(stream, { source: "green" });
    const viewer = await stage.viewer(stream);
    await viewer.seesColour("green");
  });
});

describe("a browser that plays no sound by itself", () => {
  test("plays without, says so, and plays with it after a gesture", async () => {
    const stream = fresh();
    await stage.broadcaster(stream);
    const viewer = await stage.seat("viewer", { untouched: true });
    await viewer.quietly((stream) => {
      window.view = watch(stream, { muted: false });
      document.addEventListener("click", () => (window.resumed = view.resumePlayback()));
    }, stream);
    await viewer.quietly(() => view.eye.more(10));
    const seen = () => viewer.quietly(() => ({ blocked: view.playbackBlocked, muted: view.video.muted, paused: view.video.paused, told: view.told.playback }));
    assert.deepEqual(await seen(), { blocked: "sound", muted: true, paused: false, told: ["sound"] });
    await viewer.page.mouse.click(10, 10);
    assert.equal(await viewer.quietly(() => window.resumed), true);
    assert.deepEqual(await seen(), { blocked: false, muted: false, paused: false, told: ["sound", false] });
    await viewer.quietly(() => view.eye.more(5));
  });
});

describe("two streams", () => {
  test("in one page are apart: one is broadcast, two are watched", async () => {
    const [own, left, right] = [fresh(), fresh(), fresh()];
    await Promise.all([stage.broadcaster(left, { source: "red" }), stage.broadcaster(right, { source: "blue" })]);
    const seat = await stage.seat("broadcaster");
    await seat.broadcast(own, { source: "green" });
    const viewer = await stage.viewer(own);
    await seat.do(async ([left, right]) => {
      window.views = [watch(left), watch(right)];
      const sees = (wanted) => ({ colour }) => colour.every((value, at) => (at === wanted ? value > 90 : value < 90));
      await Promise.all([views[0].eye.sees(sees(0)), views[1].eye.sees(sees(2))]);
      views[0].stop();
      await views[1].eye.more(10);
    }, [left, right]);
    await viewer.seesColour("green");
    await viewer.shows(10);
    await until("the one is counted out", async () => (await stage.record(left)).viewer_count === 0);
    assert.equal((await stage.record(right)).viewer_count, 1);
    assert.deepEqual(await seat.do(() => [views[0].state, views[0].reason, views[0].video.srcObject]), ["ended", "left", null]);
  });
});
