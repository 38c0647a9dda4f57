// The figures of a stream: how many watch, how good the picture is, and which way it takes.

import { h, setText } from "./dom.js";
import { milliseconds } from "./format.js";
import { qualityWords } from "./live-words.js";

/** `facts.record(record)` and `facts.stats(stats)` bring them up to date. `own`: with what this window itself measures. */
export function mountFacts(place, { own = false } = {}) {
  const parts = {};
  const fact = (name, label, wide = false) => {
    const value = (parts[name] = h("b", { "data-testid": name }, "–"));
    const about = (parts[`${name}-about`] = h("span", { class: "soft" }));
    return h("div", { class: "fact", "data-wide": wide }, h("dt", { class: "soft" }, label), h("dd", {}, value, about));
  };
  const title = h("h2", { id: "facts-title" }, "The stream");
  const measured = own ? [fact("rtt", "Round trip"), fact("way", "Way"), fact("size", "Picture"), fact("freezes", "Stood still")] : [];
  place.append(
    h("div", { class: "section-head" }, title),
    h("dl", { class: "facts" }, fact("count", "Watching now"), fact("peak", "Most so far"), fact("quality", "Quality", true), measured),
  );
  return {
    record(record) {
      setText(parts.count, record ? String(record.viewer_count) : "–");
      setText(parts["count-about"], record?.max_viewers ? `of ${record.max_viewers}` : "");
      setText(parts.peak, record ? String(record.peak_viewers) : "–");
      const { level, about } = qualityWords(record?.state === "live" || record?.state === "paused" ? record.quality : undefined);
      setText(parts.quality, level);
      parts.quality.dataset.level = record?.quality?.level ?? "";
      setText(parts["quality-about"], about);
    },
    stats({ round_trip_ms: trip, relay, width, height, freezes, freeze_seconds: stood } = {}) {
      setText(parts.rtt, trip === undefined ? "–" : milliseconds(trip));
      setText(parts.way, relay === undefined ? "–" : relay ? "relayed" : "direct");
      setText(parts["way-about"], relay === undefined ? "" : relay ? "through a TURN server" : "browser to browser");
      setText(parts.size, width && height ? `${width} × ${height}` : "–");
      setText(parts.freezes, freezes ? `${freezes} ×` : "never");
      setText(parts["freezes-about"], freezes && stood ? `${stood.toFixed(1)} s in all` : "");
    },
  };
}
