//! What a broadcaster sends: the tracks of a MediaStream, to each connection anew.

use std::cell::RefCell;

use js_sys::Array;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{MediaStream, MediaStreamTrack};

use super::connection::Connection;
use super::web::{self, get, object, set};

pub(crate) struct Media {
    stream: MediaStream,
    tracks: RefCell<Vec<(String, Option<MediaStreamTrack>)>>,
    /// Of the app: see [`super::bridge::Peer::set_media`].
    options: JsValue,
}

impl Media {
    pub(crate) fn new(stream: MediaStream, options: JsValue) -> Self {
        let all = stream.get_tracks();
        let tracks = all.iter().map(|track| {
            let track = track.unchecked_into::<MediaStreamTrack>();
            (track.kind(), Some(track))
        });
        Self { tracks: RefCell::new(tracks.collect()), stream, options }
    }

    /// Sends all of it over a connection, from now on. Fails with what the browser says of the options.
    pub(crate) fn send(&self, connection: &Connection) -> Result<(), JsValue> {
        let tracks = self.tracks.borrow().clone();
        for (kind, track) in tracks {
            self.hint(&kind, track.as_ref());
            let encodings = if kind == "video" { get(&self.options, "encodings") } else { JsValue::UNDEFINED };
            let init = object(&[
                ("direction", "sendonly".into()),
                // Sound and picture of one stream are kept together in time.
                ("streams", Array::of1(&self.stream).into()),
                ("sendEncodings", encodings),
            ]);
            let sender = connection.send(&kind, track.as_ref(), &init)?;
            self.prefer(&kind, connection, &sender);
        }
        Ok(())
    }

    /// Another track, or none, in the place of the first of its kind.
    pub(crate) fn replace(&self, kind: &str, track: Option<MediaStreamTrack>) {
        self.hint(kind, track.as_ref());
        if let Some((_, own)) = self.tracks.borrow_mut().iter_mut().find(|(own, _)| own == kind) {
            *own = track;
        }
    }

    /// Says what is in the picture: `motion`, `detail` or `text`.
    fn hint(&self, kind: &str, track: Option<&MediaStreamTrack>) {
        let hint = get(&self.options, "contentHint");
        if let (Some(track), "video", true) = (track, kind, hint.is_string()) {
            set(track, "contentHint", &hint);
        }
    }

    /// Says what a picture loses first: `maintain-framerate`, `maintain-resolution` or `balanced`. Not all browsers listen.
    fn prefer(&self, kind: &str, connection: &Connection, sender: &web::Sender) {
        let preference = get(&self.options, "degradationPreference");
        if kind == "video"
            && preference.is_string()
            && let Ok(parameters) = sender.parameters()
        {
            set(&parameters, "degradationPreference", &preference);
            connection.forget(&sender.set_parameters(&parameters));
        }
    }
}
