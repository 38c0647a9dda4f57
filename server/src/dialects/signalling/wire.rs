//! The messages of the signalling format, as they are on the wire.

use std::str::FromStr;

use samewire_protocol::live::{Candidate, EndReason, StreamName};
use samewire_protocol::{Code, Failure};
use serde::{Deserialize, Serialize};

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Said {
    /// The sender broadcasts the stream.
    BroadcasterReady {
        stream_id: StreamName,
    },
    /// The sender wants to see the stream.
    JoinStream {
        stream_id: StreamName,
    },
    /// The sender neither broadcasts nor sees the stream any more. An addition: others close the connection.
    LeaveStream {
        stream_id: StreamName,
    },
    WebrtcOffer {
        stream_id: StreamName,
        viewer_id: Option<ClientId>,
        offer: Description,
    },
    WebrtcAnswer {
        stream_id: StreamName,
        viewer_id: Option<ClientId>,
        answer: Description,
    },
    /// Without a candidate, the last one was said.
    WebrtcIceCandidate {
        stream_id: StreamName,
        viewer_id: Option<ClientId>,
        candidate: Option<Candidate>,
    },
}

/// What a client is told. `viewer-left`, `stream-ended` and `error` are additions, which older clients pass over.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Told<'a> {
    ViewerJoined {
        stream_id: &'a StreamName,
        viewer_id: ClientId,
    },
    ViewerLeft {
        stream_id: &'a StreamName,
        viewer_id: ClientId,
    },
    WebrtcOffer {
        offer: Description,
        stream_id: &'a StreamName,
        viewer_id: ClientId,
    },
    WebrtcAnswer {
        answer: Description,
        stream_id: &'a StreamName,
        viewer_id: ClientId,
    },
    WebrtcIceCandidate {
        candidate: &'a Candidate,
        stream_id: &'a StreamName,
        viewer_id: ClientId,
    },
    StreamEnded {
        stream_id: &'a StreamName,
        reason: EndReason,
    },
    Error {
        code: &'a Code,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        stream_id: Option<&'a StreamName>,
    },
}

/// `RTCSessionDescriptionInit`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    #[serde(rename = "type")]
    pub(super) kind: Box<str>,
    #[serde(default)]
    pub(super) sdp: Box<str>,
}

/// What a viewer is called: `client_` and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ClientId(pub(super) u64);

impl Serialize for ClientId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{PREFIX}{}", self.0))
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        let number = text.strip_prefix(PREFIX).and_then(|number| u64::from_str(number).ok());
        let wrong = || serde::de::Error::custom("a viewerId is `client_` and a number, as the server told it");
        number.map(Self).ok_or_else(wrong)
    }
}

const PREFIX: &str = "client_";

impl Said {
    /// # Errors
    /// `bad-params`.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|error| {
            Failure::new(
                Code::BadParams,
                format!("this is no message of the signalling format, docs/dialects.md lists them: {error}"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_were_written_down() {
        let said = Said::read(
            r#"{"type":"webrtc-offer","offer":{"type":"offer","sdp":"v=0"},"streamId":"abc-123","viewerId":"client_2"}"#,
        );
        let Ok(Said::WebrtcOffer { stream_id, viewer_id: Some(viewer), offer }) = said else { panic!("{said:?}") };
        assert_eq!((stream_id.as_str(), &*offer.sdp), ("abc-123", "v=0"));
        assert_eq!(serde_json::to_string(&viewer).expect("JSON"), r#""client_2""#);
        for wrong in [
            "",
            "[]",
            "null",
            r#"{"type":"join-stream"}"#,
            r#"{"type":"shutdown","streamId":"a"}"#,
            r#"{"type":"join-stream","streamId":7}"#,
            r#"{"type":"join-stream","streamId":"a b"}"#,
            r#"{"type":"webrtc-answer","streamId":"a","viewerId":"client_-1","answer":{"type":"answer","sdp":"v=0"}}"#,
            r#"{"type":"webrtc-answer","streamId":"a","viewerId":2,"answer":{"type":"answer","sdp":"v=0"}}"#,
            r#"{"type":"webrtc-ice-candidate","streamId":"a","candidate":"x"}"#,
        ] {
            assert_eq!(Said::read(wrong).expect_err(wrong).code, Code::BadParams, "{wrong}");
        }
    }
}
