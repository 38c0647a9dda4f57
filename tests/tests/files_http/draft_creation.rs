//! Uploads by the draft: how they begin, and that they become files.

use samewire_tests::draft::{checked, created, is_inconsistent};
use samewire_tests::http1::Request;
use serde_json::json;

use super::stage::{bytes, content, left, maria, names, server, server_with};

#[tokio::test]
async fn a_careful_client_begins_with_nothing() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(5)).await;
    assert_eq!(maria.offset(&upload).await, (0, false));
    let part = maria.append(&upload, 0, false, b"abc").await;
    assert_eq!((part.status(), part.get("upload-complete"), part.get("upload-offset")), (204, Some("?0"), Some("3")));
    let last = maria.append(&upload, 3, true, b"de").await;
    assert_eq!((last.status(), last.get("upload-complete")), (201, Some("?1")), "{last:?}");
    let file = last.json();
    assert_eq!((&file["name"], &file["size"]), (&json!("careful.bin"), &json!(5)));
    assert_eq!(maria.request("GET", &content(&file)).send().await.body, b"abcde");
    assert_eq!(maria.offset(&upload).await, (5, true));
    assert_eq!(names(&maria).await, ["careful.bin"]);
}

#[tokio::test]
async fn an_optimistic_client_sends_all_at_once() {
    let server = server().await;
    let maria = maria(&server);
    let all = bytes(2_000_000);
    let request = maria.creating(true).header("content-type", "video/mp4").header("upload-length", "2000000");
    let request = request.header("content-disposition", "inline; filename=\"x\"; filename*=UTF-8''%C3%BC.mp4");
    let answer = checked(request.body(&all).send().await);
    assert_eq!((answer.status(), answer.get("upload-complete")), (201, Some("?1")), "{answer:?}");
    let file = answer.json();
    assert_eq!((&file["name"], answer.get("samewire-file")), (&json!("ü.mp4"), file["id"].as_str()));
    assert_eq!(answer.get("location"), Some(&*format!("/api/files/{}", file["id"].as_str().expect("an id"))));
    assert!(maria.request("GET", &content(&file)).send().await.body == all);

    let empty = checked(maria.creating(true).body(b"").send().await);
    assert_eq!((empty.status(), &empty.json()["size"]), (201, &json!(0)));
}

#[tokio::test]
async fn the_first_bytes_come_along() {
    let server = server().await;
    let maria = maria(&server);
    let answer = maria.creating(false).body(b"abc").send().await;
    let upload = created(&answer);
    assert_eq!(answer.get("upload-offset"), Some("3"));
    // The length is said only at the end, by the end.
    let last = maria.append(&upload, 3, true, b"").await;
    assert_eq!((last.status(), &last.json()["size"]), (201, &json!(3)), "{last:?}");
}

#[tokio::test]
async fn the_answer_is_given_again_to_a_client_that_did_not_hear_it() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(3)).await;
    let first = maria.append(&upload, 0, true, b"abc").await;
    let again = maria.append(&upload, 3, true, b"").await;
    assert_eq!((again.status(), again.get("upload-complete")), (201, Some("?1")));
    assert_eq!((again.json(), again.get("location")), (first.json(), first.get("location")));
    let more = maria.append(&upload, 3, true, b"d").await;
    assert_eq!((more.problem(), more.get("upload-complete")), ((409, "conflict".into()), Some("?0")));
    let open = maria.append(&upload, 3, false, b"").await;
    assert_eq!(open.problem(), (409, "conflict".into()));
    assert_eq!(samewire_tests::draft::mismatch(&maria.append(&upload, 0, true, b"abc").await), (3, 0));
    let cancel = maria.draft("DELETE", &upload).send().await;
    assert_eq!(cancel.problem(), (409, "conflict".into()), "it is a file");
    assert_eq!(names(&maria).await, ["careful.bin"]);
}

#[tokio::test]
async fn lengths_that_contradict_each_other_are_refused() {
    let server = server().await;
    let maria = maria(&server);
    for (complete, length) in [(true, "4"), (true, "2"), (false, "2")] {
        let answer = maria.creating(complete).header("upload-length", length).body(b"abc").send().await;
        assert!(is_inconsistent(&answer), "{complete} {length}: {answer:?}");
    }
    let upload = maria.create(Some(5)).await;
    let ask = |offset, complete, length: &str, bytes: &[u8]| {
        let request = maria.appending(&upload, offset, complete).header("upload-length", length).body(bytes);
        async move { request.send().await }
    };
    assert!(is_inconsistent(&ask(0, false, "6", b"abc").await));
    assert!(is_inconsistent(&maria.append(&upload, 0, true, b"abc").await), "it ends too early");
    assert_eq!(maria.offset(&upload).await, (0, false), "nothing came of them");
    assert_eq!(ask(0, false, "5", b"abc").await.status(), 204);
    // What is not of its form counts as not there.
    assert_eq!(ask(3, true, "five", b"de").await.status(), 201);
}

#[tokio::test]
async fn an_upload_that_goes_beyond_its_length_is_given_up() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(5)).await;
    let mut open = maria.appending(&upload, 0, false).header("transfer-encoding", "chunked").open().await;
    open.write(b"6\r\nabcdef\r\n0\r\n\r\n").await;
    assert!(is_inconsistent(&open.response().await));
    assert_eq!(maria.draft("HEAD", &upload).send().await.status(), 404);
    left(&server, 0).await;
}

#[tokio::test]
async fn limits_are_told_before_and_when_they_are_met() {
    let server = server_with(&[("LIMITS_MAX_UPLOAD", "2 MiB"), ("STREAMS_QUOTA", "1 MiB")]).await;
    let maria = maria(&server);
    let limit = "max-size=2097152";
    let options = Request::new(server.addr(), "OPTIONS", "/api/files").send().await;
    assert_eq!((options.status(), options.get("upload-limit")), (204, Some(limit)), "{options:?}");
    for (length, code) in [(3 << 20, "too-big"), (2 << 20, "quota-exceeded")] {
        let answer = maria.creating(false).header("upload-length", &length.to_string()).body(b"").send().await;
        assert_eq!((answer.problem(), answer.get("upload-limit")), ((413, code.into()), Some(limit)));
    }
    let unknown = maria.create(None).await;
    let answer = maria.append(&unknown, 0, false, &bytes(2 << 20)).await;
    assert_eq!(answer.problem(), (413, "quota-exceeded".into()));
    assert_eq!(maria.draft("HEAD", &unknown).send().await.status(), 404);
    left(&server, 0).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_that_begins_an_upload() {
    let server = server().await;
    let maria = maria(&server);
    let named = |name: &str| maria.creating(true).header("content-disposition", &format!("inline; filename=\"{name}\""));
    assert_eq!(named("..").body(b"abc").send().await.problem(), (400, "bad-name".into()));
    let coded = maria.creating(true).header("content-encoding", "gzip").body(b"abc").send().await;
    assert_eq!(coded.problem(), (415, "unsupported-media".into()));
    let stranger = maria.creating(true).without("authorization").body(b"abc").send().await;
    assert_eq!(stranger.problem(), (401, "unauthenticated".into()));
    left(&server, 0).await;
    // What is no boolean is no wish to resume, and the body is a file like any other.
    let plain = maria.request("POST", "/api/files").header("upload-complete", "yes").body(b"abc").send().await;
    assert_eq!((plain.status(), plain.get("upload-complete")), (201, None), "{plain:?}");
}
