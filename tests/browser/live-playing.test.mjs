// Who says whether a watch plays, and whether it is heard: the browser, or whoever looks at it.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { open } from "./support/browser.mjs";
import { LiveStage } from "./support/live.mjs";

let stage;

before(async () => (stage = await LiveStage.start()));
after(() => stage?.end());

describe("the element's own controls", () => {
  let page, trace;

  beforeEach(async () => {
    ({ page, trace } = await open(stage.browser, `${stage.server.url}/live.html`));
    await page.waitForFunction(() => window.ready);
    await page.evaluate(async () => {
      const { Playing } = await import("/pkg/lib/live/playing.js");
      Object.assign(window, {
        video: Object.assign(screen(), { autoplay: false }),
        told: [],
        /** Begins to play in the page's video, as a watch does. */
        begin: (options) => (window.playing = new Playing({ video, ...options }, (type, value) => type === "playback" && told.push(value))),
        /** Media over another connection. */
        connect: () => playing.show(painted("#c03030").getTracks()),
        /** The page is hidden, or seen again. */
        see(seen) {
          Object.defineProperty(document, "hidden", { value: !seen, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        },
        /** What the browser does not play; nothing, once it may play everything. */
        refuse(refused) {
          video.play = async () => {
            if (refused()) throw new DOMException("a gesture, please", "NotAllowedError");
            return HTMLMediaElement.prototype.play.call(video);
          };
        },
        happens: (type) => new Promise((resolve) => video.addEventListener(type, resolve, { once: true })),
        plays: () => (video.paused ? happens("playing") : undefined),
      });
    });
  });
  afterEach(async () => {
    assert.deepEqual(trace.problems, []);
    await page.context().close();
  });

  const seen = () => page.evaluate(() => ({ blocked: playing.blocked, told, paused: video.paused, muted: video.muted }));

  test("is given the tracks before anything arrives on the first connection, and later ones are not shown before", async () => {
    const shown = await page.evaluate(async () => {
      begin();
      const arrive = async () => {
        const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
        playing.expect(to);
        from.addTransceiver("video", { direction: "sendonly" });
        await from.setLocalDescription();
        // Nothing is ever sent: the two never learn of each other's addresses.
        await to.setRemoteDescription({ type: "offer", sdp: from.localDescription.sdp.replaceAll(/a=candidate.*\r\n/g, "") });
        const shown = video.srcObject?.getTracks().includes(to.getReceivers()[0].track) ?? false;
        for (const end of [from, to]) end.close();
        return shown;
      };
      const first = [await arrive(), playing.shown];
      connect();
      return [...first, Boolean(playing.shown), await arrive()];
    });
    assert.deepEqual(shown, [true, undefined, true, false]);
  });

  test("mute and pause for as long as whoever looks wants it", async () => {
    await page.evaluate(async () => {
      begin({ muted: false });
      connect();
      await plays();
      video.muted = true;
      video.pause();
      await happens("pause");
      see(false);
      see(true);
      connect();
    });
    assert.deepEqual(await seen(), { blocked: false, told: [], paused: true, muted: true });
    await page.evaluate(async () => {
      video.play();
      await happens("playing");
      connect();
      await video.eye.more(3);
    });
    assert.deepEqual(await seen(), { blocked: false, told: [], paused: false, muted: true });
  });

  test("give the sound back that the browser took, and the picture", async () => {
    await page.evaluate(async () => {
      begin({ muted: false });
      let refused = () => !video.muted;
      refuse(() => refused());
      connect();
      await happens("playing");
      refused = () => false;
      video.muted = false;
      await happens("volumechange");
    });
    assert.deepEqual(await seen(), { blocked: false, told: ["sound", false], paused: false, muted: false });
  });

  test("are not what pauses in a page that is hidden: it plays when it is seen, as it did", async () => {
    await page.evaluate(async () => {
      begin({ muted: false });
      refuse(() => !video.muted);
      connect();
      await happens("playing");
      see(false);
      video.pause();
      await happens("pause");
      see(true);
      await plays();
    });
    assert.deepEqual(await seen(), { blocked: "sound", told: ["sound"], paused: false, muted: true });
  });

  test("nothing plays before there are media, and a gesture says so", async () => {
    const resumed = await page.evaluate(async () => {
      begin({ muted: false });
      const early = await playing.resume();
      connect();
      await plays();
      return [early, await playing.resume()];
    });
    assert.deepEqual(resumed, [false, true]);
  });
});

test("a browser that plays nothing by itself is asked again when the page is seen, and plays after a gesture", async () => {
  const stream = "blocked";
  await stage.broadcaster(stream, { source: "red" });
  const viewer = await stage.seat("viewer");
  const seen = () => viewer.do(() => ({ blocked: view.playbackBlocked, told, paused: view.video.paused }));
  await viewer.do(async (stream) => {
    // An element that plays by itself asks nobody.
    const video = Object.assign(screen(), { autoplay: false });
    let asked = 0;
    Object.assign(window, { allowed: false, told: [] });
    video.play = async () => {
      asked += 1;
      if (!allowed) throw new DOMException("a gesture, please", "NotAllowedError");
      return HTMLMediaElement.prototype.play.call(video);
    };
    window.seenAgain = async () => {
      const before = asked;
      document.dispatchEvent(new Event("visibilitychange"));
      while (asked === before) await pause(10);
    };
    window.view = Object.assign(client.live.watch(stream, { video }), { video, eye: video.eye });
    await new Promise((resolve) => view.on("playback", (blocked) => resolve(told.push(blocked))));
  }, stream);
  await viewer.do(() => seenAgain());
  assert.deepEqual(await seen(), { blocked: "all", told: ["all"], paused: true });
  assert.equal(await viewer.do(() => view.resumePlayback()), false);
  await viewer.do(() => void (window.allowed = true));
  await viewer.do(() => seenAgain());
  await viewer.shows(5);
  assert.deepEqual(await seen(), { blocked: false, told: ["all", false], paused: false });
  assert.equal(await viewer.do(() => view.resumePlayback()), true);
  await stage.clear();
});
