//! The bytes of a file: ranges, conditions, heads.

use samewire_tests::draft::Client;
use samewire_tests::http1::Response;
use serde_json::json;

use super::stage::{bytes, call, content, maria, names, server, stored};

const SIZE: usize = 300_000;

async fn ranged(client: &Client, path: &str, range: &str) -> Response {
    client.request("GET", path).header("range", range).send().await
}

#[tokio::test]
async fn a_file_is_read_by_ranges() {
    let server = server().await;
    let maria = maria(&server);
    let all = bytes(SIZE);
    let file = stored(&maria, "clip.bin", "application/octet-stream", &all).await;
    let path = content(&file);

    let whole = maria.request("GET", &path).send().await;
    assert_eq!((whole.status(), whole.get("accept-ranges")), (200, Some("bytes")));
    assert!(whole.body == all);
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99999", 0, 99_999),
        ("bytes=150000-", 150_000, SIZE - 1),
        ("bytes=131071-131073", 131_071, 131_073),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-1000000", 0, SIZE - 1),
        ("bytes=299999-999999999", SIZE - 1, SIZE - 1),
        ("bytes=400000-,5-6", 5, 6),
    ] {
        let answer = ranged(&maria, &path, range).await;
        assert_eq!(answer.status(), 206, "{range}");
        assert_eq!(answer.get("content-range"), Some(&*format!("bytes {first}-{last}/{SIZE}")), "{range}");
        assert!(answer.body == all[first..=last], "{range}");
    }
    for range in ["bytes=300000-", "bytes=-0", "bytes=400000-500000"] {
        let answer = ranged(&maria, &path, range).await;
        assert_eq!(answer.problem(), (416, "range-not-satisfiable".into()), "{range}");
        assert_eq!(answer.get("content-range"), Some(&*format!("bytes */{SIZE}")), "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=5-1", "lines=0-1", "bytes"] {
        let answer = ranged(&maria, &path, range).await;
        assert_eq!((answer.status(), answer.body.len()), (200, SIZE), "{range}");
    }
    let empty = stored(&maria, "empty", "text/plain", b"").await;
    assert_eq!(maria.request("GET", &content(&empty)).send().await.status(), 200);
    assert_eq!(ranged(&maria, &content(&empty), "bytes=0-").await.problem().0, 416);
}

#[tokio::test]
async fn conditions_are_kept() {
    let server = server().await;
    let maria = maria(&server);
    let all = bytes(1_000);
    let path = content(&stored(&maria, "a.png", "image/png", &all).await);
    let whole = maria.request("GET", &path).send().await;
    let (tag, stored) = (whole.get("etag").expect("a tag"), whole.get("last-modified").expect("a time"));
    let ask = |name: &'static str, value: String| {
        let request = maria.request("GET", &path).header("range", "bytes=10-19").header(name, &value);
        async move { request.send().await }
    };
    for (name, value, status, length) in [
        ("if-none-match", tag.to_owned(), 304, 0),
        ("if-none-match", format!("\"x\", W/{tag}"), 304, 0),
        ("if-none-match", "\"x\"".into(), 206, 10),
        ("if-modified-since", stored.to_owned(), 304, 0),
        ("if-match", tag.to_owned(), 206, 10),
        ("if-match", "\"x\"".into(), 412, 0),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT".into(), 412, 0),
        ("if-range", tag.to_owned(), 206, 10),
        ("if-range", stored.to_owned(), 206, 10),
        ("if-range", "\"x\"".into(), 200, 1_000),
        ("if-range", format!("W/{tag}"), 200, 1_000),
    ] {
        let answer = ask(name, value.clone()).await;
        assert_eq!(answer.status(), status, "{name}: {value}");
        match status {
            412 => assert_eq!(answer.problem().1, "precondition-failed"),
            304 => assert_eq!((answer.get("etag"), answer.body.len()), (Some(tag), 0), "{name}: {value}"),
            _ => assert_eq!(answer.body.len(), length, "{name}: {value}"),
        }
    }
}

#[tokio::test]
async fn a_head_is_an_answer_without_its_body() {
    let server = server().await;
    let maria = maria(&server);
    let path = content(&stored(&maria, "a.bin", "application/zip", &bytes(1_000)).await);
    let head = maria.request("HEAD", &path).header("range", "bytes=0-9").send().await;
    assert_eq!((head.status(), head.get("content-length")), (200, Some("1000")));
    assert_eq!((head.get("content-range"), head.get("content-type")), (None, Some("application/zip")));
    assert!(head.get("etag").is_some());
    assert_eq!(maria.request("HEAD", "/api/files/fi_00000000000000000000000000000000/content").send().await.status(), 404);
}

#[tokio::test]
async fn records_are_read_and_removed_at_their_addresses() {
    let server = server().await;
    let maria = maria(&server);
    let file = stored(&maria, "a.txt", "text/plain", b"abc").await;
    assert_eq!((&file["size"], &file["fileId"], &file["name"]), (&json!(3), &file["id"], &json!("a.txt")));
    let path = format!("/api/files/{}", file["id"].as_str().expect("an id"));
    let read = maria.request("GET", &path).send().await;
    assert_eq!((read.status(), &read.json()["digest"]), (200, &file["digest"]), "{read:?}");
    let list = maria.request("GET", "/api/files?limit=1").send().await.json();
    assert_eq!(list["files"][0]["id"], file["id"], "{list}");
    assert_eq!(maria.request("GET", "/api/files?limit=x").send().await.problem(), (400, "bad-params".into()));
    assert_eq!(maria.request("DELETE", &path).send().await.status(), 204);
    assert_eq!(maria.request("DELETE", &path).send().await.problem(), (404, "file-not-found".into()));
    assert_eq!(maria.request("GET", &path).send().await.problem(), (404, "file-not-found".into()));
    assert_eq!(names(&maria).await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_elses_file_is_there() {
    let server = server().await;
    let (maria, otto) = (maria(&server), Client::new(server.addr(), "otto"));
    let file = stored(&maria, "a.txt", "text/plain", b"abc").await;
    let id = file["id"].as_str().expect("an id");
    let never = "fi_00000000000000000000000000000000";
    for (method, place) in [("GET", ""), ("DELETE", ""), ("GET", "/content"), ("GET", "/parts/poster")] {
        let told = |id: &'static str, answer: Response| {
            let mut body = answer.json();
            let detail = body["detail"].as_str().expect("a detail").replace(id, "ID");
            body["detail"] = json!(detail);
            (answer.status(), body)
        };
        let theirs = otto.request(method, &format!("/api/files/{id}{place}")).send().await;
        assert_eq!(theirs.problem(), (404, "file-not-found".into()), "{method} {place}");
        let nobodys = otto.request(method, &format!("/api/files/{never}{place}")).send().await;
        let id: &'static str = Box::leak(id.to_owned().into_boxed_str());
        assert_eq!(told(id, theirs), told(never, nobodys), "{method} {place}");
    }
    let without = maria.request("GET", &content(&file)).without("authorization").send().await;
    assert_eq!(without.problem(), (401, "unauthenticated".into()));
    assert_eq!(without.get("www-authenticate"), Some("Bearer"));
    let elsewhere = maria.request("GET", &content(&file)).header("origin", "https://evil.example").send().await;
    assert_eq!(elsewhere.problem(), (403, "origin-refused".into()));
    assert_eq!(call(&maria, "files/list", json!({})).await.json()["files"].as_array().map(Vec::len), Some(1));
}
