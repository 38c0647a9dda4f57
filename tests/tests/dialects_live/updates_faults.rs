//! The updates of a stream take no input. What comes nevertheless is of no effect, or ends its own connection.

use samewire_tests::live::raw::{Heard, frame, opcode};
use serde_json::json;

use crate::stage::{Old, STREAM, closed, host};
use crate::updates::{told, watcher};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_watcher_says_is_passed_over() {
    let host = host().await;
    let mut hostile = watcher(&host, STREAM).await;
    told(&mut hostile).await;
    for text in ["", "hello", "{", r#"{"event":"stream_ended","data":{}}"#, r#"{"type":"broadcaster-ready","streamId":"x"}"#] {
        hostile.frame(opcode::TEXT, true, text.as_bytes()).await;
    }
    hostile.frame(opcode::BINARY, true, &[0; 4_000]).await;
    hostile.frame(opcode::PING, true, b"are you there").await;
    hostile.write(&frame(0x80 | opcode::TEXT, b"{}").repeat(20_000)).await;
    let mut broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    assert_eq!(told(&mut hostile).await.0, "stream_started");
    broadcaster.say(json!({"type": "leave-stream", "streamId": STREAM})).await;
    assert_eq!(told(&mut hostile).await.0, "stream_ended");
    // As the format's own example does when it has heard this.
    hostile.close(1000).await;
    assert_eq!(hostile.next().await, Heard::Close(1000, String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_or_no_frame_ends_the_connection() {
    let host = host().await;
    let mut calm = watcher(&host, STREAM).await;
    told(&mut calm).await;
    for (bytes, close) in [
        (frame(0x80 | opcode::TEXT, &[b'x'; 5_000]), 1009),
        (frame(0x80 | opcode::TEXT, b"\xff\xfe"), 1007),
        (frame(0xf0 | opcode::TEXT, b"{}"), 1002),
    ] {
        let mut hostile = watcher(&host, STREAM).await;
        told(&mut hostile).await;
        hostile.write(&bytes).await;
        let (code, reason) = closed(&mut hostile).await;
        assert!(code == close && reason.len() > 10, "{code} {reason}");
    }
    let _broadcaster = Old::broadcaster(&host, "ada", STREAM).await;
    assert_eq!(told(&mut calm).await.0, "stream_started");
}
