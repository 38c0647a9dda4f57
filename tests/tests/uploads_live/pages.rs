//! What a browser asks before a page may upload, and what it lets the page see.

use crate::stage::{Ask, Person, server_with};

const PAGE: &str = "https://app.example.com";

fn names(list: Option<&str>) -> Vec<String> {
    list.unwrap_or_default().split(',').map(|name| name.trim().to_lowercase()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_an_allowed_origin_may_do_what_its_client_does() {
    let server = server_with(&[("ORIGINS", PAGE)]).await;
    // As tus-js-client's requests in Chromium are asked for.
    for (method, path, headers) in [
        ("POST", "/tus/", "authorization,tus-resumable,upload-length,upload-metadata"),
        ("POST", "/tus/", "authorization,content-type,tus-resumable,upload-concat,upload-length,x-request-id"),
        ("POST", "/tus/", "authorization,tus-resumable,upload-defer-length"),
        ("HEAD", "/tus/st_00000000000000000000000000000000", "authorization,tus-resumable"),
        ("PATCH", "/tus/st_00000000000000000000000000000000", "authorization,content-type,tus-resumable,upload-offset"),
        ("PATCH", "/tus/st_00000000000000000000000000000000", "samewire-session,upload-checksum,upload-length"),
        ("POST", "/tus/st_00000000000000000000000000000000", "x-http-method-override,x-requested-with"),
        ("DELETE", "/tus/st_00000000000000000000000000000000", "authorization,tus-resumable"),
        ("OPTIONS", "/tus/", "tus-resumable"),
    ] {
        let ask =
            Ask::new(server.addr(), "OPTIONS", path).header("Origin", PAGE).header("Access-Control-Request-Method", method);
        let answer = ask.header("Access-Control-Request-Headers", headers).send().await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(PAGE)), "{answer:?}");
        let methods = names(answer.header("access-control-allow-methods"));
        assert!(methods.contains(&method.to_lowercase()), "{method} in {methods:?}");
        let allowed = names(answer.header("access-control-allow-headers"));
        for header in names(Some(headers)) {
            assert!(allowed.contains(&header), "{header} in {allowed:?}");
        }
    }
    let maria = Person::new(&server, "maria");
    let answer = maria.tus("POST", "/tus/").header("Origin", PAGE).header("Upload-Length", "3").send().await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (201, Some(PAGE)));
    let seen = names(answer.header("access-control-expose-headers"));
    for header in ["location", "upload-offset", "upload-length", "tus-resumable", "upload-expires", "samewire-file"] {
        assert!(seen.contains(&header.to_owned()), "{header} in {seen:?}");
    }
    // A page that was refused is told why.
    let answer = maria.tus("POST", "/tus/").header("Origin", PAGE).send().await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, Some(PAGE)));
    // What there is of the protocol, asked for by a page.
    let answer = Ask::new(server.addr(), "OPTIONS", "/tus/").header("Origin", PAGE).send().await;
    assert_eq!((answer.status, answer.header("tus-version")), (204, Some("1.0.0")));
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_may_not() {
    let server = server_with(&[("ORIGINS", PAGE)]).await;
    let evil = "https://evil.example";
    let ask = Ask::new(server.addr(), "OPTIONS", "/tus/").header("Origin", evil);
    let answer = ask.header("Access-Control-Request-Method", "POST").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let maria = Person::new(&server, "maria");
    let answer = maria.tus("POST", "/tus/").header("Origin", evil).header("Upload-Length", "3").send().await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "origin-refused"));
    assert_eq!(server.health().await.streams, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_door_can_be_shut() {
    let server = server_with(&[("UPLOADS_TUS", "false")]).await;
    let answer = Person::new(&server, "maria").tus("POST", "/tus/").header("Upload-Length", "3").send().await;
    assert_eq!(answer.status, 404, "{answer:?}");
}
