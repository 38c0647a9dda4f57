//! Uploads by the draft: what is appended, where, and by whom at once.

use samewire_tests::draft::mismatch;
use samewire_tests::http1::Request;
use serde_json::json;

use super::stage::{bytes, content, left, maria, server};

#[tokio::test]
async fn bytes_at_another_offset_are_refused_with_the_right_one() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(10)).await;
    assert_eq!(maria.append(&upload, 0, false, b"abc").await.status(), 204);
    for offset in [0, 2, 4, 10, 999_999_999_999_999] {
        let answer = maria.append(&upload, offset, false, b"d").await;
        assert_eq!(mismatch(&answer), (3, offset));
    }
    assert_eq!(maria.append(&upload, 3, true, b"defghij").await.status(), 201);
}

#[tokio::test]
async fn an_append_says_what_it_is() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(3)).await;
    let good = || maria.appending(&upload, 0, true).body(b"abc");
    for (request, status, code) in [
        (good().without("content-type"), 415, "unsupported-media"),
        (good().without("content-type").header("content-type", "application/offset+octet-stream"), 415, "unsupported-media"),
        (good().without("upload-offset"), 400, "bad-request"),
        (good().without("upload-offset").header("upload-offset", "-1"), 400, "bad-request"),
        (good().header("upload-offset", "0"), 400, "bad-request"),
        (good().without("upload-complete"), 400, "bad-request"),
        (good().without("upload-complete").header("upload-complete", "1"), 400, "bad-request"),
    ] {
        assert_eq!(request.send().await.problem(), (status, code.to_owned()), "{request:?}");
    }
    let put = maria.draft("PUT", &upload).body(b"abc").send().await;
    assert_eq!((put.status(), put.get("allow")), (405, Some("HEAD, GET, PATCH, DELETE, OPTIONS")));
    assert_eq!(maria.offset(&upload).await, (0, false));
    assert_eq!(good().send().await.status(), 201);
}

#[tokio::test]
async fn an_upload_that_is_canceled_is_gone() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(10)).await;
    assert_eq!(maria.append(&upload, 0, false, b"abc").await.status(), 204);
    let mut open = maria.appending(&upload, 3, false).header("content-length", "7").open().await;
    open.write(b"d").await;
    let cancel = maria.draft("DELETE", &upload).send().await;
    assert_eq!((cancel.status(), cancel.body.len()), (204, 0));
    open.ended().await;
    for method in ["HEAD", "DELETE"] {
        assert_eq!(maria.draft(method, &upload).send().await.status(), 404, "{method}");
    }
    assert_eq!(maria.append(&upload, 3, true, b"defghij").await.problem(), (404, "stream-not-found".into()));
    left(&server, 0).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_loses_nothing_that_was_taken() {
    let server = server().await;
    let maria = maria(&server);
    let all = bytes(1_000_000);
    let upload = maria.create(Some(1_000_000)).await;
    let mut at = 0;
    while at < all.len() {
        let mut open =
            maria.appending(&upload, at as u64, true).header("content-length", &(all.len() - at).to_string()).open().await;
        open.write(&all[at..all.len().min(at + 300_000)]).await;
        drop(open);
        let (offset, complete) = maria.offset(&upload).await;
        assert!(!complete || offset == 1_000_000, "{offset}");
        at = usize::try_from(offset).expect("an offset");
        if at == all.len() {
            break;
        }
    }
    let last = maria.append(&upload, 1_000_000, true, b"").await;
    assert_eq!(last.status(), 201, "{last:?}");
    assert!(maria.request("GET", &content(&last.json())).send().await.body == all);
}

#[tokio::test]
async fn of_two_appends_at_once_the_older_is_ended() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(10)).await;
    let mut older = maria.appending(&upload, 0, true).header("content-length", "10").open().await;
    older.write(b"abc").await;
    samewire_tests::live::until("the first bytes", || async { samewire_tests::live::blob_sizes(server.data()) == [3] }).await;
    let newer = maria.append(&upload, 3, true, b"defghij").await;
    assert_eq!(newer.status(), 201, "{newer:?}");
    let ended = older.response().await;
    assert_eq!((ended.problem(), ended.get("upload-complete")), ((409, "superseded".into()), Some("?0")));
    older.ended().await;
    assert_eq!(maria.request("GET", &content(&newer.json())).send().await.body, b"abcdefghij");
}

#[tokio::test]
async fn whoever_asks_how_far_it_is_can_go_on_from_there() {
    let server = server().await;
    let maria = maria(&server);
    let all = bytes(500_000);
    let upload = maria.create(Some(500_000)).await;
    let mut silent = maria.appending(&upload, 0, true).header("content-length", "500000").open().await;
    silent.write(&all[..400_000]).await;
    // Only an append that has begun can be superseded.
    samewire_tests::live::until("the first bytes", || async {
        samewire_tests::live::blob_sizes(server.data()).iter().any(|&size| size > 0)
    })
    .await;
    let (offset, _) = maria.offset(&upload).await;
    // It says so, and is over, whatever of it was still on its way.
    assert_eq!(silent.response().await.problem(), (409, "superseded".into()));
    let at = usize::try_from(offset).expect("an offset");
    let last = maria.append(&upload, offset, true, &all[at..]).await;
    assert_eq!(last.status(), 201, "{last:?}");
    assert!(maria.request("GET", &content(&last.json())).send().await.body == all);
}

#[tokio::test]
async fn an_upload_goes_on_after_the_server_was_killed_and_at_another_door() {
    let mut server = server().await;
    let all = bytes(300_000);
    let upload = maria(&server).create(Some(300_000)).await;
    assert_eq!(maria(&server).append(&upload, 0, false, &all[..200_000]).await.status(), 204);
    server.restart().await;
    let maria = maria(&server);
    assert_eq!(maria.offset(&upload).await, (200_000, false));
    let tus = upload.replace("/api/uploads/", "/tus/");
    let request: Request = maria.request("PATCH", &tus).header("tus-resumable", "1.0.0").header("upload-offset", "200000");
    let request = request.header("content-type", "application/offset+octet-stream").body(&all[200_000..]);
    let answer = request.send().await;
    assert_eq!(answer.status(), 204, "{answer:?}");
    let file = json!({"id": answer.get("samewire-file").expect("a file")});
    assert_eq!(maria.offset(&upload).await, (300_000, true));
    assert!(maria.request("GET", &content(&file)).send().await.body == all);
}
