//! Clients that do not read, do not answer, or are half gone: each is held back or given up, and the others go on.

use std::time::Duration;

use samewire_server::rooms::core::Message;
use samewire_tests::live::raw::{Heard, Raw, frame, opcode};
use samewire_tests::live::{Host, until, within};
use serde_json::json;

use crate::stage::{Old, STREAM, config, figure, goes_on, host, pair, pass};

const CONNECTIONS: &str = r#"samewire_dialect_connections{dialect="signalling"}"#;

/// Something that is answered by an error of about its own length.
fn nonsense() -> Vec<u8> {
    frame(0x80 | opcode::TEXT, format!(r#"{{"type":"{}"}}"#, "what".repeat(500)).as_bytes())
}

/// Says something over and over without reading the answers, until the server takes no more as long as nothing is read. Says how
/// many whole messages it took, and what of the last one is left to say.
async fn stuff(old: &mut Old, message: &[u8]) -> (usize, Vec<u8>) {
    let (mut count, mut rest) = (0, Vec::new());
    loop {
        assert!(count < 50_000, "the server takes whatever it is told, and keeps the answers");
        if rest.is_empty() {
            rest = message.to_vec();
        }
        let written = old.0.write_blindly(&rest);
        rest.drain(..written);
        count += usize::from(rest.is_empty());
        if written == 0 {
            match tokio::time::timeout(Duration::from_secs(1), old.0.writable()).await {
                Ok(there) => assert!(there, "the connection went"),
                Err(_) => return (count, rest),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_does_not_read_holds_back_what_it_says() {
    let host = host().await;
    let (mut broadcaster, mut viewer, id) = pair(&host, STREAM).await;
    let mut mallory = Old::new(&host, "mallory", "viewer").await;
    let (count, rest) = stuff(&mut mallory, &nonsense()).await;
    goes_on(&mut broadcaster, &mut viewer, STREAM, &id).await;
    // Nothing was lost: each has its answer.
    mallory.0.write(&rest).await;
    mallory
        .0
        .write(&frame(0x80 | opcode::TEXT, br#"{"type":"webrtc-offer","streamId":"x","offer":{"type":"offer","sdp":"v=0"}}"#))
        .await;
    let mut answered = 0;
    loop {
        match mallory.error().await.as_str() {
            "bad-params" => answered += 1,
            code => {
                assert_eq!(code, "not-joined");
                break;
            }
        }
    }
    assert_eq!(answered, count + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_at_all_is_given_up() {
    let mut config = config();
    config.limits.heartbeat_interval = Duration::from_millis(300);
    config.limits.heartbeat_timeout = Duration::from_millis(300);
    let host = Host::start(config).await;
    let mut mallory = Old::new(&host, "mallory", "viewer").await;
    until("it counts", || async { figure(&host, CONNECTIONS).await == 1.0 }).await;
    let message = nonsense();
    within("to be given up", async {
        while figure(&host, CONNECTIONS).await > 0.0 {
            mallory.0.write_blindly(&message.repeat(100));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_pings_is_given_up_and_who_does_is_not() {
    let mut config = config();
    config.limits.heartbeat_interval = Duration::from_millis(200);
    config.limits.heartbeat_timeout = Duration::from_millis(400);
    let host = Host::start(config).await;
    // Half open: it is there, and says nothing ever.
    let mut silent = Old::viewer(&host, "eve", STREAM).await;
    let mut alive = Old::new(&host, "ada", "broadcaster").await;
    let saying = async {
        loop {
            // Whatever a client says shows that it is there.
            alive.0.frame(opcode::PONG, true, b"").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        _ = saying => {}
        heard = silent.0.next() => assert_eq!(heard, Heard::Gone),
    }
    alive.say_text("are you there?").await;
    assert_eq!(alive.error().await, "bad-params");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_long_on_its_way_is_waited_for() {
    let mut config = config();
    config.limits.heartbeat_interval = Duration::from_millis(300);
    config.limits.heartbeat_timeout = Duration::from_millis(300);
    let host = Host::start(config).await;
    let mut slow = Old::new(&host, "eve", "viewer").await;
    let long = frame(0x80 | opcode::TEXT, format!(r#"{{"type":"{}"}}"#, "x".repeat(2_000)).as_bytes());
    // Nothing else can be said in the midst of a frame: pings stay without an answer.
    for piece in long.chunks(50) {
        slow.0.write(piece).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(slow.error().await, "bad-params");
}

/// Who is too far behind is told how things are in place of what it missed, and holds up nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_watcher_hears_how_things_are() {
    let host = host().await;
    let path = |user: &str| format!("/api/v1/streams/{STREAM}/ws?token={}", pass(user, "viewer"));
    let mut slow = Raw::dial_at(host.addr(), &path("slow"), &[]).await.expect("a handshake");
    let mut quick = Raw::dial_at(host.addr(), &path("quick"), &[]).await.expect("a handshake");
    for raw in [&mut slow, &mut quick] {
        assert_eq!(event(raw).await["event"], "viewer_count_changed");
    }
    // More than all buffers on the way take, in the room of the stream.
    let long = serde_json::value::to_raw_value(&json!({"stream_id": STREAM, "note": "x".repeat(12_000)})).expect("JSON");
    let room = format!("live:{STREAM}").parse().expect("a room");
    for _ in 0..2_000 {
        let message = Message { payload: Some(long.clone()), ..Message::new("quality_changed".parse().expect("a name")) };
        host.rooms().publish(&room, message).await.expect("published");
        event(&mut quick).await;
    }
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    broadcaster.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    let mut told = Vec::new();
    for raw in [&mut quick, &mut slow] {
        told.push(0);
        while event(raw).await["event"] != "stream_ended" {
            *told.last_mut().expect("a count") += 1;
        }
    }
    assert!(told[1] < 2_000, "the slow one was told everything, so it was not slow: {told:?}");
}

async fn event(raw: &mut Raw) -> serde_json::Value {
    match raw.next().await {
        Heard::Text(told) => told,
        end => panic!("waited for an update, and heard {end:?}"),
    }
}
