//! Who says too much: too large, too often, or without listening.

use std::time::Duration;

use samewire_tests::live::Host;
use samewire_tests::live::raw::frame;

use crate::client::{ALL, Client, Format, config, figure, host};

/// More than any format takes in one frame.
const LARGE: usize = 24 * 1024 * 1024;

/// A client of each format.
async fn one_of_each(host: &Host, user: &str) -> Vec<Client> {
    let mut clients = Vec::new();
    for format in ALL {
        clients.push(Client::enter(host, format, user).await);
    }
    clients
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_ends_its_own_connection() {
    let host = host(config()).await;
    let mut others = one_of_each(&host, "bob").await;
    let large = frame(0x81, &vec![b' '; LARGE]);
    for mut client in one_of_each(&host, "ada").await {
        // Its head says how large it is, so the rest need not come.
        client.raw.write(&large[..64 * 1024]).await;
        let code = client.end().await;
        assert!(code == 1009 || (client.format == Format::SocketIo && code != 1000), "{:?}: {code}", client.format);
    }
    for client in &mut others {
        client.is_served().await;
    }
}

/// Somebody asks and asks and reads no answer. It is not listened to for so long, nothing of it is lost, and the others of its format
/// are served meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_not_listened_to() {
    /// Much more than sockets hold.
    const MOST: usize = 48 * 1024 * 1024;
    let host = host(config()).await;
    for format in ALL {
        // The longer the answers, the sooner there is no room for them.
        let (question, answer) = match (format, format.question()) {
            (_, None) => continue,
            (Format::Metacom, Some((question, answer))) => {
                (question.replace("\"b\"", &format!("{:?}", "b".repeat(16_000))), answer)
            }
            (Format::SocketIo, Some((question, answer))) => (question.to_owned(), answer),
            (_, Some(_)) => (format!(r#"{{"type":"{}"{}}}"#, "x".repeat(60), " ".repeat(400)), r#""error""#),
        };
        let frame = frame(0x81, question.as_bytes());
        let mut client = Client::enter(&host, format, "ada").await;
        let mut other = Client::enter(&host, format, "bob").await;
        let flood = frame.repeat(64 * 1024 / frame.len() + 1);
        let (mut sent, mut at) = (0, 0);
        while sent < MOST {
            let written = client.raw.write_blindly(&flood[at..]);
            (sent, at) = (sent + written, (at + written) % flood.len());
            if written == 0 && tokio::time::timeout(Duration::from_millis(500), client.raw.writable()).await.is_err() {
                break;
            }
        }
        assert!(sent < MOST, "{format:?}: it took {sent} bytes from somebody who reads nothing");
        other.is_served().await;
        // The rest of the frame that is on its way.
        let rest = (frame.len() - sent % frame.len()) % frame.len();
        client.raw.write(&frame[frame.len() - rest..]).await;
        for _ in 0..sent.div_ceil(frame.len()) {
            client.expect(answer).await;
        }
        client.is_served().await;
        drop((client, other));
        samewire_tests::live::until("both are gone", || async { figure(&host, "dialect_connections", format).await == 0 })
            .await;
    }
}

/// A member of a room may say so much in a second, whatever it speaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_limit_who_says_too_much_in_every_format_that_speaks_in_rooms() {
    let host = host(config()).await;
    let mut metacom = Client::enter(&host, Format::Metacom, "ada").await;
    metacom.say(r#"{"type":"call","id":1,"method":"rooms/join","args":{"room":"portal:1"}}"#).await;
    metacom.expect(r#""callback""#).await;
    let publish = r#"{"type":"call","id":2,"method":"rooms/publish","args":{"room":"portal:1","name":"portal-view-update","payload":{}}}"#;
    let mut portal = Client::enter(&host, Format::PortalViews, "ada").await;
    for (client, said) in [(&mut metacom, publish), (&mut portal, r#"{"type":"typing"}"#)] {
        client.raw.write(&frame(0x81, said.as_bytes()).repeat(2_000)).await;
        client.expect("rate-limited").await;
    }
    // It is their own limit.
    let mut other = Client::enter(&host, Format::PortalViews, "ada").await;
    other.say(r#"{"type":"portal-view-update","payload":{"showHealth":true}}"#).await;
    other.is_served().await;
}
