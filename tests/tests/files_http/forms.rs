//! Forms with files.

use samewire_tests::draft::Client;
use samewire_tests::http1::{Request, Response};
use serde_json::json;

use super::stage::{bytes, content, left, maria, names, server, server_with};

const BOUNDARY: &str = "----of-a-form";

/// A part of a form, with what its `Content-Disposition` says behind the name of its field.
fn part(said: &str, media: Option<&str>, content: &[u8]) -> Vec<u8> {
    let mut part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"field\"{said}\r\n").into_bytes();
    part.extend(media.into_iter().flat_map(|media| format!("Content-Type: {media}\r\n").into_bytes()));
    part.extend(b"\r\n");
    part.extend(content);
    part.extend(b"\r\n");
    part
}

fn end() -> Vec<u8> {
    format!("--{BOUNDARY}--\r\n").into_bytes()
}

fn form(client: &Client) -> Request {
    client.request("POST", "/api/files").header("content-type", &format!("multipart/form-data; boundary={BOUNDARY}"))
}

async fn send(client: &Client, parts: &[Vec<u8>]) -> Response {
    form(client).body(&parts.concat()).send().await
}

#[tokio::test]
async fn all_files_of_a_form_are_stored() {
    let server = server().await;
    let maria = maria(&server);
    let large = bytes(3 << 20);
    let parts = [
        part("", None, b"only a word"),
        part("; filename=\"a.txt\"", Some("text/plain"), b"abc"),
        part("; filename=\"b.bin\"", Some("application/zip"), &large),
        part("; filename=\"\"", Some("application/octet-stream"), b""),
        part("; filename=\"empty\"", None, b""),
        end(),
    ];
    let answer = send(&maria, &parts).await;
    assert_eq!(answer.status(), 201, "{answer:?}");
    let files = answer.json()["files"].clone();
    let told = |at: usize| (files[at]["name"].clone(), files[at]["size"].clone());
    assert_eq!(
        [told(0), told(1), told(2)],
        [(json!("a.txt"), json!(3)), (json!("b.bin"), json!(3 << 20)), (json!("empty"), json!(0)),]
    );
    assert!(maria.request("GET", &content(&files[1])).send().await.body == large);
    assert_eq!(names(&maria).await, ["a.txt", "b.bin", "empty"]);

    let one = send(&maria, &[part("; filename=\"C:\\\\x\\\\one.txt\"", None, b"1"), end()]).await;
    assert_eq!((one.status(), &one.json()["name"]), (201, &json!("one.txt")), "{one:?}");
    assert_eq!(one.get("samewire-file"), one.json()["id"].as_str());
}

#[tokio::test]
async fn a_form_with_something_wrong_in_it_leaves_nothing_behind() {
    let server = server_with(&[("STREAMS_QUOTA", "1 MiB"), ("LIMITS_WINDOW", "64 KiB")]).await;
    let maria = maria(&server);
    let good = || part("; filename=\"good\"", None, b"abc");
    let cases = [
        ("over the quota", vec![good(), part("; filename=\"b\"", None, &bytes(2 << 20)), end()], (413, "quota-exceeded")),
        ("without its end", vec![good(), part("; filename=\"b\"", None, b"abc")], (400, "bad-request")),
        ("another boundary", vec![good(), b"--another\r\n\r\nabc\r\n--another--\r\n".to_vec()], (400, "bad-request")),
        ("a name from hell", vec![good(), part("; filename=\"..\"", None, b"abc"), end()], (400, "bad-name")),
        (
            "a long name",
            vec![good(), part(&format!("; filename=\"{}\"", "x".repeat(256)), None, b"abc"), end()],
            (400, "bad-name"),
        ),
        ("no name", vec![good(), part("; filename=\"\"", None, b"abc"), end()], (400, "bad-name")),
        (
            "a huge head",
            vec![good(), part(&format!("; filename=\"{}\"", "x".repeat(4 << 20)), None, b""), end()],
            (400, "bad-request"),
        ),
        ("a huge field", vec![good(), part("", None, &bytes(1 << 20)), end()], (413, "too-big")),
    ];
    for (what, parts, (status, code)) in cases {
        let answer = send(&maria, &parts).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{what}: {answer:?}");
        left(&server, 0).await;
    }
    for media in ["multipart/form-data", "multipart/form-data; boundary="] {
        let answer = maria.request("POST", "/api/files").header("content-type", media).body(b"abc").send().await;
        assert_eq!(answer.problem(), (400, "bad-request".into()), "{media}");
    }
    assert_eq!(send(&maria, &[end()]).await.problem(), (400, "bad-request".into()));
    assert_eq!(names(&maria).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_form_that_is_cut_off_leaves_nothing_behind() {
    let server = server().await;
    let maria = maria(&server);
    let parts = [part("; filename=\"a\"", None, b"abc"), part("; filename=\"b\"", None, &bytes(100_000))].concat();
    let mut open = form(&maria).header("content-length", "1000000").open().await;
    open.write(&parts).await;
    samewire_tests::live::wait_for_blobs(server.data(), 2).await;
    drop(open);
    left(&server, 0).await;
    assert_eq!(names(&maria).await, Vec::<String>::new());
}
