//! The core of tus 1.0.0.

use samewire_tests::live::contents;

use crate::stage::{Ask, Person, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_of_the_protocol_is_told_to_whoever_asks() {
    let server = server().await;
    for path in ["/tus", "/tus/", "/tus/st_00000000000000000000000000000000"] {
        let answer = Ask::new(server.addr(), "OPTIONS", path).send().await;
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
        assert_eq!(answer.header("tus-version"), Some("1.0.0"));
        assert_eq!(answer.header("tus-max-size"), Some((16_u64 << 30).to_string().as_str()));
        assert_eq!(answer.header("tus-checksum-algorithm"), Some("sha1,sha256"));
        let told: Vec<_> = answer.header("tus-extension").expect("extensions").split(',').collect();
        for extension in [
            "creation",
            "creation-with-upload",
            "creation-defer-length",
            "checksum",
            "checksum-trailer",
            "expiration",
            "termination",
            "concatenation",
        ] {
            assert!(told.contains(&extension), "{extension} in {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_in_pieces_becomes_a_file() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (bytes, digest) = contents(1, 300_000);
    let upload = maria.create(300_000).await;
    let answer = maria.tus("HEAD", &upload).send().await;
    assert_eq!((answer.status, answer.offset()), (200, 0));
    assert_eq!(answer.header("upload-length"), Some("300000"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
    assert_eq!(answer.header("samewire-file"), None);
    assert!(answer.header("upload-expires").is_some_and(|at| at.ends_with(" GMT")), "{answer:?}");

    assert_eq!(maria.append(&upload, 0, &bytes[..100_000]).await, 100_000);
    assert_eq!(maria.append(&upload, 100_000, b"").await, 100_000, "no bytes are a request too");
    assert_eq!(maria.offset(&upload).await, 100_000);
    let answer = maria.patch(&upload, 100_000).body(&bytes[100_000..]).send().await;
    assert_eq!((answer.status, answer.offset()), (204, 300_000));
    assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
    let file = answer.file();

    // It is a file at once, and goes on to be told of as one.
    let files = maria.files().await;
    assert_eq!(files.len(), 1);
    assert_eq!((&files[0]["id"], &files[0]["size"], &files[0]["name"]), (&file.into(), &300_000.into(), &"upload".into()));
    assert_eq!(files[0]["digest"], digest.to_string());
    let answer = maria.tus("HEAD", &upload).send().await;
    assert_eq!((answer.status, answer.offset(), answer.header("upload-length")), (200, 300_000, Some("300000")));
    assert_eq!(answer.file(), files[0]["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_is_asked_of_every_request() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(3).await;
    for (method, path) in [("POST", "/tus/"), ("HEAD", &upload), ("PATCH", &upload), ("DELETE", &upload)] {
        for ask in [maria.plain(method, path), maria.tus(method, path).header("Tus-Resumable", "0.2.2")] {
            let answer = ask.header("Upload-Length", "3").send().await;
            assert_eq!((answer.status, answer.header("tus-version")), (412, Some("1.0.0")), "{method}: {answer:?}");
            assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
        }
    }
    assert_eq!(maria.append(&upload, 0, b"abc").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_patch_is_told_and_nothing_is_taken() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(10).await;
    maria.append(&upload, 0, b"01234").await;
    let patch = || maria.patch(&upload, 5).body(b"56789");
    for (what, ask, status, code) in [
        ("another type", patch().header("Content-Type", "application/octet-stream"), 415, "unsupported-media"),
        ("no type", patch().without("Content-Type"), 415, "unsupported-media"),
        ("no offset", patch().without("Upload-Offset"), 400, "bad-request"),
        ("a negative offset", patch().header("Upload-Offset", "-5"), 400, "bad-request"),
        ("an offset beyond every number", patch().header("Upload-Offset", "99999999999999999999"), 400, "bad-request"),
        ("an offset before", patch().header("Upload-Offset", "4"), 409, "bad-offset"),
        ("an offset behind", patch().header("Upload-Offset", "6"), 409, "bad-offset"),
        ("more than was declared", maria.patch(&upload, 5).body(b"567890"), 413, "size-mismatch"),
        ("another length", patch().header("Upload-Length", "11"), 400, "size-mismatch"),
        ("an id that is none", maria.patch("/tus/st_1", 0).body(b"x"), 404, "stream-not-found"),
        (
            "an id that never was",
            maria.patch("/tus/st_00000000000000000000000000000000", 0).body(b"x"),
            404,
            "stream-not-found",
        ),
        ("another method", maria.tus("PUT", &upload).body(b"x"), 405, "bad-request"),
        ("no upload's address", maria.tus("PATCH", "/tus/").body(b"x"), 405, "bad-request"),
    ] {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}");
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"), "{what}");
        assert_eq!(answer.header("allow").is_some(), status == 405, "{what}");
        assert_eq!(maria.offset(&upload).await, 5, "{what}");
    }
    assert_eq!(maria.append(&upload, 5, b"56789").await, 10);
    for (what, ask, status, code) in [
        ("a finished upload", maria.patch(&upload, 10).body(b"x"), 413, "size-mismatch"),
        ("the end once more", patch(), 409, "bad-offset"),
    ] {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}");
    }
    // The answer to the last request may have been lost: asked for nothing more, it is the same again.
    let answer = maria.patch(&upload, 10).body(b"").send().await;
    assert_eq!((answer.status, answer.offset(), answer.file()), (204, 10, maria.tus("HEAD", &upload).send().await.file()));
    assert_eq!(maria.files().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_was_declared_is_found_out_on_the_way_too() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(10).await;
    let mut open = maria.patch(&upload, 0).header("Transfer-Encoding", "chunked").begin().await;
    open.write(b"5\r\n01234\r\n").await;
    open.write(b"6\r\n567890\r\n0\r\n\r\n").await;
    let answer = open.answer().await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "size-mismatch"));
    // What came before was in order; how much of it is one piece is the network's affair.
    let offset = maria.offset(&upload).await;
    assert!(offset <= 5, "{offset}");
    let rest = &b"0123456789"[usize::try_from(offset).unwrap()..];
    assert_eq!(maria.append(&upload, offset, rest).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_can_be_said_in_a_header() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(3).await;
    let over = |method: &str| maria.tus("POST", &upload).header("X-HTTP-Method-Override", method);
    let patch = over("PATCH").header("Content-Type", "application/offset+octet-stream").header("Upload-Offset", "0");
    assert_eq!(patch.body(b"abc").send().await.status, 204);
    assert_eq!(maria.files().await.len(), 1);
    assert_eq!(over("DELETE").send().await.status, 204);
    assert_eq!(maria.files().await.len(), 0);
}
