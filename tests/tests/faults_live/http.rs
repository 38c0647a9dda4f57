//! Bad requests over HTTP: each is answered with a problem document, and nothing runs.

use samewire_tests::live::{http, token};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ward::{Ward, limits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_cannot_be_answered_is_told_why() {
    let mut ward = Ward::new().await;
    let url = ward.host.url();
    let mallory = token("mallory");
    let post = |path: &str, body: Vec<u8>| {
        let request = http::requests().post(format!("{url}{path}")).header("authorization", format!("Bearer {mallory}"));
        request.body(body)
    };
    let most = usize::try_from(limits().limits.max_text).expect("a small limit");
    let cases = [
        ("no JSON", "/rpc/system/echo", b"{".to_vec(), 400, "bad-params"),
        ("JSON and more", "/rpc/system/echo", b"1 2".to_vec(), 400, "bad-params"),
        ("not UTF-8", "/rpc/system/echo", b"\"\xff\"".to_vec(), 400, "bad-params"),
        ("params of another form", "/rpc/files/remove", b"{\"id\":7}".to_vec(), 400, "bad-params"),
        ("an id of another kind", "/rpc/files/remove", b"{\"id\":\"fi_0\"}".to_vec(), 400, "bad-params"),
        ("params that are too big", "/rpc/system/echo", vec![b' '; most + 1], 413, "too-big"),
        ("megabytes of them", "/rpc/system/echo", vec![b'7'; 16 << 20], 413, "too-big"),
        ("an unknown method", "/rpc/no/such", b"1".to_vec(), 404, "method-not-found"),
        ("no method's name", "/rpc/a//b", b"1".to_vec(), 404, "method-not-found"),
        ("a name with a space", "/rpc/a%20b", b"1".to_vec(), 404, "method-not-found"),
        (
            "a name that is too long",
            "/rpc/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            b"1".to_vec(),
            404,
            "method-not-found",
        ),
        (
            "a session's method",
            "/rpc/files/open",
            br#"{"id":"fi_00000000000000000000000000000000"}"#.to_vec(),
            421,
            "misdirected",
        ),
        ("a stream", "/rpc/files/upload", br#"{"stream":"st_00000000000000000000000000000000"}"#.to_vec(), 421, "misdirected"),
        (
            "a stream, deep down and in other words",
            "/rpc/system/echo",
            br#"[[{"a":{"b":["\u0073t_00000000000000000000000000000000"]}}]]"#.to_vec(),
            421,
            "misdirected",
        ),
    ];
    for (what, path, body, status, code) in cases {
        let answer = http::send(post(path, body)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{what}");
        assert_eq!(answer.json()["ran"], "no", "{what}");
        ward.goes_on(what).await;
    }
    for timeout in ["soon", "-1", "1.5", ""] {
        let answer = http::send(post("/rpc/system/echo", b"1".to_vec()).header("samewire-timeout", timeout)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{timeout:?}");
    }
    // Depth costs nobody a stack, neither in looking for streams nor in reading params.
    let deep = format!("{}{}", "[".repeat(most / 2), "]".repeat(most / 2));
    let answer = http::send(post("/rpc/system/echo", deep.clone().into())).await;
    assert!(answer.status == 200 && answer.text == deep || answer.problem() == "bad-params", "{}", answer.status);
    let answer = http::send(post("/rpc/files/remove", deep.into())).await;
    assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-params"));
    ward.goes_on("depth").await;
    ward.nothing_is_left().await;
}

/// What is asked for in the wrong way, or is not there at all, is told in the same form as everything else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_way_of_asking_is_told_too() {
    let mut ward = Ward::new().await;
    let url = ward.host.url();
    let requests = http::requests();
    for (request, status) in [
        (requests.get(format!("{url}/rpc/system/echo")), 405),
        (requests.put(format!("{url}/rpc/system/echo")).body("1"), 405),
        (requests.delete(format!("{url}/rpc/system/echo")), 405),
        (requests.post(format!("{url}/healthz")), 405),
        (requests.get(format!("{url}/no/such/page")), 404),
        (requests.post(format!("{url}/rpc")).body("1"), 404),
        (requests.post(format!("{url}/rpc/%ff")).body("1"), 404),
    ] {
        let answer = http::send(request).await;
        assert_eq!((answer.status, !answer.problem().is_empty()), (status, true), "{answer:?}");
    }
    // No development server mints tokens.
    let answer = http::send(requests.post(format!("{url}/dev/token")).body(r#"{"name":"admin"}"#)).await;
    assert_eq!(answer.status, 404, "{answer:?}");
    ward.goes_on("wrong ways").await;
    ward.nothing_is_left().await;
}

/// Requests that are torn, endless or no HTTP at all hurt nobody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_ends_its_own_connection() {
    let mut ward = Ward::new().await;
    let head = "POST /rpc/system/echo HTTP/1.1\r\nHost: x\r\n";
    let endless =
        format!("GET / HTTP/1.1\r\n{}", "X-Pad: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(20_000));
    for bytes in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}",
        "GET\r\n\r\n",
        &format!("{head}Content-Length: -1\r\n\r\n1"),
        &format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n1"),
        &format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        &format!("{head}Content-Length: 1000\r\n\r\nnot all of it"),
        &endless,
    ] {
        let mut socket = TcpStream::connect(ward.host.addr()).await.expect("a connection");
        // The server may have had enough before all of it is out.
        let _ = socket.write_all(bytes.as_bytes()).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let _ = samewire_tests::live::within("the connection's end", socket.read_to_end(&mut answer)).await;
        assert!(!String::from_utf8_lossy(&answer).contains(" 200 "), "{bytes:.60}");
        ward.goes_on("no request").await;
    }
    let health = ward.host.health().await;
    assert_eq!(health.status, "ok");
    assert_eq!(json!(health.sessions), 1);
    ward.nothing_is_left().await;
}
