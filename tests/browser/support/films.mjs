// Films and pictures, made by ffmpeg at the moment they are needed.

import { execFile } from "node:child_process";
import { stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

async function ffmpeg(place, name, ...options) {
  const path = join(place.path, name);
  await run("ffmpeg", ["-loglevel", "error", "-nostdin", "-y", ...options, path]);
  return { path, name, size: (await stat(path)).size };
}

/** A moving test picture with a tone. It takes a server a while to convert, as a film does. */
export function film(place, name, { seconds = 20, size = "1280x720", rate = 30 } = {}) {
  const picture = ["-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`];
  const tone = ["-f", "lavfi", "-i", `sine=frequency=440:sample_rate=48000:duration=${seconds}`];
  const quickly = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];
  return ffmpeg(place, name, ...picture, ...tone, ...quickly);
}

/** A way into the Mandelbrot set, without sound: each of its frames is like no other. */
export function journey(place, name, { seconds = 10 } = {}) {
  const view = `mandelbrot=size=960x540:rate=25:maxiter=600:start_scale=1.6:end_scale=0.00002:end_pts=${seconds * 34}:inner=period`;
  return ffmpeg(place, name, "-f", "lavfi", "-i", view, "-t", String(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p");
}

/** A film that is cut off in the middle: nothing in it says what is where. */
export async function brokenFilm(place, name) {
  const { path, size } = await film(place, name, { seconds: 2 });
  await truncate(path, Math.floor(size / 2));
  return { path, name, size: Math.floor(size / 2) };
}

/** One test picture. */
export function photo(place, name, size = "1200x800") {
  return ffmpeg(place, name, "-f", "lavfi", "-i", `testsrc2=size=${size}`, "-frames:v", "1");
}

/** What ffprobe says of a file: `{ format, streams }`. */
export async function probe(path) {
  const { stdout } = await run("ffprobe", ["-v", "error", "-show_format", "-show_streams", "-of", "json", path]);
  return JSON.parse(stdout);
}
