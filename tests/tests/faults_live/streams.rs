//! Streams whose sender breaks a rule: sizes, digests, offsets, credit, names, numbers.

use samewire_server::auth::Grants;
use samewire_tests::live::raw::{Heard, Raw};
use samewire_tests::live::{blob_digests, contents, token, token_with, wait_for_blobs};
use serde_json::{Value, json};

use crate::ward::{QUOTA, Ward, forgetful, limits};

const ID: &str = "st_0123456789abcdef0123456789abcdef";

fn digest(bytes: &[u8]) -> String {
    samewire::Digest::of(bytes).to_string()
}

/// A call that names the stream is waiting; the sender breaks the rule; the sender hears the code, the call fails with it, and
/// the stream is gone.
async fn broken(ward: &mut Ward, what: &str, size: Option<u64>, code: &str, fault: impl AsyncFnOnce(&mut Raw)) {
    let mut attacker = ward.attacker().await;
    attacker.open(1, ID, size).await;
    attacker.send(&json!({"type": "call", "id": 1, "method": "files/upload", "payload": {"stream": ID}})).await;
    fault(&mut attacker).await;
    assert_eq!(attacker.aborted(1).await, code, "{what}");
    let failed = attacker.skipped.iter().find(|frame| frame["type"] == "failure" && frame["id"] == 1).cloned();
    let error = match failed {
        Some(failed) => failed["error"].clone(),
        None => attacker.answer(1).await.expect_err(what),
    };
    assert_eq!(error["code"], code, "{what}");
    // Asked once more, it is told once more.
    let again = attacker.call(2, "files/upload", json!({"stream": ID})).await.expect_err(what);
    assert_eq!(again["code"], code, "{what}");
    // The session goes on, and its next stream is a file.
    let (bytes, whole) = contents(1, 70_000);
    // The name of a file that was made and removed is not used again.
    let next = digest(what.as_bytes()).replace("blake3:", "st_")[..35].to_owned();
    attacker.open(3, &next, None).await;
    attacker.chunk(3, 0, &bytes[..60_000]).await;
    attacker.chunk(3, 60_000, &bytes[60_000..]).await;
    attacker.send(&json!({"type": "end", "stream": 3, "size": 70_000, "digest": whole.to_string()})).await;
    let params = json!({"stream": next});
    let file = attacker.call(3, "files/upload", params).await.expect("a file");
    wait_for_blobs(ward.host.data(), 1).await;
    assert_eq!(blob_digests(ward.host.data()), [(70_000, whole.to_string())], "after {what}");
    assert_eq!(attacker.call(4, "files/remove", json!({"id": file["id"]})).await, Ok(json!({"removed": true})));
    attacker.close(1000).await;
    ward.goes_on(what).await;
    // The next fault's stream has the same name.
    ward.alone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_breaks_a_rule_is_given_up_with_its_code() {
    let mut ward = Ward::new().await;
    let ward_ref = &mut ward;
    let end = |size: u64, digest: Value| json!({"type": "end", "stream": 1, "size": size, "digest": digest});
    let right = |len: usize| json!(digest(&vec![5; len]));

    broken(ward_ref, "fewer bytes than declared", Some(1000), "size-mismatch", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 900]).await;
        raw.send(&end(900, right(900))).await;
    })
    .await;
    broken(ward_ref, "fewer bytes than the end says", Some(1000), "size-mismatch", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 900]).await;
        raw.send(&end(1000, right(1000))).await;
    })
    .await;
    broken(ward_ref, "more bytes than the end says", None, "size-mismatch", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 900]).await;
        raw.send(&end(800, right(800))).await;
    })
    .await;
    broken(ward_ref, "no byte of a declared size", Some(1000), "size-mismatch", async |raw: &mut Raw| {
        raw.send(&end(0, right(0))).await;
    })
    .await;
    broken(ward_ref, "more bytes than declared", Some(1000), "size-mismatch", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 1001]).await;
    })
    .await;
    broken(ward_ref, "more bytes than declared, one by one", Some(2), "size-mismatch", async |raw: &mut Raw| {
        for at in 0..3 {
            raw.chunk(1, at, &[5]).await;
        }
    })
    .await;
    broken(ward_ref, "another digest", Some(1000), "digest-mismatch", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 1000]).await;
        raw.send(&end(1000, right(999))).await;
    })
    .await;
    broken(ward_ref, "a byte that was changed on the way", None, "digest-mismatch", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 999]).await;
        raw.chunk(1, 999, &[6]).await;
        raw.send(&end(1000, right(1000))).await;
    })
    .await;
    broken(ward_ref, "no digest", Some(1000), "digest-required", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 1000]).await;
        raw.send(&end(1000, Value::Null)).await;
    })
    .await;
    broken(ward_ref, "a gap", Some(1000), "bad-offset", async |raw: &mut Raw| {
        raw.chunk(1, 0, &[5; 100]).await;
        raw.chunk(1, 101, &[5; 100]).await;
    })
    .await;
    broken(ward_ref, "a first byte that is not the first", Some(1000), "bad-offset", async |raw: &mut Raw| {
        raw.chunk(1, 1, &[5; 100]).await;
    })
    .await;
    let window = limits().limits.window;
    broken(ward_ref, "bytes beyond the credit", None, "beyond-credit", async |raw: &mut Raw| {
        // Credit grows with what is durable, so no order of things makes this much of it, and it is less than the largest upload.
        for at in 0..40 {
            raw.chunk(1, at * 60_000, &[5; 60_000]).await;
        }
        raw.chunk(1, 40 * 60_000 + 4 * window, &[5]).await;
    })
    .await;
    broken(ward_ref, "an offset far beyond the credit", Some(4_000_000), "beyond-credit", async |raw: &mut Raw| {
        raw.chunk(1, 3_999_000, &[5; 100]).await;
    })
    .await;
    broken(ward_ref, "a second open on one connection", Some(1000), "bad-number", async |raw: &mut Raw| {
        raw.send(&json!({"type": "open", "stream": 1, "ref": ID, "size": 1000})).await;
    })
    .await;
    ward.nothing_is_left().await;
}

