//! Files to be processed, somebody who watches, and a worker that asks over HTTP.

use std::io::Write;
use std::sync::Arc;

use samewire::FileId;
use samewire::files::FileRecord;
use samewire_protocol::Failure;
use samewire_server::jobs::{Job, JobPolicy, Processing, Processor};
use samewire_server::streams::Candidate;
use samewire_tests::live::http::{self, Answer};
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{Child, Insistent, token, within};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

pub(crate) const API_KEY: &str = "an API key of the tests, of no use elsewhere";

type Work = dyn for<'a> Fn(&'a mut Job) -> Processing<'a> + Send + Sync;

/// Those who speak by hand do not answer pings.
pub(crate) fn settings() -> samewire_server::Config {
    let mut config = samewire_tests::live::settings();
    config.limits.heartbeat_interval = std::time::Duration::from_secs(600);
    config
}

/// Does with texts what a test says.
#[derive(Clone)]
pub(crate) struct Texts {
    pub(crate) policy: JobPolicy,
    work: Arc<Work>,
}

impl Texts {
    pub(crate) fn new(work: impl for<'a> Fn(&'a mut Job) -> Processing<'a> + Send + Sync + 'static) -> Self {
        let policy = JobPolicy { backoff: std::time::Duration::from_millis(1), ..JobPolicy::default() };
        Self { policy, work: Arc::new(work) }
    }
}

impl Processor for Texts {
    fn kind(&self) -> &str {
        "texts"
    }

    fn wants(&self, _: &Candidate<'_>, media: &str) -> bool {
        media == "text/plain"
    }

    fn policy(&self) -> JobPolicy {
        self.policy
    }

    fn process<'a>(&'a self, job: &'a mut Job) -> Processing<'a> {
        (self.work)(job)
    }
}

pub(crate) fn broken(told: &str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(samewire_protocol::Code::ProcessingFailed, format!("{told}: {error}"))
}

/// Stores a text as this user.
pub(crate) async fn store(url: &str, user: &str, text: &str) -> FileRecord {
    let person = Insistent::new(url, Some(token(user)));
    let file = samewire_tests::live::upload(&person.client, "notes.txt", text.to_owned().into());
    within("an upload", file).await.expect("a file")
}

/// Somebody in the room of a file, and what the state was.
pub(crate) async fn watch(raw: &mut Raw, file: FileId) -> Result<Value, Value> {
    let room = format!("file:{file}");
    raw.send(&json!({"type": "join", "room": room})).await;
    loop {
        match raw.next().await {
            Heard::Text(frame) if frame["type"] == "joined" && frame["room"] == room => return Ok(frame),
            Heard::Text(frame) if frame["type"] == "left" && frame["room"] == room => return Err(frame["error"].clone()),
            Heard::Text(frame) => raw.skipped.push(frame),
            Heard::Binary(_) => {}
            end => panic!("waited to be in {room}, and heard {end:?}"),
        }
    }
}

/// What is heard up to an event of this name, that one included: names and payloads.
pub(crate) async fn hear_until(raw: &mut Raw, last: &str) -> Vec<(String, Value)> {
    let mut heard = Vec::new();
    loop {
        let event = raw.expect("event").await;
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        heard.push((name.clone(), event["payload"].clone()));
        if name == last {
            return heard;
        }
    }
}

/// Calls over HTTP as this user.
pub(crate) async fn call(url: &str, user: &str, method: &str, params: Value) -> Answer {
    http::call(url, method, &params, Some(&token(user)), None).await
}

/// A file as its owner sees it.
pub(crate) async fn file(url: &str, user: &str, id: FileId) -> Value {
    let answer = call(url, user, "files/get", json!({"id": id})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Waits until a file is in this state.
pub(crate) async fn file_is(url: &str, user: &str, id: FileId, state: &str) -> Value {
    within(&format!("the file is {state}"), async {
        loop {
            let file = file(url, user, id).await;
            if file["state"] == state {
                return file;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
}

/// A server program whose texts are worked on outside, and the configuration that says so.
pub(crate) struct Outside {
    pub(crate) child: Child,
    _config: NamedTempFile,
}

impl Outside {
    pub(crate) async fn start(settings: &[(&str, &str)], wrapper: &[&str]) -> Self {
        let mut config = NamedTempFile::new().expect("a file");
        let text = format!(
            "[[api_keys]]\nname = 'the tests'\nkey = '{API_KEY}'\n\
             [[jobs.external]]\nkind = 'texts'\nmedia = ['text/*']\n"
        );
        config.write_all(text.as_bytes()).expect("written");
        let path = config.path().to_str().expect("a plain path").to_owned();
        let mut all = vec![("CONFIG", path.as_str())];
        all.push(("LIMITS_HEARTBEAT_INTERVAL", "10m"));
        all.extend(settings);
        Self { child: Child::wrapped(&all, wrapper).await, _config: config }
    }

    pub(crate) fn url(&self) -> String {
        self.child.url()
    }

    /// Sends a request of a worker; `None` when the connection broke.
    pub(crate) async fn ask(url: &str, method: &str, path: &str, lease: Option<&str>, body: Body<'_>) -> Option<Answer> {
        let method = method.parse().expect("a method");
        let mut request = http::requests().request(method, format!("{url}/api/jobs/{path}")).bearer_auth(API_KEY);
        if let Some(lease) = lease {
            request = request.header("samewire-lease", lease);
        }
        let request = match body {
            Body::None => request,
            Body::Json(json) => request.body(json.to_string()),
            Body::Part(bytes) => request.header("content-type", "text/plain").body(bytes.to_vec()),
        };
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let media = header("content-type");
        let text = response.text().await.ok()?;
        Some(Answer { status, media, text })
    }

    /// Takes a job; `None` when there is none.
    pub(crate) async fn claim(url: &str, lease: u64, wait: u64) -> Option<Value> {
        let wanted = json!({"kinds": ["texts"], "worker": "a test", "lease": lease, "wait": wait});
        let answer = Self::ask(url, "POST", "claim", None, Body::Json(&wanted)).await?;
        match answer.status {
            200 => Some(answer.json()["job"].clone()),
            _ => None,
        }
    }
}

/// What a worker sends.
#[derive(Clone, Copy)]
pub(crate) enum Body<'a> {
    None,
    Json(&'a Value),
    Part(&'a [u8]),
}
