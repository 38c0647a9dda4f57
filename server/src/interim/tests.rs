use std::convert::Infallible;

use axum::http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A pipe that takes everything at once.
const WIDE: usize = 1 << 20;

/// What a request asks the server of the test to do.
#[derive(Clone, Copy, Debug)]
struct Ask {
    /// Interim responses that it waits for, and one that it does not wait for.
    announced: usize,
    hasty: bool,
    /// Bytes of the request's and of the response's body.
    sent: usize,
    size: usize,
    /// Whether it is one of HTTP/1.0, which knows no interim responses.
    old: bool,
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let ask = (0usize..4, any::<bool>(), 0usize..600, 0usize..5_000, any::<bool>())
        .prop_map(|(announced, hasty, sent, size, old)| Ask { announced, hasty, sent, size, old });
    prop::collection::vec(ask, 1..8)
}

fn number(of: usize, count: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("which", HeaderValue::from_str(&format!("{of}/{count}")).expect("a value"));
    headers
}

async fn answer(request: Request<Incoming>, asks: Arc<[Ask]>) -> Result<Response<Full<Bytes>>, Infallible> {
    let number_of: usize = request.uri().path().trim_start_matches('/').parse().expect("a number");
    let ask = asks[number_of];
    let announcer = Announcer::of(request.extensions(), request.version());
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(body.len(), ask.sent);
    if let Some(announcer) = announcer {
        for count in 0..ask.announced {
            announcer.announce(StatusCode::PROCESSING, "Processing", &number(number_of, count));
            tokio::task::yield_now().await;
        }
        if ask.hasty {
            announcer.update(StatusCode::EARLY_HINTS, "never seen", &number(number_of, 99));
        }
    }
    Ok(Response::new(Full::new(vec![b'x'; ask.size].into())))
}

/// Sends all requests at once over a pipe of this width, and gives back everything that came.
async fn talk(asks: Arc<[Ask]>, width: usize) -> String {
    let (mut client, server) = tokio::io::duplex(width);
    let io = InterimIo::new(server);
    let connection = Connection(io.waiting.clone());
    let all = asks.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(connection.clone()));
        answer(request, all.clone())
    });
    let server = tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(io), service));
    let mut requests = Vec::new();
    for (number, ask) in asks.iter().enumerate() {
        let last = if number + 1 == asks.len() { "connection: close\r\n" } else { "connection: keep-alive\r\n" };
        let version = if ask.old { 0 } else { 1 };
        let head = format!("POST /{number} HTTP/1.{version}\r\ncontent-length: {}\r\n{last}\r\n", ask.sent);
        requests.extend(head.into_bytes());
        requests.extend(std::iter::repeat_n(b'y', ask.sent));
    }
    let (mut read, mut write) = tokio::io::split(&mut client);
    let mut came = Vec::new();
    let talk = async { tokio::join!(write.write_all(&requests), read.read_to_end(&mut came)) };
    let talk = tokio::time::timeout(std::time::Duration::from_secs(60), talk).await;
    talk.unwrap_or_else(|_| panic!("it goes on for ever: {}", String::from_utf8_lossy(&came))).1.expect("to the end");
    server.abort();
    String::from_utf8(came).expect("text")
}

/// Takes one message's head off the front.
fn take_head<'a>(rest: &mut &'a str) -> (u16, &'a str) {
    let (head, after) = rest.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {rest:?}"));
    *rest = after;
    let status = head.strip_prefix("HTTP/1.").and_then(|line| line.get(2..5)).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("not a status line: {head:?}")), head)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nothing_is_torn_apart_and_each_is_told_of_its_own_request(asks in asks(), width in prop_oneof![1usize..400, Just(WIDE)]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let asks: Arc<[Ask]> = asks.into();
        let came = runtime.block_on(talk(asks.clone(), width));
        let mut rest = &came[..];
        for (number, ask) in asks.iter().enumerate() {
            let mut seen = 0;
            loop {
                let (status, head) = take_head(&mut rest);
                if status == 200 {
                    break;
                }
                let told = format!("HTTP/1.1 102 Processing\r\nwhich: {number}/{seen}");
                prop_assert_eq!((status, head), (102, &told[..]));
                seen += 1;
            }
            let announced = if ask.old { 0 } else { ask.announced };
            // What a narrow pipe has not taken when the response comes is not sent any more.
            prop_assert!(seen == announced || (seen < announced && width < WIDE), "{} of {:?}", seen, ask);
            prop_assert!(rest.len() >= ask.size && rest.as_bytes()[..ask.size].iter().all(|byte| *byte == b'x'));
            rest = &rest[ask.size..];
        }
        prop_assert_eq!(rest, "");
    }
}

#[tokio::test]
async fn what_the_socket_has_no_room_for_is_replaced_by_what_is_newer() {
    let (mut client, server) = tokio::io::duplex(20);
    let mut io = InterimIo::new(server);
    let announcer = Announcer(io.waiting.clone());
    let update = |count| announcer.update(StatusCode::PROCESSING, "Processing", &number(0, count));
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut flush = |io: &mut InterimIo<_>| Pin::new(io).poll_flush(&mut context);
    update(1);
    assert!(flush(&mut io).is_pending(), "half of the first is on its way");
    for count in 2..9 {
        update(count);
        assert!(flush(&mut io).is_pending());
    }
    let mut came = String::new();
    let mut piece = [0; 16];
    while flush(&mut io).is_pending() {
        let count = client.read(&mut piece).await.expect("bytes");
        came.push_str(std::str::from_utf8(&piece[..count]).expect("text"));
    }
    drop((announcer, io));
    client.read_to_string(&mut came).await.expect("the rest");
    let whole = |count| format!("HTTP/1.1 102 Processing\r\nwhich: 0/{count}\r\n\r\n");
    assert_eq!(came, whole(1) + &whole(8));
}

#[tokio::test]
async fn what_was_not_sent_in_time_is_taken_back_and_what_was_begun_is_finished() {
    let (mut client, server) = tokio::io::duplex(10);
    let mut io = InterimIo::new(server);
    let announcer = Announcer(io.waiting.clone());
    announcer.announce(StatusCode::PROCESSING, "Processing", &number(0, 1));
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut io).poll_flush(&mut context).is_pending());
    announcer.announce(StatusCode::PROCESSING, "Processing", &number(0, 2));
    drop(announcer);
    let response = b"HTTP/1.1 200 OK\r\n\r\n";
    let mut came = String::new();
    let write = async {
        io.write_all(response).await.expect("room");
        io.flush().await.expect("room");
        drop(io);
    };
    let (_, read) = tokio::join!(write, client.read_to_string(&mut came));
    read.expect("to the end");
    assert_eq!(came, "HTTP/1.1 102 Processing\r\nwhich: 0/1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
}
