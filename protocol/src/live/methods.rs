//! The contracts of the built-in methods `live/…`. Those with [`SessionRoute`] are asked by a member of the stream's room; of
//! anybody else they answer `not-joined`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ice::IceConfig;
use super::stats::Summary;
use super::{LiveRecord, Media, Negotiation, PeerMessage, StreamName, ViewerId};
use crate::code::Code;
use crate::failure::Failure;
use crate::limits::{MAX_INFO, MAX_TITLE};
use crate::method::{AnyRoute, Method, SessionRoute};

/// What a method answers that has nothing to say but that it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// What most of these methods take: a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamParams {
    /// The stream.
    pub stream: StreamName,
}

/// One viewer, as its broadcaster sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The viewer.
    pub viewer: ViewerId,
    /// The number of the peer connection that counts.
    pub negotiation: Negotiation,
    /// The viewer's user; none for an anonymous one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
}

/// `live/start`: broadcasts. Asked again by the session that broadcasts already, it answers how things are.
#[derive(Clone, Copy, Debug)]
pub struct Start;

/// What `live/start` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartParams {
    /// The stream.
    pub stream: StreamName,
    /// Take it from another user's session that broadcasts. Default false; a user may always take it from its own other session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takeover: bool,
    /// The asker has none of the peer connections that it may have had in this place: each viewer gets a new number. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// How many may watch at once. Default and most: what the server allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_viewers: Option<u64>,
    /// What to call it, at most [`MAX_TITLE`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Box<str>>,
    /// What else to say of it, at most [`MAX_INFO`] bytes of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
}

impl StartParams {
    /// A stream, with nothing said of it.
    #[must_use]
    pub fn new(stream: StreamName) -> Self {
        Self { stream, takeover: false, anew: false, max_viewers: None, title: None, info: None, media: None }
    }

    /// Checks what is said of the stream.
    ///
    /// # Errors
    /// `too-big` for a title or an info beyond its limit; `bad-params` for a cap of nobody, or a title that cannot be shown.
    pub fn check(&self) -> Result<(), Failure> {
        if self.max_viewers == Some(0) {
            return Err(Failure::new(Code::BadParams, "`max_viewers` is at least 1; leave it out for the server's own"));
        }
        if let Some(title) = &self.title {
            if title.chars().count() > MAX_TITLE {
                return Err(Failure::new(Code::TooBig, format!("the title is longer than {MAX_TITLE} characters; shorten it")));
            }
            if title.chars().any(crate::name::is_unsafe_to_show) {
                return Err(Failure::new(Code::BadParams, "the title holds a control character; remove it"));
            }
        }
        if self.info.as_ref().is_some_and(|info| info.to_string().len() > MAX_INFO) {
            return Err(Failure::new(Code::TooBig, format!("`info` is longer than {MAX_INFO} bytes of JSON; shorten it")));
        }
        Ok(())
    }
}

/// What `live/start` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The stream.
    pub record: LiveRecord,
    /// What to make peer connections with.
    pub ice: IceConfig,
    /// The viewers that are there already.
    pub peers: Vec<Peer>,
    /// Whether the stream goes on: it was live, or held.
    pub resumed: bool,
}

/// `live/peers`: the broadcaster's viewers.
#[derive(Clone, Copy, Debug)]
pub struct Peers;

/// What `live/peers` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerList {
    /// The viewers, in the order in which they came.
    pub peers: Vec<Peer>,
}

/// `live/stop`: ends the stream. Only for its broadcaster.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

/// `live/watch`: asks to be let in as a viewer. Asked again by the same session, it answers the same viewer.
#[derive(Clone, Copy, Debug)]
pub struct Watch;

/// What `live/watch` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchParams {
    /// The stream.
    pub stream: StreamName,
    /// Whether to wait for a stream that is not live yet, in place of being refused. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
    /// The asker has no peer connection that it may have had as this viewer: it gets a new number. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// What `live/watch` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// Who the asker is; none while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<ViewerId>,
    /// The number of its peer connection; none while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negotiation: Option<Negotiation>,
    /// The stream.
    pub record: LiveRecord,
    /// What to make the peer connection with.
    pub ice: IceConfig,
    /// Whether the stream is waited for: a `watching` or `refused` signal follows.
    #[serde(default)]
    pub waiting: bool,
}

/// `live/leave`: watches, or waits, no longer.
#[derive(Clone, Copy, Debug)]
pub struct Leave;

/// `live/signal`: a message to the other end of a peer connection.
#[derive(Clone, Copy, Debug)]
pub struct Signal;

/// What `live/signal` takes. A server reads the message by [`PeerMessage::read`], which tells what is wrong with one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignalParams<M = PeerMessage> {
    /// The stream.
    pub stream: StreamName,
    /// The viewer. A broadcaster names it; a viewer's own is implied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<ViewerId>,
    /// Which peer connection to that viewer is meant.
    pub negotiation: Negotiation,
    /// What to pass on.
    pub message: M,
}

/// `live/renegotiate`: begins a new peer connection in place of this one. Asked with a number that counts no longer, it answers the
/// one that does.
#[derive(Clone, Copy, Debug)]
pub struct Renegotiate;