/// What is refused at the open is refused before anything is kept of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_cannot_be_taken_is_refused_at_its_open() {
    let mut ward = Ward::with(forgetful()).await;
    let mut attacker = ward.attacker().await;
    let max = limits().limits.max_upload;
    let mut stream = 1;
    let long = "x".repeat(256);
    let cases = [
        (json!({"name": "../../etc/passwd"}), "bad-name"),
        (json!({"name": "a/b"}), "bad-name"),
        (json!({"name": "a\\b"}), "bad-name"),
        (json!({"name": "."}), "bad-name"),
        (json!({"name": ".."}), "bad-name"),
        (json!({"name": "..."}), "bad-name"),
        (json!({"name": ""}), "bad-name"),
        (json!({"name": "  "}), "bad-name"),
        (json!({"name": "a\u{0}b"}), "bad-name"),
        (json!({"name": "a\nb"}), "bad-name"),
        (json!({"name": "a\u{7f}b"}), "bad-name"),
        (json!({"name": "a\u{85}b"}), "bad-name"),
        (json!({"name": "exe.\u{202e}gpj"}), "bad-name"),
        (json!({"name": "a\u{2066}b"}), "bad-name"),
        (json!({"name": "a\u{200f}b"}), "bad-name"),
        (json!({"name": long}), "bad-name"),
        (json!({"media": "no slash"}), "bad-name"),
        (json!({"media": "text/html\r\nx: y"}), "bad-name"),
        (json!({"size": max + 1}), "too-big"),
        (json!({"size": (1_u64 << 53) - 1}), "too-big"),
    ];
    for (extra, code) in &cases {
        let mut open = json!({"type": "open", "stream": stream, "ref": format!("st_{stream:032x}"), "name": "fine"});
        open.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        attacker.send(&open).await;
        assert_eq!(attacker.aborted(stream).await, *code, "{extra}");
        // A stream that was refused is answered with the reason, or as one that never was.
        let error = attacker.call(u64::from(stream), "files/upload", json!({"stream": format!("st_{stream:032x}")})).await;
        let said = error.expect_err("no stream")["code"].clone();
        assert!(said == *code || said == "stream-not-found", "{extra}: {said}");
        stream += 2;
    }
    // A number of the server's own, and one that stands for another stream.
    attacker.send(&json!({"type": "open", "stream": 2, "ref": ID})).await;
    assert_eq!(attacker.aborted(2).await, "bad-number");
    attacker.open(stream, ID, None).await;
    attacker.send(&json!({"type": "open", "stream": stream, "ref": "st_ffffffffffffffffffffffffffffffff"})).await;
    assert_eq!(attacker.aborted(stream).await, "bad-number");
    // Data and an end for what is not there: told once each.
    for number in [101, 103] {
        for at in 0..5 {
            attacker.chunk(number, at * 10, &[1; 10]).await;
        }
        attacker.send(&json!({"type": "end", "stream": number, "size": 50, "digest": digest(&[1; 50])})).await;
        assert_eq!(attacker.aborted(number).await, "stream-not-found");
    }
    attacker.send(&json!({"type": "attach", "stream": 4, "ref": ID, "offset": 0, "limit": 10})).await;
    assert_eq!(attacker.aborted(4).await, "stream-not-found");
    attacker.send(&json!({"type": "ping"})).await;
    attacker.expect("pong").await;
    let aborts = attacker.skipped.iter().filter(|frame| frame["type"] == "abort").count();
    assert_eq!(aborts, 0, "{:?}", attacker.skipped);
    // The file's own name, given with the call, follows the same grammar.
    attacker.open(201, "st_00000000000000000000000000000201", Some(1)).await;
    attacker.chunk(201, 0, &[5]).await;
    attacker.send(&json!({"type": "end", "stream": 201, "size": 1, "digest": digest(&[5])})).await;
    attacker.expect("finished").await;
    for (call, name) in (1000..).zip(["../x", "", "a\u{202e}b", "\u{0}"]) {
        let params = json!({"stream": "st_00000000000000000000000000000201", "name": name});
        let error = attacker.call(call, "files/upload", params).await.expect_err("a bad name");
        assert_eq!(error["code"], "bad-name", "{name:?}");
    }
    attacker.close(1000).await;
    ward.goes_on("bad names").await;
    ward.nothing_is_left().await;
}

