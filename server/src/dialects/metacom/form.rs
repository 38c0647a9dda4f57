//! What a client is told, in the form that it speaks itself.

use samewire_protocol::{Code, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

/// How packets are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// `{"type":"call","id":1,"method":"unit/method","args":{}}`
    #[default]
    Third,
    /// `{"call":1,"unit/method":{}}`
    Second,
}

/// What is wrong with a call, as its caller reads it: `code` is a number of HTTP, `reason` the code of the server.
#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    code: u16,
    reason: &'a Code,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// The number that stands for a failure: an HTTP status, but those that Metacom has another one for.
pub(super) fn number(failure: &Failure) -> u16 {
    match failure.code {
        Code::Unauthenticated | Code::TokenExpired | Code::TokenInvalid | Code::TokenRevoked => 403,
        Code::DeadlineExceeded => 408,
        Code::TooManyCalls => 503,
        _ => failure.code.status(),
    }
}

impl Form {
    /// The answer to a call.
    pub(super) fn result(self, no: u64, result: &str) -> String {
        match self {
            Self::Third => format!(r#"{{"type":"callback","id":{no},"result":{result}}}"#),
            Self::Second => format!(r#"{{"callback":{no},"result":{result}}}"#),
        }
    }

    /// The same for one that failed; without a number, what is wrong with something that is no call.
    pub(super) fn error(self, no: Option<u64>, failure: &Failure) -> String {
        let error = Error {
            message: &failure.message,
            code: number(failure),
            reason: &failure.code,
            retryable: failure.retryable,
            data: failure.data.as_deref(),
        };
        let error = serde_json::to_string(&error).unwrap_or_else(|_| "{}".to_owned());
        match (self, no) {
            (Self::Third, Some(no)) => format!(r#"{{"type":"callback","id":{no},"error":{error}}}"#),
            (Self::Third, None) => format!(r#"{{"type":"callback","error":{error}}}"#),
            (Self::Second, no) => format!(r#"{{"callback":{},"error":{error}}}"#, no.unwrap_or(0)),
        }
    }

    /// An event, by its whole name.
    pub(super) fn event(self, name: &str, data: &str) -> String {
        let name = quoted(name);
        match self {
            Self::Third => format!(r#"{{"type":"event","name":{name},"data":{data}}}"#),
            Self::Second => format!(r#"{{"event":-1,{name}:{data}}}"#),
        }
    }

    /// A stream begins.
    pub(super) fn open(self, no: i32, name: &str, size: u64) -> String {
        format!(r#"{{{},"name":{},"size":{size}}}"#, self.stream(no), quoted(name))
    }

    /// A stream is over: `end` or `terminate`.
    pub(super) fn status(self, no: i32, status: &str) -> String {
        format!(r#"{{{},"status":"{status}"}}"#, self.stream(no))
    }

    fn stream(self, no: i32) -> String {
        match self {
            Self::Third => format!(r#""type":"stream","id":{no}"#),
            Self::Second => format!(r#""stream":{no}"#),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says() {
        let failure = Failure::new(Code::StreamNotFound, "gone");
        let error = r#"{"message":"gone","code":404,"reason":"stream-not-found","retryable":false}"#;
        assert_eq!(Form::Third.result(3, "null"), r#"{"type":"callback","id":3,"result":null}"#);
        assert_eq!(Form::Second.result(3, "{}"), r#"{"callback":3,"result":{}}"#);
        assert_eq!(Form::Third.error(Some(3), &failure), format!(r#"{{"type":"callback","id":3,"error":{error}}}"#));
        assert_eq!(Form::Third.error(None, &failure), format!(r#"{{"type":"callback","error":{error}}}"#));
        assert_eq!(Form::Third.event("file/a", "1"), r#"{"type":"event","name":"file/a","data":1}"#);
        assert_eq!(Form::Second.event("file/a", "1"), r#"{"event":-1,"file/a":1}"#);
        assert_eq!(Form::Third.open(-1, "a \"b\"", 5), r#"{"type":"stream","id":-1,"name":"a \"b\"","size":5}"#);
        assert_eq!(Form::Second.status(-1, "end"), r#"{"stream":-1,"status":"end"}"#);
    }
}
