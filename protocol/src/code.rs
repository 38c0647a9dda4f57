//! One table of everything that can go wrong: the stable code, the HTTP status, the WebSocket close code and whether the same
//! request may be made again.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $close:literal, $retry:literal; )*) => {
        /// What went wrong. The text form is stable and goes over the wire; a code of a newer peer is kept as [`Code::Unknown`].
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $( $(#[$doc])* $variant, )*
            /// A code that this version does not know.
            Unknown(Box<str>),
        }

        impl Code {
            /// Every code that this version knows.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as it is written on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $name, )*
                    Self::Unknown(name) => name,
                }
            }

            /// The HTTP status of an answer with this code (RFC 9110, section 15).
            #[must_use]
            pub fn status(&self) -> u16 {
                match self {
                    $( Self::$variant => $status, )*
                    Self::Unknown(_) => 500,
                }
            }

            /// The code of the WebSocket close frame when this ends a connection (RFC 6455, section 7.4). Of 4000 to 4999, the
            /// upper half means "do not come back".
            #[must_use]
            pub fn close(&self) -> u16 {
                match self {
                    $( Self::$variant => $close, )*
                    Self::Unknown(_) => 1011,
                }
            }

            /// Whether the same request can succeed when it is made again, unchanged.
            #[must_use]
            pub fn retryable(&self) -> bool {
                match self {
                    $( Self::$variant => $retry, )*
                    Self::Unknown(_) => false,
                }
            }

            /// The code with this text form.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name {
                    $( $name => Self::$variant, )*
                    _ => Self::Unknown(name.into()),
                }
            }
        }
    };
}

