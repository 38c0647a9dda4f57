// A stored film in a `<video>`: the browser seeks in it by ranges, at an address that needs no token.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { promisify } from "node:util";

import { folder } from "./support/files.mjs";
import { Stage } from "./support/stage.mjs";

/** Long and rich enough that a browser does not take all of it before it is asked for its end. */
const SECONDS = 120;
const SOURCE = ["-f", "lavfi", "-i", `testsrc2=size=640x360:rate=10:duration=${SECONDS}`];
const CODEC = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-movflags", "+faststart"];
const RATE = ["-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "8M", "-g", "20"];

let stage, page, trace, context, token, place;

before(async () => {
  place = await folder();
  stage = await Stage.start();
});
after(async () => {
  await stage?.end();
  await place?.remove();
});
beforeEach(async () => ({ page, trace, context, token } = await stage.page()));
afterEach(async () => {
  assert.deepEqual(trace.problems, []);
  await context.close();
});

test("a video seeks by ranges", async () => {
  const path = join(place.path, "film.mp4");
  await promisify(execFile)("ffmpeg", ["-nostdin", "-v", "error", "-y", ...SOURCE, ...CODEC, ...RATE, path]);
  const headers = { authorization: `Bearer ${token}`, "content-type": "video/mp4" };
  const disposition = { "content-disposition": 'attachment; filename="film.mp4"' };
  const body = await readFile(path);
  const stored = await fetch(`${stage.server.url}/api/files`, { method: "POST", headers: { ...headers, ...disposition }, body });
  assert.equal(stored.status, 201);
  const { id } = await stored.json();
  const call = { method: "POST", headers, body: JSON.stringify({ id }) };
  const { url } = await (await fetch(`${stage.server.url}/rpc/files/link`, call)).json();

  const ranges = [];
  page.on("response", (response) => {
    if (response.url().includes(`/api/files/${id}/`)) ranges.push([response.request().headers().range, response.status()]);
  });
  const seen = await page.evaluate(
    async ([url, end]) => {
      const video = document.createElement("video");
      video.muted = true;
      video.src = url;
      document.body.append(video);
      const happens = (name) =>
        new Promise((resolve, reject) => {
          video.addEventListener(name, resolve, { once: true });
          video.addEventListener("error", () => reject(new Error(video.error?.message)), { once: true });
        });
      await happens("loadeddata");
      const canvas = document.createElement("canvas").getContext("2d");
      const frame = async (at) => {
        const seeked = happens("seeked");
        video.currentTime = at;
        await seeked;
        canvas.drawImage(video, 0, 0, 300, 150);
        const { data } = canvas.getImageData(0, 0, 300, 150);
        return [video.currentTime, data.reduce((sum, value, at) => (sum * 31 + value * (at % 7)) % 1_000_003, 0)];
      };
      const frames = [await frame(end - 5), await frame(10), await frame(end - 5)];
      return { frames, duration: video.duration, width: video.videoWidth };
    },
    [url, SECONDS],
  );
  assert.equal(seen.width, 640);
  assert.ok(Math.abs(seen.duration - SECONDS) < 1, `it lasts ${seen.duration} s`);
  const [late, early, again] = seen.frames;
  assert.deepEqual([late[0], early[0]], [SECONDS - 5, 10]);
  assert.notEqual(late[1], early[1], "other times show other pictures");
  assert.deepEqual(again, late);
  assert.ok(ranges.every(([range, status]) => range && status === 206), JSON.stringify(ranges));
  const starts = ranges.map(([range]) => Number(/^bytes=(\d+)-/.exec(range)[1]));
  assert.ok(starts.some((start) => start > body.length / 2), `it read from ${starts} of ${body.length} bytes`);
});