/// A stream of unknown length is stopped where the server's largest is, and where the quota is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_length_has_an_end_too() {
    let mut config = limits();
    config.streams.quota = 3 * 1024 * 1024;
    let mut ward = Ward::with(config).await;
    for (user, code, most) in [("mallory", "quota-exceeded", 3 * 1024 * 1024), ("", "too-big", limits().limits.max_upload)] {
        let credential = (!user.is_empty()).then(|| token(user));
        let mut attacker = Raw::session(ward.host.addr(), credential.as_deref()).await;
        let opened = attacker.open(1, ID, None).await;
        let mut limit = opened["limit"].as_u64().expect("a limit");
        let (mut sent, mut aborted) = (0, None);
        while aborted.is_none() {
            while sent < limit {
                let len = (limit - sent).min(60_000);
                attacker.chunk(1, sent, &vec![5; usize::try_from(len).expect("small")]).await;
                sent += len;
            }
            match attacker.next().await {
                Heard::Text(frame) if frame["type"] == "credit" => {
                    limit = frame["limit"].as_u64().expect("a limit");
                }
                Heard::Text(frame) if frame["type"] == "abort" => {
                    aborted = Some(frame["error"]["code"].as_str().expect("a code").to_owned());
                }
                other => panic!("{other:?}"),
            }
            // By the one byte more it is known that the stream goes on.
            assert!(limit <= most + 1, "credit up to {limit}, and {most} is the end");
        }
        assert_eq!(aborted.as_deref(), Some(code));
        assert_eq!(sent, most + 1, "all of what there is room for could be sent");
        attacker.close(1000).await;
        ward.goes_on(code).await;
    }
    wait_for_blobs(ward.host.data(), 0).await;
    ward.goes_on("the end").await;
}

/// Declared sizes are reserved: what does not fit is refused, and what is given up makes room at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_is_reserved_and_comes_back() {
    let ward = Ward::with(forgetful()).await;
    let mut attacker = ward.attacker().await;
    attacker.open(1, ID, Some(QUOTA / 2)).await;
    attacker.open(3, "st_00000000000000000000000000000003", Some(QUOTA / 2)).await;
    for round in 0..20_u32 {
        let stream = 5 + 4 * round;
        attacker.send(&json!({"type": "open", "stream": stream, "ref": format!("st_{stream:032x}"), "size": 1})).await;
        assert_eq!(attacker.aborted(stream).await, "quota-exceeded");
        // Another session of the same person has no more of it.
        let mut other = ward.attacker().await;
        other.send(&json!({"type": "open", "stream": 1, "ref": format!("st_{:032x}", stream + 1000), "size": 1})).await;
        assert_eq!(other.aborted(1).await, "quota-exceeded");
        other.close(1000).await;
        // Given up, and opened anew at once.
        attacker.send(&json!({"type": "abort", "stream": 3 + 4 * round, "ref": format!("st_{:032x}", 3 + 4 * round)})).await;
        attacker.open(stream + 2, &format!("st_{:032x}", stream + 2), Some(QUOTA / 2)).await;
    }
    attacker.close(1000).await;
    ward.nothing_is_left().await;
}

