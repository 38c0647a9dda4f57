//! A client of draft-ietf-httpbis-resumable-upload-12 (interop version 8), which checks in every answer what the draft says a server
//! MUST do.

use std::net::SocketAddr;

use crate::http1::{Message, Open, Request, Response};
use crate::live::token;

/// The type of a body with the next bytes of an upload.
pub const PARTIAL: &str = "application/partial-upload";

const MISMATCH: &str = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";
const INCONSISTENT: &str = "https://iana.org/assignments/http-problem-types#inconsistent-upload-length";

/// Somebody who uploads.
#[derive(Clone, Debug)]
pub struct Client {
    addr: SocketAddr,
    token: String,
}

impl Client {
    /// A user of the server at this address.
    #[must_use]
    pub fn new(addr: SocketAddr, user: &str) -> Self {
        Self { addr, token: token(user) }
    }

    /// A request with the token and nothing else.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.addr, method, path).header("authorization", &format!("Bearer {}", self.token))
    }

    /// A request as every client of the draft sends it.
    #[must_use]
    pub fn draft(&self, method: &str, path: &str) -> Request {
        self.request(method, path).header("upload-draft-interop-version", "8")
    }

    /// The request that creates an upload; `complete` says whether its body is all of it.
    #[must_use]
    pub fn creating(&self, complete: bool) -> Request {
        self.draft("POST", "/api/files").header("upload-complete", if complete { "?1" } else { "?0" })
    }

    /// The request that appends to an upload.
    #[must_use]
    pub fn appending(&self, upload: &str, offset: u64, complete: bool) -> Request {
        let request = self.draft("PATCH", upload).header("content-type", PARTIAL).header("upload-offset", &offset.to_string());
        request.header("upload-complete", if complete { "?1" } else { "?0" })
    }

    /// Creates an upload without a byte, and answers where it is.
    ///
    /// # Panics
    /// When the server breaks the draft.
    pub async fn create(&self, length: Option<u64>) -> String {
        let request = self.creating(false).header("content-disposition", "inline; filename=\"careful.bin\"");
        let request = length.into_iter().fold(request, |request, length| request.header("upload-length", &length.to_string()));
        created(&request.body(b"").send().await)
    }

    /// Appends, and answers with what came.
    pub async fn append(&self, upload: &str, offset: u64, complete: bool, bytes: &[u8]) -> Response {
        checked(self.appending(upload, offset, complete).body(bytes).send().await)
    }

    /// How far an upload is, and whether it is complete.
    ///
    /// # Panics
    /// When the server does not say so, or breaks the draft.
    pub async fn offset(&self, upload: &str) -> (u64, bool) {
        let answer = self.draft("HEAD", upload).send().await;
        assert!(matches!(answer.status(), 200 | 204), "{answer:?}");
        assert_eq!(answer.get("cache-control"), Some("no-store"), "{answer:?}");
        assert!(answer.get("upload-limit").is_some_and(|limit| limit.contains("max-age=")), "{answer:?}");
        let complete = match answer.get("upload-complete") {
            Some("?1") => true,
            Some("?0") => false,
            _ => panic!("Upload-Complete is missing: {answer:?}"),
        };
        (integer(&answer.head, "upload-offset"), complete)
    }
}

/// The header as a number.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn integer(message: &Message, name: &str) -> u64 {
    let value = message.get(name).unwrap_or_else(|| panic!("{name} is missing: {message:?}"));
    value.parse().unwrap_or_else(|_| panic!("{name} is no number: {message:?}"))
}

/// Where an upload is that is not complete.
///
/// # Panics
/// When the server breaks the draft.
#[must_use]
pub fn created(answer: &Response) -> String {
    let answer = checked(answer.clone());
    assert_eq!((answer.status(), answer.get("upload-complete")), (201, Some("?0")), "{answer:?}");
    assert!(answer.get("upload-limit").is_some_and(|limit| limit.contains("max-size=")), "{answer:?}");
    answer.get("location").expect("a place").to_owned()
}

/// Waits for the interim response that says where the upload is.
///
/// # Panics
/// When another one comes, or it breaks the draft.
pub async fn announced(open: &mut Open) -> String {
    let message = open.message().await;
    check_interim(&message);
    assert!(message.get("upload-limit").is_some(), "{message:?}");
    message.get("location").expect("a place").to_owned()
}

/// Checks what the draft says of every answer to a request that creates or appends.
///
/// # Panics
/// When the server breaks the draft.
#[must_use]
pub fn checked(answer: Response) -> Response {
    let complete = answer.get("upload-complete");
    let places: Vec<_> = answer.interims.iter().filter_map(|interim| interim.get("location")).collect();
    assert!(places.windows(2).all(|two| two[0] == two[1]), "one upload has two places: {answer:?}");
    if complete != Some("?1")
        && let (Some(told), Some(place)) = (places.first(), answer.get("location"))
    {
        assert_eq!(*told, place, "the upload moved: {answer:?}");
    }
    answer.interims.iter().filter(|interim| interim.status == 104).for_each(check_interim);
    let offsets: Vec<_> = answer.interims.iter().filter(|interim| interim.get("upload-offset").is_some()).collect();
    let offsets: Vec<u64> = offsets.into_iter().map(|interim| integer(interim, "upload-offset")).collect();
    assert!(offsets.is_sorted(), "an offset decreased: {answer:?}");
    if answer.get("content-type") == Some("application/problem+json") {
        let problem = answer.json();
        if problem["type"] == MISMATCH {
            assert_eq!((answer.status(), complete), (409, Some("?0")), "{answer:?}");
            assert_eq!(problem["expected-offset"], integer(&answer.head, "upload-offset"), "{problem}");
            assert!(problem["provided-offset"].is_u64(), "{problem}");
        }
        if problem["type"] == INCONSISTENT {
            assert_eq!((answer.status(), complete), (400, Some("?0")), "{answer:?}");
        }
    }
    answer
}

fn check_interim(message: &Message) {
    assert_eq!((message.status, message.get("upload-draft-interop-version")), (104, Some("8")), "{message:?}");
    assert!(message.get("content-length").is_none(), "{message:?}");
}

/// What the answer's problem document says of offsets: expected, provided.
///
/// # Panics
/// When it says nothing of them.
#[must_use]
pub fn mismatch(answer: &Response) -> (u64, u64) {
    let problem = checked(answer.clone()).json();
    assert_eq!(problem["type"], MISMATCH, "{problem}");
    let number = |name: &str| problem[name].as_u64().expect("a number");
    (number("expected-offset"), number("provided-offset"))
}

/// Whether the answer says that lengths contradict each other.
#[must_use]
pub fn is_inconsistent(answer: &Response) -> bool {
    answer.status() == 400 && checked(answer.clone()).json()["type"] == INCONSISTENT
}
