//! Reads a report of statistics (W3C webrtc-stats), and shows what the meter makes of it.

use js_sys::Map;
use samewire_protocol::live::LimitedBy;
use samewire_protocol::live::stats::{Sample, Stats, Summary};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::web::{get, number, object, text};

/// The counters of a report, taken at this point in milliseconds.
pub(crate) fn read(report: &JsValue, at_ms: f64) -> Sample {
    let report = report.unchecked_ref::<Map>();
    let mut sample = Sample { at_ms, ..Sample::default() };
    let mut pair = JsValue::UNDEFINED;
    let mut selected = JsValue::UNDEFINED;
    report.for_each(&mut |entry: JsValue, _: JsValue| match text(&entry, "type").as_deref() {
        Some("inbound-rtp") => received(&mut sample, &entry),
        Some("outbound-rtp") => sent(&mut sample, &entry),
        Some("remote-inbound-rtp") => sample.packets_lost += count(&entry, "packetsLost") as i64,
        Some("transport") => selected = get(&entry, "selectedCandidatePairId"),
        Some("candidate-pair") if get(&entry, "nominated").is_truthy() => pair = entry,
        _ => {}
    });
    // The transport knows which pair it uses. Where it does not say so, the pairs do.
    if selected.is_string() {
        pair = report.get(&selected);
    }
    sample.round_trip = number(&pair, "currentRoundTripTime");
    let relayed = |end| text(&report.get(&get(&pair, end)), "candidateType").map(|kind| kind == "relay");
    sample.relay = relayed("localCandidateId").zip(relayed("remoteCandidateId")).map(|(here, there)| here || there);
    sample
}

fn received(sample: &mut Sample, entry: &JsValue) {
    sample.bytes += count(entry, "bytesReceived");
    sample.packets_lost += number(entry, "packetsLost").unwrap_or_default() as i64;
    sample.jitter_buffer_delay += number(entry, "jitterBufferDelay").unwrap_or_default();
    sample.jitter_buffer_emitted += count(entry, "jitterBufferEmittedCount");
    if is_video(entry) {
        sample.frames += count(entry, "framesDecoded");
        sample.freezes += count(entry, "freezeCount");
        sample.freeze_seconds += number(entry, "totalFreezesDuration").unwrap_or_default();
        size(sample, entry);
    }
}

fn sent(sample: &mut Sample, entry: &JsValue) {
    sample.bytes += count(entry, "bytesSent");
    if is_video(entry) {
        // Of several encodings the best counts.
        sample.frames = sample.frames.max(count(entry, "framesEncoded"));
        sample.limited_by = text(entry, "qualityLimitationReason").map(|reason| match reason.as_str() {
            "none" => LimitedBy::None,
            "bandwidth" => LimitedBy::Bandwidth,
            "cpu" => LimitedBy::Cpu,
            _ => LimitedBy::Other,
        });
        size(sample, entry);
    }
}

fn size(sample: &mut Sample, entry: &JsValue) {
    let side = |name| number(entry, name).map(|pixels| pixels as u32);
    sample.width = sample.width.max(side("frameWidth"));
    sample.height = sample.height.max(side("frameHeight"));
}

fn is_video(entry: &JsValue) -> bool {
    text(entry, "kind").as_deref() == Some("video")
}

fn count(entry: &JsValue, name: &str) -> u64 {
    number(entry, name).unwrap_or_default() as u64
}

/// What a page is given once a second: `{ stats, summary? }`.
pub(crate) fn shown((stats, summary): (Stats, Option<Summary>)) -> JsValue {
    object(&[("stats", shown_stats(&stats)), ("summary", summary.as_ref().map_or(JsValue::UNDEFINED, shown_summary))])
}

fn shown_stats(stats: &Stats) -> JsValue {
    object(&[
        ("bitrate", (stats.bitrate as f64).into()),
        ("fps", stats.fps.into()),
        ("width", stats.width.into()),
        ("height", stats.height.into()),
        ("frames", (stats.frames as f64).into()),
        ("freezes", (stats.freezes as f64).into()),
        ("freeze_seconds", stats.freeze_seconds.into()),
        ("packets_lost", (stats.packets_lost as f64).into()),
        ("round_trip_ms", stats.round_trip_ms.into()),
        ("jitter_buffer_ms", stats.jitter_buffer_ms.into()),
        ("relay", stats.relay.into()),
        ("limited_by", limited_by(stats.limited_by)),
    ])
}

fn shown_summary(summary: &Summary) -> JsValue {
    object(&[
        ("seconds", summary.seconds.into()),
        ("bitrate", (summary.bitrate as f64).into()),
        ("fps", summary.fps.into()),
        ("width", summary.width.into()),
        ("height", summary.height.into()),
        ("frames", (summary.frames as f64).into()),
        ("freezes", summary.freezes.into()),
        ("freeze_seconds", summary.freeze_seconds.into()),
        ("packets_lost", (summary.packets_lost as f64).into()),
        ("round_trip_ms", summary.round_trip_ms.into()),
        ("jitter_buffer_ms", summary.jitter_buffer_ms.into()),
        ("relay", summary.relay.into()),
        ("limited_by", limited_by(summary.limited_by)),
        ("connected_ms", summary.connected_ms.map(|millis| millis as f64).into()),
        ("rebuilds", summary.rebuilds.into()),
    ])
}

fn limited_by(limit: Option<LimitedBy>) -> JsValue {
    let name = match limit {
        None => return JsValue::UNDEFINED,
        Some(LimitedBy::None) => "none",
        Some(LimitedBy::Bandwidth) => "bandwidth",
        Some(LimitedBy::Cpu) => "cpu",
        Some(LimitedBy::Other) => "other",
    };
    name.into()
}
