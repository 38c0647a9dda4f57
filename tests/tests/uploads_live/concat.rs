//! The extension concatenation.

use samewire_tests::live::{contents, wait_for_blobs};

use crate::stage::{Person, server, server_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_parts_become_one_file() {
    let server = server_with(&[("STREAMS_QUOTA", "1000000")]).await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(1, 600_000);
    let mut parts = Vec::new();
    for piece in bytes.chunks(200_000) {
        let part = maria.create_partial(200_000).await;
        assert_eq!(maria.append(&part, 0, piece).await, 200_000);
        let head = maria.tus("HEAD", &part).send().await;
        assert_eq!((head.header("upload-concat"), head.header("samewire-file")), (Some("partial"), None));
        parts.push(part);
    }
    assert!(maria.files().await.is_empty(), "a part is no file");
    // Some clients give paths, some whole addresses.
    let concat = format!("final;{} {}{} {}", parts[0], server.url(), parts[1], parts[2]);
    let join = || maria.tus("POST", "/tus/").header("Upload-Concat", &concat).header("Upload-Metadata", "filename am9pbmVk");
    let answer = join().send().await;
    assert_eq!((answer.status, answer.offset()), (201, 600_000), "{answer:?}");
    let upload = answer.location();
    let files = maria.files().await;
    assert_eq!((files.len(), &files[0]["id"], &files[0]["name"]), (1, &answer.file().into(), &"joined".into()));
    assert_eq!((&files[0]["size"], &files[0]["digest"]), (&600_000.into(), &digest.to_string().into()));

    let head = maria.tus("HEAD", &upload).send().await;
    assert_eq!((head.status, head.offset(), head.header("upload-length")), (200, 600_000, Some("600000")));
    assert_eq!((head.header("upload-concat"), head.file()), (Some(concat.as_str()), answer.file()));
    let patched = maria.patch(&upload, 600_000).body(b"x").send().await;
    assert_eq!((patched.status, patched.problem().as_str()), (403, "forbidden"));
    // The answer may have been lost: asked for again, it is the same.
    let again = join().send().await;
    assert_eq!((again.status, again.location(), again.file()), (201, upload, answer.file()));
    // The parts are given up, and count no longer.
    for part in parts {
        assert_eq!(maria.tus("HEAD", &part).send().await.status, 404);
    }
    assert_eq!(maria.files().await.len(), 1);
    wait_for_blobs(server.data(), 1).await;
    maria.has_left(400_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_cannot_be_are_refused_and_stay_what_they_are() {
    let server = server().await;
    let (maria, mallory) = (Person::new(&server, "maria"), Person::new(&server, "mallory"));
    let whole = maria.create_partial(3).await;
    maria.append(&whole, 0, b"abc").await;
    let unfinished = maria.create_partial(3).await;
    maria.append(&unfinished, 0, b"ab").await;
    let foreign = mallory.create_partial(3).await;
    mallory.append(&foreign, 0, b"xyz").await;
    let no_part = maria.create(3).await;
    let never = "/tus/st_00000000000000000000000000000000";
    for (what, parts, status, code) in [
        ("unfinished", format!("{whole} {unfinished}"), 400, "conflict"),
        ("somebody else's", format!("{whole} {foreign}"), 404, "stream-not-found"),
        ("one that never was", format!("{whole} {never}"), 404, "stream-not-found"),
        ("no part", format!("{whole} {no_part}"), 400, "bad-request"),
        ("no address", format!("{whole} /tus/x"), 400, "bad-request"),
    ] {
        let answer = maria.tus("POST", "/tus/").header("Upload-Concat", &format!("final;{parts}")).send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}");
    }
    let ask = maria.tus("POST", "/tus/").header("Upload-Concat", &format!("final;{whole}")).header("Upload-Length", "3");
    assert_eq!(ask.send().await.status, 400, "its length is that of the parts");
    assert_eq!((maria.offset(&whole).await, maria.offset(&unfinished).await, mallory.offset(&foreign).await), (3, 2, 3));
    assert!(maria.files().await.is_empty() && mallory.files().await.is_empty());
    // Once it is whole it is a part like any other, in the order in which they are named.
    maria.append(&unfinished, 2, b"c").await;
    let answer = maria.tus("POST", "/tus/").header("Upload-Concat", &format!("final;{unfinished} {whole}")).send().await;
    assert_eq!((answer.status, answer.offset()), (201, 6));
}