codes! {
    // name, HTTP status, close code, retryable
    /// The request is not of the form that the protocol asks for.
    BadRequest = "bad-request", 400, 1008, false;
    /// The params do not fit the method.
    BadParams = "bad-params", 400, 1008, false;
    /// A frame that cannot be read. The connection is over.
    BadFrame = "bad-frame", 400, 4500, false;
    /// A text frame of a type that the receiver does not know. The connection goes on.
    UnknownType = "unknown-type", 400, 1008, false;
    /// A name that breaks the grammar of names.
    BadName = "bad-name", 400, 1008, false;
    /// A stream's bytes do not follow those before.
    BadOffset = "bad-offset", 409, 1008, false;
    /// A stream's bytes go beyond the credit that was given.
    BeyondCredit = "beyond-credit", 400, 1008, false;
    /// A stream number that is taken or of the wrong parity, or a call number that its caller has settled.
    BadNumber = "bad-number", 400, 1008, false;
    /// More bytes than a limit allows.
    TooBig = "too-big", 413, 1009, false;
    /// No token where one is needed.
    Unauthenticated = "unauthenticated", 401, 4502, false;
    /// A token that this server did not sign, or that is not for it.
    TokenInvalid = "token-invalid", 401, 4503, false;
    /// A token that has expired.
    TokenExpired = "token-expired", 401, 4504, false;
    /// A token, or all of a user's, that was taken back.
    TokenRevoked = "token-revoked", 401, 4505, false;
    /// The identity may not do this.
    Forbidden = "forbidden", 403, 1008, false;
    /// A page of this origin may not connect.
    OriginRefused = "origin-refused", 403, 1008, false;
    /// There is no such method.
    MethodNotFound = "method-not-found", 404, 1008, false;
    /// The asker has no such stream: it never was, has expired, or belongs to somebody else.
    StreamNotFound = "stream-not-found", 404, 1008, false;
    /// There is no such thing, or the asker may not see it.
    NotFound = "not-found", 404, 1008, false;
    /// The asker has no such file.
    FileNotFound = "file-not-found", 404, 1008, false;
    /// There is no such job, or it is not a kind that the asker works on.
    JobNotFound = "job-not-found", 404, 1008, false;
    /// Who works on a job was silent for too long, or the job was given up: what it does now does not count.
    LeaseLost = "lease-lost", 409, 1008, false;
    /// There is no such room, or none that the asker may see.
    RoomNotFound = "room-not-found", 404, 1008, false;
    /// The asker is not in the room.
    NotJoined = "not-joined", 409, 1008, false;
    /// No member of the room is meant.
    MemberNotFound = "member-not-found", 404, 1008, false;
    /// There is no such live stream, or it is not live.
    LiveNotFound = "live-not-found", 404, 1008, false;
    /// Somebody else broadcasts the live stream.
    LiveTaken = "live-taken", 409, 1008, false;
    /// As many watch the live stream as may.
    LiveFull = "live-full", 429, 1013, true;
    /// The live stream has no such viewer.
    PeerNotFound = "peer-not-found", 404, 1008, false;
    /// Another peer connection has taken the place of the one that is meant.
    StaleNegotiation = "stale-negotiation", 409, 1008, false;
    /// The thing is not as the asker expected it to be.
    Conflict = "conflict", 409, 1008, false;
    /// A call that names a stream came outside the session that owns the stream. Nothing ran (RFC 9110, section 15.5.20).
    Misdirected = "misdirected", 421, 1008, true;
    /// The thing has changed since the asker saw it (RFC 9110, section 15.5.13).
    PreconditionFailed = "precondition-failed", 412, 1008, false;
    /// The deadline passed.
    DeadlineExceeded = "deadline-exceeded", 504, 1008, true;
    /// The caller cancelled.
    Canceled = "canceled", 499, 1000, false;
    /// More calls under way than the session may have.
    TooManyCalls = "too-many-calls", 429, 1013, true;
    /// More streams open than the session may have.
    TooManyStreams = "too-many-streams", 429, 1013, true;
    /// More rooms than the session may be in.
    TooManyRooms = "too-many-rooms", 429, 1013, true;
    /// The room has as many members as it may have.
    RoomFull = "room-full", 429, 1013, true;
    /// The member says more in a second than it may.
    RateLimited = "rate-limited", 429, 1013, true;
    /// More sessions than the server takes.
    TooManySessions = "too-many-sessions", 503, 1013, true;
    /// The identity has no room left for so many bytes.
    QuotaExceeded = "quota-exceeded", 413, 1008, false;
    /// The server's disk is full.
    StorageFull = "storage-full", 507, 1013, true;
    /// The stream ended before, or goes beyond, its declared size.
    SizeMismatch = "size-mismatch", 409, 1008, false;
    /// The bytes that arrived are not the bytes that were sent.
    DigestMismatch = "digest-mismatch", 409, 1008, true;
    /// The bytes of a request are not those that its checksum was made of.
    ChecksumMismatch = "checksum-mismatch", 400, 1008, false;
    /// The range lies outside of the content (RFC 9110, section 15.5.17).
    RangeNotSatisfiable = "range-not-satisfiable", 416, 1008, false;
    /// The sender ended the stream without its digest.
    DigestRequired = "digest-required", 400, 1008, false;
    /// A media type that nothing here can work with.
    UnsupportedMedia = "unsupported-media", 415, 1008, false;
    /// The content is not what its media type says, or is broken.
    BadMedia = "bad-media", 422, 1008, false;
    /// What the processing needs is not there.
    ProcessingUnavailable = "processing-unavailable", 503, 1013, true;
    /// The processing came to nothing.
    ProcessingFailed = "processing-failed", 500, 1011, false;
    /// The stream was given up by one of its ends.
    StreamAborted = "stream-aborted", 409, 1008, false;
    /// The server has let go of the answer to a call that ran.
    AnswerLost = "answer-lost", 410, 1008, false;
    /// The connection was lost, and the server cannot say what became of the call.
    ConnectionLost = "connection-lost", 503, 1006, true;
    /// The session is over.
    SessionClosed = "session-closed", 410, 1000, false;
    /// The session was continued on another connection.
    Superseded = "superseded", 409, 4501, false;
    /// The peer was silent for too long.
    HeartbeatTimeout = "heartbeat-timeout", 408, 4001, true;
    /// No hello came in time.
    HandshakeTimeout = "handshake-timeout", 408, 4002, true;
    /// The peer speaks another protocol.
    WrongProtocol = "wrong-protocol", 400, 1003, false;
    /// The server shuts down or starts anew.
    Restart = "restart", 503, 1012, true;
    /// The server has too much to do.
    Overloaded = "overloaded", 503, 1013, true;
    /// A fault of the server's own.
    Internal = "internal", 500, 1011, false;
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::from_name(&name))
    }
}

/// Whether a client may dial again after a close with this code.
#[must_use]
pub fn may_come_back(close: u16) -> bool {
    !matches!(close, 1000 | 1002 | 1003 | 1007 | 1008 | 1009 | 1010 | 4500..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_its_text_form() {
        for code in Code::ALL {
            assert_eq!(&Code::from_name(code.as_str()), code);
            assert!((400..600).contains(&code.status()), "{code}");
            let close = code.close();
            assert!((1000..=1013).contains(&close) || (4000..5000).contains(&close), "{code}");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Code::ALL.iter().map(Code::as_str).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn a_code_of_a_newer_peer_is_kept() {
        let code = Code::from_name("from-the-future");
        assert_eq!(code.as_str(), "from-the-future");
        assert!(!code.retryable());
    }
}
