//! Clients that are slow, or that do not listen at all: what is kept for them has bounds. Measured in a process of its own, against
//! bounds far above what it should take and far below what it would take if nothing held it back.

use samewire_tests::live::raw::{Heard, Raw, frame, opcode};
use samewire_tests::live::{Child, Insistent, contents, http, token, upload, within};
use serde_json::json;

const MEBIBYTE: u64 = 1024 * 1024;

/// Asks for answers and never reads one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_fills_no_memory() {
    const FLOOD: usize = 512 * 1024 * 1024;
    let child = Child::start(&[]).await;
    let before = child.peak_memory();
    let payload = "x".repeat(900_000);
    let mut sent = 0;
    let mut deaf = Raw::session(child.addr(), None).await;
    for id in 1.. {
        let call = json!({"type": "call", "id": id, "method": "system/echo", "payload": payload, "done": id}).to_string();
        let bytes = frame(0x80 | opcode::TEXT, call.as_bytes());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            // A server that reads no more is what is hoped for; one that reads on for ever ends here too.
            let writable = tokio::time::timeout(std::time::Duration::from_millis(500), deaf.writable()).await;
            let written = if writable.is_ok() { deaf.write_blindly(rest) } else { 0 };
            if writable.is_err() {
                break;
            }
            rest = &rest[written..];
            sent += written;
        }
        if !rest.is_empty() || sent > FLOOD {
            break;
        }
    }
    let grown = child.peak_memory() - before;
    println!("{sent} bytes were taken from a client that reads nothing; the server grew by {grown}");
    assert!(grown < 64 * MEBIBYTE, "the server grew by {grown} bytes for one deaf client");
    // It is still there for others.
    assert_eq!(http::call(&child.url(), "system/echo", &json!(1), None, None).await.status, 200);
}

/// Many downloads that nobody takes: each holds a window, not the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stall_hold_windows_and_not_files() {
    const READERS: u64 = 12;
    let child = Child::start(&[]).await;
    let person = Insistent::new(&child.url(), Some(token("maria")));
    let (bytes, _) = contents(1, 48 * 1024 * 1024);
    let file = within("an upload", upload(&person.client, "large", bytes)).await.expect("a file");
    let before = child.peak_memory();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut raw = Raw::session(child.addr(), Some(&token("maria"))).await;
        raw.call(1, "files/open", json!({"id": file.id})).await.expect("a stream");
        // More credit than there are bytes, and then not a byte is read.
        raw.send(&json!({"type": "credit", "stream": 2, "durable": 0, "limit": file.size})).await;
        readers.push(raw);
    }
    // Others read, and have all of it.
    for _ in 0..3 {
        let got = within("a download", samewire_tests::live::download(&person.client, file.id)).await.expect("the file");
        assert_eq!(got.len() as u64, file.size);
    }
    let grown = child.peak_memory() - before;
    println!("{READERS} stalled readers of {} bytes each: the server grew by {grown}", file.size);
    assert!(grown < READERS * 6 * MEBIBYTE, "the server grew by {grown} bytes");
}

/// Many uploads at once, each as fast as it may, and some with far more than their credit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_fill_windows_and_no_more() {
    const SENDERS: u32 = 8;
    let child = Child::start(&[("LIMITS_WINDOW", "1 MiB")]).await;
    let before = child.peak_memory();
    let mut sending = Vec::new();
    for sender in 0..SENDERS {
        let addr = child.addr();
        sending.push(tokio::spawn(async move {
            let mut raw = Raw::session(addr, Some(&token("maria"))).await;
            let id = format!("st_{sender:032x}");
            raw.open(1, &id, Some(32 << 20)).await;
            let piece = vec![7; 65_536];
            if sender % 2 == 0 {
                // Everything at once, whatever the credit says: it is refused, and the rest is passed over; unless the disk is
                // quicker than the sender.
                for at in 0..512 {
                    raw.chunk(1, at * 65_536, &piece).await;
                }
                loop {
                    match raw.next().await {
                        Heard::Text(frame) if frame["type"] == "abort" => {
                            assert_eq!(frame["error"]["code"], "beyond-credit");
                            break;
                        }
                        Heard::Text(frame) if frame["durable"] == 32 << 20 => {
                            raw.send(&json!({"type": "abort", "stream": 1, "ref": id})).await;
                            break;
                        }
                        Heard::Text(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            } else {
                let (mut sent, mut limit) = (0, 1 << 20);
                while sent < 32 << 20 {
                    while sent + 65_536 <= limit {
                        raw.chunk(1, sent, &piece).await;
                        sent += 65_536;
                    }
                    if sent < 32 << 20 {
                        limit = raw.expect("credit").await["limit"].as_u64().expect("a limit");
                    }
                }
                raw.send(&json!({"type": "abort", "stream": 1, "ref": id})).await;
            }
            raw.close(1000).await;
        }));
    }
    for sender in sending {
        within("a sender", sender).await.expect("a sender does not panic");
    }
    let grown = child.peak_memory() - before;
    println!("{SENDERS} senders of 32 MiB each: the server grew by {grown}");
    assert!(grown < u64::from(SENDERS) * 6 * MEBIBYTE, "the server grew by {grown} bytes");
}

/// Opens connections that say nothing, or that stop in the middle of a frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_frame_reserves_nothing() {
    let child = Child::start(&[]).await;
    let before = child.peak_memory();
    let mut halves = Vec::new();
    for _ in 0..200 {
        let mut raw = Raw::session(child.addr(), None).await;
        // A text frame of a mebibyte is announced, and a byte of it comes.
        let mut half = vec![0x80 | opcode::TEXT, 0x80 | 127];
        half.extend_from_slice(&1_048_576_u64.to_be_bytes());
        half.extend_from_slice(&[0, 0, 0, 0, b'{']);
        raw.write(&half).await;
        halves.push(raw);
    }
    assert_eq!(http::call(&child.url(), "system/echo", &json!(1), None, None).await.status, 200);
    let grown = child.peak_memory() - before;
    println!("200 halves of frames: the server grew by {grown}");
    assert!(grown < 32 * MEBIBYTE, "the server grew by {grown} bytes");
}
