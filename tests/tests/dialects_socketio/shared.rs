//! A client of Socket.IO and one of the SDK watch the same file: both hear the same, in the same order.

use samewire::{Client, JoinOptions, RoomEvent};
use samewire_tests::live::{Host, token, within};
use serde_json::{Value, json};

use crate::stage::{Client as Old, Poller, progress, read, settings, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_hear_the_same() {
    let host = Host::start(settings()).await;
    let file = store(&host, "ada").await;
    let sdk = Client::builder(host.url()).token(token("ada")).build().expect("a client");
    let room = within("the room", sdk.join(&format!("file:{file}"), JoinOptions::new())).await.expect("the owner may watch");
    let mut socket = Old::enter(&host, "ada").await;
    socket.watch(&file).await;
    let poller = Poller::enter(&host, "ada").await;
    poller.watch(&file).await;

    for n in 0..50 {
        progress(&host, &file, n).await;
    }
    let mut theirs: Vec<Value> = Vec::new();
    while theirs.len() < 50 {
        if let RoomEvent::Message(message) = within("an event", room.next()).await.expect("it goes on") {
            theirs.push(message.payload().expect("JSON"));
        }
    }
    let mut ours = Vec::new();
    for _ in 0..50 {
        ours.push(socket.hear().await.and_then(|text| read(&text)).expect("an event").1);
    }
    assert_eq!(ours, theirs);
    assert_eq!(ours[49], json!({"fileId": file, "progress": 49}));
    let mut polled = Vec::new();
    while polled.len() < 50 {
        polled.extend(poller.poll().await.text.split('\u{1e}').filter_map(read).map(|(_, says)| says));
    }
    assert_eq!(polled, theirs);
}