/// What `live/renegotiate` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenegotiateParams {
    /// The stream.
    pub stream: StreamName,
    /// The viewer. A broadcaster names it; a viewer's own is implied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<ViewerId>,
    /// The peer connection that did not come about, or broke.
    pub negotiation: Negotiation,
}

/// What `live/renegotiate` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renegotiated {
    /// The number that counts now.
    pub negotiation: Negotiation,
}

/// `live/report`: how well the media flows, every five seconds.
#[derive(Clone, Copy, Debug)]
pub struct Report;

/// What `live/report` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportParams {
    /// The stream.
    pub stream: StreamName,
    /// The viewer. A broadcaster names it, or leaves it out in the summary of all; a viewer's own is implied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<ViewerId>,
    /// How well.
    pub summary: Summary,
}

/// `live/ice`: fresh credentials, before those that one has expire.
#[derive(Clone, Copy, Debug)]
pub struct Ice;

/// `live/get`: how a stream is.
#[derive(Clone, Copy, Debug)]
pub struct Get;

/// `live/list`: the streams that are live or paused, by name, of those that the asker may see.
#[derive(Clone, Copy, Debug)]
pub struct List;

/// The most streams on one page of a list.
pub const MAX_LISTED: u32 = 1_000;

/// What `live/list` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListParams {
    /// [`LiveList::next`] of the page before, or the name of a stream. Default: the list begins with the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<str>>,
    /// How many. Default and most [`MAX_LISTED`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What `live/list` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveList {
    /// The streams, by name.
    pub streams: Vec<LiveRecord>,
    /// Whether there may be more behind them.
    #[serde(default)]
    pub more: bool,
    /// Where they begin then. A page may be short, or empty, where the server has looked at very many streams for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Box<str>>,
}

/// `live/end`: ends a stream, also from outside of its room. For who may broadcast it.
#[derive(Clone, Copy, Debug)]
pub struct End;

macro_rules! contracts {
    ($($method:ident = $name:literal, $title:literal, $route:ty, $params:ty => $output:ty $(, args $args:ty)?;)*) => {$(
        impl Method for $method {
            const NAME: &'static str = $name;
            const TITLE: &'static str = $title;
            const IDEMPOTENT: bool = true;
            type Route = $route;
            type Params = $params;
            type Args = contracts!(@args $params $(, $args)?);
            type Output = $output;
            type Reply = $output;
        }
    )*};
    (@args $params:ty) => { $params };
    (@args $params:ty, $args:ty) => { $args };
}

contracts! {
    Start = "live/start", "Broadcast a live stream", SessionRoute, StartParams => Started;
    Stop = "live/stop", "End the live stream that you broadcast", SessionRoute, StreamParams => Done;
    Peers = "live/peers", "List the viewers of the live stream that you broadcast", SessionRoute, StreamParams => PeerList;
    Watch = "live/watch", "Watch a live stream", SessionRoute, WatchParams => Watched;
    Leave = "live/leave", "Watch a live stream no longer", SessionRoute, StreamParams => Done;
    Signal = "live/signal", "Pass a message to the other end of a peer connection", SessionRoute,
        SignalParams => Done, args SignalParams<Box<RawValue>>;
    Renegotiate = "live/renegotiate", "Begin a peer connection anew", SessionRoute, RenegotiateParams => Renegotiated;
    Report = "live/report", "Report how well a live stream's media flows", SessionRoute, ReportParams => Done;
    Ice = "live/ice", "Get fresh credentials for peer connections", SessionRoute, StreamParams => IceConfig;
    Get = "live/get", "Look at a live stream", AnyRoute, StreamParams => LiveRecord;
    List = "live/list", "List the live streams that you may see", AnyRoute, ListParams => LiveList, args Option<ListParams>;
    End = "live/end", "End a live stream", AnyRoute, StreamParams => Done;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_of_a_stream_is_bounded() {
        let code = |params: &StartParams| params.check().err().map(|failure| failure.code);
        let mut params = StartParams::new("shop".parse().unwrap());
        params.title = Some("é".repeat(MAX_TITLE).into());
        params.info = Some(Value::String("x".repeat(MAX_INFO - 2)));
        params.max_viewers = Some(1);
        assert_eq!(code(&params), None);
        assert_eq!(code(&StartParams { max_viewers: Some(0), ..params.clone() }), Some(Code::BadParams));
        assert_eq!(code(&StartParams { title: Some("a\u{202e}b".into()), ..params.clone() }), Some(Code::BadParams));
        assert_eq!(code(&StartParams { title: Some("x".repeat(MAX_TITLE + 1).into()), ..params.clone() }), Some(Code::TooBig));
        assert_eq!(code(&StartParams { info: Some(Value::String("x".repeat(MAX_INFO))), ..params }), Some(Code::TooBig));
    }

    #[test]
    fn a_server_reads_what_a_client_writes() {
        let json = json!({"stream": "a", "negotiation": 2, "message": {"type": "answer", "round": 1, "sdp": "v=0"}, "x": 1});
        let args: SignalParams<Box<RawValue>> = serde_json::from_str(&json.to_string()).unwrap();
        let message = PeerMessage::read(args.message.get()).unwrap();
        assert_eq!((args.viewer, message.name()), (None, "answer"));
        let start: StartParams = serde_json::from_value(json!({"stream": "a"})).unwrap();
        assert_eq!(start, StartParams::new("a".parse().unwrap()));
    }
}
