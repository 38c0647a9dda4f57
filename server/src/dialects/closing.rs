//! How a connection is closed: with which code, and with which words.

use samewire_protocol::{Code, Failure};

/// As much of a message as a close frame holds: 123 bytes (RFC 6455, section 5.5).
pub(super) fn cut(message: &str) -> String {
    const MOST: usize = 123;
    if message.len() <= MOST {
        return message.to_owned();
    }
    let end = MOST - '…'.len_utf8();
    let end = (0..=end).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
    format!("{}…", &message[..end])
}

/// The close code for a client that knows those of RFC 6455 only.
pub(crate) fn plain(failure: &Failure) -> u16 {
    match (failure.code.close(), failure.code.status()) {
        (code, _) if code < 4000 => code,
        _ if failure.code == Code::BadFrame => 1002,
        (_, 500..) => 1011,
        _ if failure.retryable => 1013,
        _ => 1008,
    }
}

/// The failure for who does not keep to a dialect.
pub(crate) fn unspoken(message: impl Into<String>) -> Failure {
    Failure::new(Code::BadFrame, message.into())
}

/// The failure where the server is at fault: what it has written itself is not as it should be.
pub(crate) fn unreadable() -> Failure {
    Failure::new(Code::Internal, "the server cannot read its own words; try again later")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_a_close_frame() {
        assert_eq!(cut("try later"), "try later");
        let whole = "é".repeat(61);
        assert_eq!(cut(&whole), whole);
        for long in ["x".repeat(200), "é".repeat(62), "🎥".repeat(50), format!("{}é", "x".repeat(122))] {
            let reason = cut(&long);
            assert!(reason.len() <= 123 && reason.len() > 115 && reason.ends_with('…'), "{reason}");
            assert!(long.starts_with(reason.trim_end_matches('…')), "{reason}");
        }
    }

    #[test]
    fn old_clients_are_closed_with_codes_that_they_know() {
        for (code, close) in [
            (Code::Unauthenticated, 1008),
            (Code::TokenExpired, 1008),
            (Code::TokenRevoked, 1008),
            (Code::OriginRefused, 1008),
            (Code::WrongProtocol, 1003),
            (Code::TooBig, 1009),
            (Code::Internal, 1011),
            (Code::Restart, 1012),
            (Code::TooManySessions, 1013),
            (Code::HeartbeatTimeout, 1013),
            (Code::BadFrame, 1002),
        ] {
            assert_eq!(plain(&Failure::new(code.clone(), "")), close, "{code}");
        }
    }
}
