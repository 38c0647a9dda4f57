//! Requests to a server, without an SDK in between.

use serde_json::Value;

/// What `/healthz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `ok` or `draining`.
    pub status: String,
    /// Sessions that the server keeps.
    pub sessions: u64,
    /// Streams under way.
    pub streams: u64,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The media type.
    pub media: String,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The code of a problem document.
    ///
    /// # Panics
    /// When the answer is not a problem document, or says another status than the response has.
    #[must_use]
    pub fn problem(&self) -> String {
        let body = self.json();
        assert_eq!(self.media, "application/problem+json", "{self:?}");
        assert_eq!(body["status"], self.status, "{self:?}");
        let code = body["code"].as_str().unwrap_or_default();
        assert_eq!(body["type"], format!("/problems/{code}"), "{self:?}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        code.to_owned()
    }
}

/// A client that keeps no connection for later: tests end servers in the middle of things.
#[must_use]
pub fn requests() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("an HTTP client")
}

/// Sends a request and takes the whole answer.
///
/// # Panics
/// When no answer comes.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = super::within("an answer", request.send()).await.expect("an answer");
    let status = response.status().as_u16();
    let media = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let text = super::within("the answer's body", response.text()).await.expect("the answer's body");
    Answer { status, media, text }
}

/// Calls a method over HTTP. `token` and `ticket` go into their headers.
pub async fn call(url: &str, method: &str, params: &Value, token: Option<&str>, ticket: Option<&str>) -> Answer {
    let mut request = requests().post(format!("{url}/rpc/{method}")).body(params.to_string());
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(ticket) = ticket {
        request = request.header("samewire-session", ticket);
    }
    send(request).await
}

/// What `/healthz` says.
///
/// # Panics
/// When it says nothing.
pub async fn health(url: &str) -> Health {
    let answer = send(requests().get(format!("{url}/healthz"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    Health {
        status: body["status"].as_str().unwrap_or_default().to_owned(),
        sessions: body["sessions"].as_u64().unwrap_or(u64::MAX),
        streams: body["streams"].as_u64().unwrap_or(u64::MAX),
    }
}
