//! Files as bodies of requests.

use samewire_tests::draft::Client;

use super::stage::{bytes, left, maria, names, server, server_with};

#[tokio::test]
async fn a_body_is_a_file_under_the_name_it_gives_itself() {
    let server = server().await;
    let maria = maria(&server);
    let request = maria.request("POST", "/api/files").header("content-type", "text/plain");
    let answer =
        request.header("content-disposition", "attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt").body(b"abc").send().await;
    assert_eq!(answer.status(), 201, "{answer:?}");
    let file = answer.json();
    let id = file["id"].as_str().expect("an id");
    assert_eq!((&file["name"], &file["media"]), (&"grüße.txt".into(), &"text/plain".into()));
    assert_eq!((answer.get("location"), answer.get("samewire-file")), (Some(&*format!("/api/files/{id}")), Some(id)));
    // Without a name, and without a length.
    let request = maria.request("POST", "/api/files").header("transfer-encoding", "chunked");
    let mut open = request.open().await;
    open.write(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n").await;
    let answer = open.response().await;
    assert_eq!((answer.status(), &answer.json()["size"], &answer.json()["name"]), (201, &7.into(), &"upload".into()));
    assert_eq!(names(&maria).await, ["grüße.txt", "upload"]);
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_behind() {
    let server = server().await;
    let maria = maria(&server);
    let mut open = maria.request("POST", "/api/files").header("content-length", "100000").open().await;
    open.write(&bytes(50_000)).await;
    samewire_tests::live::wait_for_blobs(server.data(), 1).await;
    drop(open);
    left(&server, 0).await;
    assert_eq!(names(&maria).await, Vec::<String>::new());
}

#[tokio::test]
async fn too_much_is_refused_so_that_the_sender_hears_it() {
    let server = server_with(&[("STREAMS_QUOTA", "1 MiB"), ("LIMITS_MAX_UPLOAD", "2 MiB")]).await;
    let maria = maria(&server);
    for (size, code) in [(3 << 20, "too-big"), ((1 << 20) + 1, "quota-exceeded")] {
        let answer = maria.request("POST", "/api/files").body(&bytes(size)).send().await;
        assert_eq!(answer.problem(), (413, code.into()));
    }
    let stranger = maria.request("POST", "/api/files").without("authorization").body(&bytes(3 << 20)).send().await;
    assert_eq!(stranger.problem(), (401, "unauthenticated".into()));
    left(&server, 0).await;
    let granted = Client::new(server.addr(), "maria").request("POST", "/api/files").body(&bytes(1 << 20)).send().await;
    assert_eq!(granted.status(), 201, "{granted:?}");
}