/// Opened and given up in one breath, by sessions that then end in every way: nothing of it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_opens_leave_nothing() {
    let mut ward = Ward::with(forgetful()).await;
    for round in 0..30_u32 {
        let credential = (round % 2 == 0).then(|| token("mallory"));
        let mut attacker = Raw::session(ward.host.addr(), credential.as_deref()).await;
        for number in 0..20 {
            let (stream, id) = (2 * number + 1, format!("st_{:032x}", round * 100 + number));
            attacker.send(&json!({"type": "open", "stream": stream, "ref": id, "size": 1000})).await;
            if number % 3 != 0 {
                attacker.send(&json!({"type": "abort", "stream": stream, "ref": id})).await;
            }
        }
        match round % 3 {
            0 => attacker.close(1000).await,
            1 => attacker.close(1001).await,
            _ => {}
        }
        drop(attacker);
        if round % 10 == 0 {
            ward.goes_on("a flood of opens").await;
        }
    }
    ward.nothing_is_left().await;
}

/// More streams than a session may have, and more than a person may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_streams_are_refused_and_the_others_stay() {
    let mut config = forgetful();
    config.limits.max_streams = 5;
    let mut ward = Ward::with(config).await;
    let mut attacker = ward.attacker().await;
    for number in 0..5 {
        attacker.open(2 * number + 1, &format!("st_{number:032x}"), Some(10)).await;
    }
    attacker.send(&json!({"type": "open", "stream": 11, "ref": ID, "size": 10})).await;
    assert_eq!(attacker.aborted(11).await, "too-many-streams");
    attacker.send(&json!({"type": "abort", "stream": 1, "ref": format!("st_{:032x}", 0)})).await;
    attacker.open(13, ID, Some(10)).await;
    attacker.chunk(3, 0, &[5; 10]).await;
    attacker.send(&json!({"type": "end", "stream": 3, "size": 10, "digest": digest(&[5; 10])})).await;
    attacker.expect("finished").await;
    attacker.close(1000).await;
    // 256 for one person, over all sessions.
    let mut parties = Vec::new();
    let mut refused = 0;
    for party in 0..55_u32 {
        let mut raw = ward.attacker().await;
        for number in 0..5 {
            let id = format!("st_{:032x}", 1000 + party * 5 + number);
            raw.send(&json!({"type": "open", "stream": 2 * number + 1, "ref": id, "size": 1})).await;
        }
        raw.send(&json!({"type": "call", "id": 1, "method": "files/list"})).await;
        parties.push(raw);
    }
    for raw in &mut parties {
        let mut answers = 0;
        while answers < 5 {
            match raw.next().await {
                Heard::Text(frame) if frame["type"] == "opened" => answers += 1,
                Heard::Text(frame) if frame["type"] == "abort" => {
                    assert_eq!(frame["error"]["code"], "too-many-streams");
                    answers += 1;
                    refused += 1;
                }
                Heard::Text(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    // Streams of the closed session above count until they have expired.
    assert!(refused >= 275 - 256, "{refused} of 275 were refused");
    ward.goes_on("too many streams").await;
    drop(parties);
    ward.nothing_is_left().await;
}

/// What a token says of quota and size counts in place of the configuration, from its first hello or its next token on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_says_how_much_its_user_may_keep_and_send() {
    let ward = Ward::with(forgetful()).await;
    let of = |quota, upload| token_with("rich", Grants::default().quota(quota).max_upload(upload));
    let mut rich = Raw::connect(ward.host.addr()).await;
    let welcome = rich.hello(json!({"type": "hello", "token": of(3 * QUOTA, 2 * QUOTA)})).await;
    assert_eq!(welcome["limits"]["maxUpload"], json!(2 * QUOTA));
    let open =
        |stream: u32, size: u64| json!({"type": "open", "stream": stream, "ref": format!("st_{stream:032x}"), "size": size});
    rich.send(&open(1, 2 * QUOTA + 1)).await;
    assert_eq!(rich.aborted(1).await, "too-big");
    rich.open(3, "st_00000000000000000000000000000003", Some(2 * QUOTA)).await;
    rich.send(&open(5, QUOTA + 1)).await;
    assert_eq!(rich.aborted(5).await, "quota-exceeded");

    // Poorer by the next token: what is open goes on, and nothing more is opened.
    rich.send(&json!({"type": "token", "token": of(100, 10)})).await;
    rich.expect("token").await;
    rich.send(&open(7, 11)).await;
    assert_eq!(rich.aborted(7).await, "too-big");
    rich.send(&open(9, 10)).await;
    assert_eq!(rich.aborted(9).await, "quota-exceeded");
    rich.close(1000).await;
    ward.nothing_is_left().await;
}
