//! Tokens that expire: a source gives the next one in time, asked once at a time, and rooms go on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header};
use samewire::rooms::RoomStatus;
use samewire::{Client, Code, Status, TokenReason, system};
use samewire_tests::live::proxy::Proxy;
use samewire_tests::live::{Host, SECRET, settings, until, within};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::place::{Heard, client, join, open};

/// A token for so many seconds, with these grants.
pub(crate) fn granted(user: &str, grants: &Value, seconds: u64) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970").as_secs();
    // No two are the same.
    let id = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    let claims = json!({"sub": user, "iat": now, "exp": now + seconds, "jti": id, "samewire": grants});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("a token")
}

fn short(seconds: u64) -> String {
    granted("ada", &json!({"rooms": [{"name": "test:*", "role": "member"}]}), seconds)
}

async fn host() -> Host {
    let mut config = settings();
    config.auth.leeway = Duration::ZERO;
    config.rooms.kinds.insert("test", open());
    Host::start(config).await
}

/// What a source was asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<TokenReason>>>);

impl Asked {
    /// Notes it, and says how many came before.
    fn note(&self, reason: TokenReason) -> usize {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(reason);
        asked.len() - 1
    }

    fn all(&self) -> Vec<TokenReason> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A client whose tokens are good for so many seconds.
fn sourced(url: &str, asked: &Asked, seconds: u64) -> Client {
    let asked = asked.clone();
    let source = move |reason| {
        asked.note(reason);
        async move { Ok::<_, std::io::Error>(short(seconds)) }
    };
    Client::builder(url).token_source(source).build().expect("a client")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_from_token_to_token() {
    let host = host().await;
    let asked = Asked::default();
    let ada = sourced(&host.url(), &asked, 3);
    let room = join(&ada, "tokens").await.expect("a room");
    let session = ada.session();
    let mut stands = vec![(ada.watch_status(), room.watch_status())];
    let (mut status, mut standing) = stands.pop().expect("both");
    status.mark_unchanged();
    standing.mark_unchanged();
    let mut n = 0_u64;
    while asked.all().len() < 5 {
        n += 1;
        within("a publication", room.publish("count", &n)).await.expect("published");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(asked.all()[..], [&[TokenReason::First][..], &[TokenReason::Expiring; 4]].concat());
    assert!(!status.has_changed().expect("a client") && !standing.has_changed().expect("a room"), "nothing was interrupted");
    assert_eq!((ada.session(), ada.status()), (session, Status::Live));
    let mut heard = Heard::default();
    heard.until(&room, "all of it", |heard| heard.messages.len() as u64 == n).await;
    assert_eq!(heard.offsets(), (1..=n).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expired_while_there_was_no_connection_is_replaced() {
    let host = host().await;
    let proxy = Proxy::start(host.addr()).await;
    let asked = Asked::default();
    let ada = sourced(&proxy.url(), &asked, 2);
    let room = join(&ada, "tokens").await.expect("a room");
    let watcher = join(&client(&host.url(), Some(short(3_600))), "tokens").await.expect("a room");
    proxy.retarget(None);
    proxy.cut_all();
    within("a lost connection", room.watch_status().wait_for(|status| *status == RoomStatus::Away)).await.expect("a room");
    watcher.publish("count", &1).await.expect("published");
    // Longer than the token is good for.
    tokio::time::sleep(Duration::from_millis(3_100)).await;
    proxy.retarget(Some(host.addr()));
    let connecting = async { while ada.connect().await.is_err() {} };
    within("a connection", connecting).await;
    let mut heard = Heard::default();
    heard.until(&room, "what was said", |heard| heard.messages.len() == 1).await;
    assert_eq!((heard.recovered, heard.lost.len()), (1, 0));
    let asked = asked.all();
    assert!(
        asked.len() >= 2 && asked[1..].iter().all(|reason| matches!(reason, TokenReason::Expired | TokenReason::Expiring)),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_is_asked_again_while_there_is_time() {
    let host = host().await;
    let asked = Asked::default();
    let noted = asked.clone();
    let source = move |reason| {
        let count = noted.note(reason);
        async move {
            if count == 1 {
                Err("the token's server is being started anew")
            } else {
                Ok(short(if count == 0 { 12 } else { 3_600 }))
            }
        }
    };
    let ada = Client::builder(host.url()).token_source(source).build().expect("a client");
    let room = join(&ada, "tokens").await.expect("a room");
    until("the third token is there", || async { asked.all().len() == 3 }).await;
    assert_eq!(asked.all(), [TokenReason::First, TokenReason::Expiring, TokenReason::Expiring]);
    assert_eq!((ada.status(), room.status()), (Status::Live, RoomStatus::Joined));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_source_has_no_more_tokens_ends_with_the_reason() {
    let host = host().await;
    let asked = Asked::default();
    let noted = asked.clone();
    let source = move |reason| {
        let count = noted.note(reason);
        async move {
            assert!(count == 0, "a source that panics is one that has none");
            Ok::<_, std::io::Error>(short(2))
        }
    };
    let ada = Client::builder(host.url()).token_source(source).build().expect("a client");
    let room = join(&ada, "tokens").await.expect("a room");
    let mut standing = room.watch_status();
    let left = within("the end", standing.wait_for(|status| matches!(status, RoomStatus::Left { .. }))).await;
    let RoomStatus::Left { why: Some(why) } = left.expect("a room").clone() else { panic!("with a reason") };
    assert_eq!(why.code, Code::TokenExpired);
    assert!(matches!(ada.status(), Status::Closed { why } if why.code == Code::TokenExpired));
    // Without a source, the same.
    let bob = client(&host.url(), Some(short(1)));
    let mut status = bob.watch_status();
    let _ = bob.connect().await;
    let closed = within("the end", status.wait_for(|status| matches!(status, Status::Closed { .. }))).await;
    assert!(matches!(&*closed.expect("a client"), Status::Closed { why } if why.code == Code::TokenExpired));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_asked_once_for_all_who_wait() {
    let mut config = settings();
    config.auth.anonymous = false;
    let host = Host::start(config).await;
    let asked = Asked::default();
    let noted = asked.clone();
    let source = move |reason| {
        noted.note(reason);
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, std::io::Error>(short(3_600))
        }
    };
    let ada = Client::builder(host.url()).token_source(source).build().expect("a client");
    let params = to_raw_value(&1).expect("JSON");
    let calls = (0..20).map(|n| {
        let (ada, params) = (ada.clone(), params.clone());
        tokio::spawn(async move {
            match n % 2 {
                0 => ada.http().call::<system::Echo>(&params).await,
                _ => ada.call::<system::Echo>(&params).await,
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = within("a call", call).await.expect("no panic").expect("an answer");
        assert_eq!(answer.get(), "1");
    }
    assert_eq!(asked.all(), [TokenReason::First]);
    // What the server does not take is replaced once, over HTTP too.
    ada.set_token(Some("let me in".to_owned()));
    let answer = within("a call", ada.http().call::<system::Echo>(&params)).await.expect("an answer");
    assert_eq!(answer.get(), "1");
    assert!(matches!(asked.all()[1..], [TokenReason::Refused]), "{:?}", asked.all());
}
