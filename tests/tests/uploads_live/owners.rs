//! Whose an upload is: its owner's, and to everybody else it is not there.

use samewire_tests::live::raw::Raw;
use serde_json::json;

use crate::stage::{Ask, Person, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_upload_is_as_one_that_never_was() {
    let server = server().await;
    let (maria, mallory) = (Person::new(&server, "maria"), Person::new(&server, "mallory"));
    let upload = maria.create(10).await;
    maria.append(&upload, 0, b"01234").await;
    let finished = maria.create(3).await;
    maria.append(&finished, 0, b"abc").await;
    let never = "/tus/st_00000000000000000000000000000000";
    let words = |body: &str, path: &str| body.replace(path.rsplit('/').next().unwrap_or_default(), "ID");
    for ask in [
        |person: &Person, path: &str| person.tus("HEAD", path),
        |person: &Person, path: &str| person.tus("DELETE", path),
        |person: &Person, path: &str| person.patch(path, 5).body(b"56789"),
        |person: &Person, path: &str| person.tus("POST", "/tus/").header("Upload-Concat", &format!("final;{path}")),
    ] {
        let unknown = ask(&mallory, never).send().await;
        assert_eq!(unknown.status, 404);
        for path in [&upload, &finished] {
            let answer = ask(&mallory, path).send().await;
            assert_eq!(answer.status, 404, "{answer:?}");
            assert_eq!(words(&answer.body, path), words(&unknown.body, never));
        }
    }
    assert_eq!(maria.append(&upload, 5, b"56789").await, 10);
    assert_eq!(maria.files().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_uploads_without_saying_who_they_are() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let upload = maria.create(3).await;
    for ask in [
        maria.tus("POST", "/tus/").header("Upload-Length", "3"),
        maria.tus("HEAD", &upload),
        maria.patch(&upload, 0).body(b"abc"),
        maria.tus("DELETE", &upload),
    ] {
        let answer = ask.clone().without("Authorization").send().await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{answer:?}");
        let answer = ask.header("Authorization", "Bearer not.a.token").send().await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    assert_eq!(maria.append(&upload, 0, b"abc").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_allows_here_what_it_allows_in_calls() {
    let server = server().await;
    let maria = Person::new(&server, "maria");
    let (sender, reader) = (Person::allowed(&server, "maria", "files/upload"), Person::allowed(&server, "maria", "files/list"));
    let upload = maria.create(3).await;
    for ask in [reader.tus("POST", "/tus/").header("Upload-Length", "3"), reader.patch(&upload, 0).body(b"abc")] {
        let answer = ask.send().await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{answer:?}");
    }
    sender.append(&upload, 0, b"abc").await;
    // What it became is a file, and to remove that is another right.
    let answer = sender.tus("DELETE", &upload).send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "forbidden"), "{answer:?}");
    assert_eq!(maria.files().await.len(), 1);
    assert_eq!(Person::allowed(&server, "maria", "files/remove").tus("DELETE", &upload).send().await.status, 204);
    assert_eq!(maria.files().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_a_user_uploads_with_its_own_credential() {
    let server = server().await;
    let mut session = Raw::connect(server.addr()).await;
    let welcome = session.hello(json!({})).await;
    let ticket = welcome["ticket"].as_str().expect("a ticket");
    let ask = |method: &str, path: &str| {
        Ask::new(server.addr(), method, path).header("Tus-Resumable", "1.0.0").header("Samewire-Session", ticket)
    };
    let upload = ask("POST", "/tus/").header("Upload-Length", "3").send().await.location();
    let patch = ask("PATCH", &upload).header("Content-Type", "application/offset+octet-stream").header("Upload-Offset", "0");
    let file = patch.body(b"abc").send().await.file();
    let list = session.call(1, "files/list", json!({})).await.expect("a list");
    assert_eq!(list["files"][0]["id"], file);
    assert_eq!(Person::new(&server, "maria").tus("HEAD", &upload).send().await.status, 404);
}
