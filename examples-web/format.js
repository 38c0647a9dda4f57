// Numbers for people. Decimal units, as disks and browsers show them.

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `1.5 MB`: three figures at most, so that a growing number does not dance. */
export function bytes(count) {
  if (!Number.isFinite(count) || count < 0) return "unknown size";
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** `84.2 MB/s`. */
export function rate(bytesPerSecond) {
  return `${bytes(Math.max(0, bytesPerSecond || 0))}/s`;
}

/** `640 kbit/s`, `1.24 Mbit/s`: what a line carries is counted in bits. */
export function bitrate(bitsPerSecond) {
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${(bitsPerSecond / 1_000_000).toFixed(bitsPerSecond < 9_995_000 ? 2 : 1)} Mbit/s`;
}

/** `12 s left`, `4 min left`; rounded more coarsely the longer it is, as an estimate should be. */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 1) return "almost done";
  return `${duration(seconds)} left`;
}

/** `0.4 s`, `12 s`, `4 min`, `2 h 5 min`. */
export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

/** `0:07`, `12:30`, `1:02:03`: a place in a film. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** `37 ms`, or seconds when it took long. */
export function milliseconds(ms) {
  return ms < 1000 ? `${Math.max(ms, 0).toFixed(ms < 10 ? 1 : 0)} ms` : duration(ms / 1000);
}

/** Whole percent, never 100 before all of it is there. */
export function percent(part, whole) {
  if (whole <= 0) return 100;
  return part >= whole ? 100 : Math.min(99, Math.floor((part / whole) * 100));
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** `just now`, `5 minutes ago`, then a date. */
export function ago(time, now = Date.now()) {
  const minutes = Math.round((time - now) / 60_000);
  if (minutes > -1) return "just now";
  if (minutes > -60) return relative.format(minutes, "minute");
  const hours = Math.round(minutes / 60);
  if (hours > -24) return relative.format(hours, "hour");
  const days = Math.round(hours / 24);
  return days > -7 ? relative.format(days, "day") : date.format(time);
}

/** `st_3fa9…07c1`: enough of an id to recognise it. */
export function shortId(id) {
  return id && id.length > 14 ? `${id.slice(0, 7)}…${id.slice(-4)}` : (id ?? "");
}

/** `blake3 3fa94c21…`: the start of a digest. */
export function shortDigest(digest) {
  const [algorithm, value = ""] = String(digest ?? "").split(":");
  return value ? `${algorithm} ${value.slice(0, 12)}…` : "";
}

/** `1 cut`, `2 cuts`. */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
