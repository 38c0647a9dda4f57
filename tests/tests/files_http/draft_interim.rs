//! `104 (Upload Resumption Supported)`.

use samewire_tests::draft::{announced, checked, integer};

use super::stage::{bytes, left, maria, server};

#[tokio::test]
async fn where_an_upload_is_is_told_before_its_bytes_come() {
    let server = server().await;
    let maria = maria(&server);
    let all = bytes(100_000);
    let mut open = maria.creating(true).header("content-length", "100000").open().await;
    let upload = announced(&mut open).await;
    open.write(&all[..60_000]).await;
    drop(open);
    let (offset, complete) = maria.offset(&upload).await;
    assert!(!complete);
    let at = usize::try_from(offset).expect("an offset");
    let last = maria.append(&upload, offset, true, &all[at..]).await;
    assert_eq!((last.status(), &last.json()["size"]), (201, &100_000.into()), "{last:?}");
}

#[tokio::test]
async fn how_far_it_is_is_told_while_bytes_come() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(10_000_000)).await;
    let all = bytes(100_000);
    let mut open = maria.appending(&upload, 0, true).header("content-length", "10000000").open().await;
    let mut sent = 0;
    let told = loop {
        tokio::select! {
            biased;
            message = open.message() => break message,
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
        }
        assert!(sent < 100, "nothing was told");
        open.write(&all).await;
        sent += 1;
    };
    assert_eq!(
        (told.status, told.get("location"), told.get("upload-draft-interop-version")),
        (104, None, Some("8")),
        "{told:?}"
    );
    let offset = integer(&told, "upload-offset");
    assert!(offset > 0 && offset <= sent * 100_000, "{offset} of {sent}");
    drop(open);
    assert!(maria.offset(&upload).await.0 >= offset, "what was told is there");
}

#[tokio::test]
async fn nothing_is_told_to_who_does_not_speak_this_version() {
    let server = server().await;
    let maria = maria(&server);
    for version in [None, Some("7"), Some("9"), Some("?1"), Some("\"8\"")] {
        let request = maria.creating(true).without("upload-draft-interop-version").body(b"abc");
        let request =
            version.into_iter().fold(request, |request, version| request.header("upload-draft-interop-version", version));
        let answer = checked(request.send().await);
        assert_eq!((answer.status(), answer.interims.len()), (201, 0), "{version:?}: {answer:?}");
    }
    // Nobody knows where it is, so nobody will go on with it.
    let request = maria.creating(true).without("upload-draft-interop-version").header("content-length", "100000");
    let mut open = request.open().await;
    open.write(&bytes(50_000)).await;
    samewire_tests::live::wait_for_blobs(server.data(), 6).await;
    drop(open);
    left(&server, 5).await;
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_hears_both() {
    let server = server().await;
    let maria = maria(&server);
    let mut open = maria.creating(true).header("content-length", "3").header("expect", "100-continue").open().await;
    let (first, second) = (open.message().await, open.message().await);
    let mut told = [first.status, second.status];
    told.sort_unstable();
    assert_eq!(told, [100, 104]);
    open.write(b"abc").await;
    assert_eq!(open.response().await.status(), 201);
}

#[tokio::test]
async fn a_connection_serves_others_before_and_after() {
    let server = server().await;
    let maria = maria(&server);
    let mut open = maria.request("GET", "/api/files").open_kept().await;
    assert_eq!(open.response().await.status(), 200);
    for _ in 0..3 {
        open.next(&maria.creating(true).body(b"abc")).await;
        let answer = checked(open.response().await);
        assert_eq!((answer.status(), answer.interims.len()), (201, 1), "{answer:?}");
        open.next(&maria.request("GET", "/api/files")).await;
        let answer = open.response().await;
        assert_eq!((answer.status(), answer.interims.len()), (200, 0), "{answer:?}");
    }
}
