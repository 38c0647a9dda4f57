//! Digests of requests' contents and of all that was uploaded.

use super::stage::{left, maria, names, server};

/// Of `abc`, of `def`, and of `abcdef`.
const ABC: &str = "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
const DEF: &str = "sha-256=:y4N5rCCYqhZQKeOTilHaC87PwAj9Z5X0AReGR/lsWzQ=:";
const ALL: &str = "sha-256=:vvV+x/U6bUC+tkCngKY5yDvCmsipgW8fxsXG3Nk8RyE=:";

#[tokio::test]
async fn content_that_is_not_what_it_says_is_not_appended() {
    let server = server().await;
    let maria = maria(&server);
    let upload = maria.create(Some(6)).await;
    let send = |offset, complete, digest: &str, bytes: &[u8]| {
        let request = maria.appending(&upload, offset, complete).header("content-digest", digest).body(bytes);
        async move { request.send().await }
    };
    assert_eq!(send(0, false, ABC, b"abd").await.problem(), (400, "digest-mismatch".into()));
    assert_eq!(maria.offset(&upload).await, (0, false));
    assert_eq!(send(0, false, ABC, b"abc").await.status(), 204);
    assert_eq!(send(3, true, DEF, b"deg").await.problem(), (400, "digest-mismatch".into()));
    assert_eq!(maria.offset(&upload).await, (3, false));
    // What is broken off has no digest.
    let mut open = maria.appending(&upload, 3, true).header("content-digest", DEF).header("content-length", "3").open().await;
    open.write(b"de").await;
    drop(open);
    assert_eq!(maria.offset(&upload).await, (3, false));
    // Of an algorithm that is not known here, nothing is said.
    assert_eq!(send(3, true, "md5=:AAAA:", b"def").await.status(), 201);

    let wrong = maria.creating(true).header("content-digest", DEF).body(b"abc").send().await;
    assert_eq!(wrong.problem(), (400, "digest-mismatch".into()));
    assert_eq!(names(&maria).await, ["careful.bin"]);
}

#[tokio::test]
async fn all_of_it_is_what_was_said_at_its_beginning_or_no_file() {
    let server = server().await;
    let maria = maria(&server);
    for (digest, status) in [(ALL, 201), (ABC, 400)] {
        let request = maria.creating(false).header("repr-digest", digest).header("want-repr-digest", "sha-256=1");
        let upload = samewire_tests::draft::created(&request.body(b"abc").send().await);
        let last = maria.append(&upload, 3, true, b"def").await;
        assert_eq!(last.status(), status, "{last:?}");
        match status {
            201 => assert_eq!(last.get("repr-digest"), Some(ALL)),
            _ => {
                assert_eq!(last.problem().1, "digest-mismatch");
                assert_eq!(maria.draft("HEAD", &upload).send().await.status(), 404);
            }
        }
    }
    left(&server, 1).await;
    let wanted = maria.creating(true).header("want-repr-digest", "sha-512=0, sha-256=3").body(b"abcdef").send().await;
    assert_eq!(wanted.get("repr-digest"), Some(ALL));
}
