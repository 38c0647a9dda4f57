//! Reads a report of statistics (W3C webrtc-stats).

use js_sys::Map;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::web::{number, text};

/// What came over a connection since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
}

pub(crate) fn read(report: &JsValue) -> Sample {
    let mut sample = Sample::default();
    report.unchecked_ref::<Map>().for_each(&mut |entry: JsValue, _: JsValue| {
        if text(&entry, "type").as_deref() == Some("inbound-rtp") {
            sample.bytes += count(&entry, "bytesReceived");
            sample.frames += count(&entry, "framesDecoded");
        }
    });
    sample
}

fn count(entry: &JsValue, name: &str) -> u64 {
    number(entry, name).unwrap_or_default() as u64
}
