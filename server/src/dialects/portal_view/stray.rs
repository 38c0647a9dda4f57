//! Clients of Socket.IO that come to the address of a portal view. They speak another protocol over the same kind of socket, and
//! would wait for ever for an answer that they understand.

use axum::http::Uri;
use samewire_protocol::{Code, Failure};

/// Whether a request is one of Engine.IO, which Socket.IO is spoken over: by its query, or by its path.
pub(super) fn comes(uri: &Uri) -> bool {
    let mut fields = uri.query().unwrap_or_default().split('&');
    let is_asked = fields.any(|field| matches!(field.split_once('='), Some(("EIO" | "transport", _))));
    is_asked || uri.path().split('/').any(|part| part == "socket.io")
}

/// Whether the first thing that a client says is a packet of Engine.IO: the digit of its type, and what belongs to it.
pub(super) fn says(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(|digit: char| matches!(digit, '0'..='6')) else { return false };
    // `0{"sid":…}`, `2probe`, `40`, `40/name,{…}`, `42["event"]`
    rest.is_empty() || rest.starts_with(['{', '[', '/', 'p']) || says(rest)
}

/// Told in a close frame, which has room for 123 bytes.
pub(super) fn told() -> Failure {
    let told = r#"no Socket.IO here: open new WebSocket("wss://HOST/ws/portal-view/ID?token=JWT") and send JSON; see docs/dialects.md"#;
    Failure::new(Code::WrongProtocol, told)
}

/// The same in packets of its own: its session opens, and its namespace is refused. Without them it would not tell its user why.
pub(super) fn told_in_packets() -> [String; 2] {
    let open = r#"0{"sid":"none","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#;
    [open.to_owned(), format!("44{}", serde_json::json!({"message": told().message}))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_engine_io_are_known() {
        for address in [
            "/ws/portal-view/42?EIO=4&transport=websocket",
            "/ws/portal-view/42/?token=x&EIO=3&transport=polling&t=abc",
            "/ws/portal-view/42?transport=polling",
            "/ws/portal-view/socket.io/",
            "/socket.io/?sid=1",
        ] {
            assert!(comes(&Uri::from_static(address)), "{address}");
        }
        for address in ["/ws/portal-view/42", "/ws/portal-view/42?token=EIO", "/ws/portal-view/42?token=x&presence=true"] {
            assert!(!comes(&Uri::from_static(address)), "{address}");
        }
    }

    #[test]
    fn packets_of_engine_io_are_known() {
        for packet in [
            "0{\"sid\":\"x\"}",
            "40",
            "2probe",
            "3probe",
            "42[\"say\",1]",
            "40/ws/portal-view/42,",
            "40{\"token\":\"x\"}",
            "5",
            "6",
        ] {
            assert!(says(packet), "{packet}");
        }
        for other in ["", "{\"type\":\"ping\"}", "hello", "[4]", "-1", "4 0", "7", "null", "0x", "1.5"] {
            assert!(!says(other), "{other}");
        }
    }

    #[test]
    fn what_is_told_fits_into_a_close_frame() {
        assert!(told().message.len() <= 123, "{}", told().message.len());
    }
}
