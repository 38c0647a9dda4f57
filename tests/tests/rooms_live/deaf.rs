//! Members that never read: the others do not notice, and little is kept for them. Measured in a process of its own.

use samewire_tests::live::raw::{Heard, Raw, opcode};
use samewire_tests::live::{Child, within};
use serde_json::json;

use super::stage::join;

const MEBIBYTE: u64 = 1024 * 1024;
const DEAF: usize = 12;
const SPEAKERS: usize = 4;
const EACH: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_costs_little_and_keeps_nobody_waiting() {
    let child = Child::start(&[("DEV", "true")]).await;
    let mut deaf = Vec::new();
    for _ in 0..DEAF {
        let mut raw = Raw::session(child.addr(), None).await;
        join(&mut raw, "demo:1").await.expect("may join");
        deaf.push(raw);
    }
    let mut reader = Raw::session(child.addr(), None).await;
    join(&mut reader, "demo:1").await.expect("may join");
    let before = child.peak_memory();
    let addr = child.addr();
    let speaking: Vec<_> = (0..SPEAKERS)
        .map(|_| {
            tokio::spawn(async move {
                let mut raw = Raw::session(addr, None).await;
                join(&mut raw, "demo:1").await.expect("may join");
                for id in 1..=EACH as u64 {
                    let head = json!({"type": "call", "id": id, "method": "rooms/publish", "payload": {"room": "demo:1", "name": "blob"}});
                    let head = head.to_string();
                    let mut frame = vec![2, 0, 0, 0];
                    frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
                    frame.extend_from_slice(&[0; 8]);
                    frame.extend_from_slice(head.as_bytes());
                    frame.extend_from_slice(&vec![7; 60_000]);
                    raw.frame(opcode::BINARY, true, &frame).await;
                    raw.answer(id).await.expect("published");
                }
            })
        })
        .collect();
    let mut heard = 0;
    while heard < SPEAKERS * EACH {
        match reader.next().await {
            Heard::Binary(frame) => {
                heard += 1;
                assert!(frame.len() > 60_000);
            }
            Heard::Text(frame) => assert!(frame["type"] == "presence" || frame["type"] == "ping", "{frame}"),
            other => panic!("{other:?}"),
        }
    }
    for speaker in speaking {
        within("a speaker", speaker).await.expect("a speaker is heard");
    }
    let grown = child.peak_memory() - before;
    let sent = (SPEAKERS * EACH * 60_000) as u64;
    println!("{DEAF} members that read nothing of {sent} bytes: the server grew by {grown}");
    assert!(grown < 48 * MEBIBYTE, "the server grew by {grown} bytes for {DEAF} deaf members");
    // One that listens after all finds out that it has lost something.
    let mut raw = deaf.remove(0);
    loop {
        match raw.next().await {
            Heard::Text(frame) if frame["type"] == "joined" => break assert_eq!(frame["recovered"], false, "{frame}"),
            Heard::Text(_) | Heard::Binary(_) => {}
            other => panic!("{other:?}"),
        }
    }
}
