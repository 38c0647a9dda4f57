//! Bytes in place of JSON: as they are, in events, casts, signals and history.

use bytes::Bytes;
use samewire::rooms::{CastOptions, Page, PayloadError, PublishOptions, To};
use samewire_tests::live::contents;

use crate::place::{Heard, client, host, join, open};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_arrive_as_they_were_sent() {
    let host = host(open()).await;
    let ada = join(&client(&host.url(), None), "bytes").await.expect("a room");
    let bob = join(&client(&host.url(), None), "bytes").await.expect("a room");
    let sizes = [0, 1, 125, 126, 60_000];
    let pieces: Vec<Bytes> = sizes.iter().map(|size| contents(*size as u64, *size).0).collect();
    for piece in &pieces {
        let options = PublishOptions { attachment: Some(piece.clone()), ..PublishOptions::default() };
        ada.publish_with("piece", &(), options).await.expect("published");
    }
    ada.publish("words", &"and JSON").await.expect("published");
    let cast = CastOptions { attachment: Some(pieces[4].clone()), key: Some("k".to_owned()) };
    assert!(ada.cast_with("cast", &(), cast).expect("small enough"));
    let sent = ada.send_bytes(To::Member(bob.member().expect("a member")), "signal", pieces[3].clone()).await.expect("sent");
    assert_eq!((sent.delivered, sent.held), (1, 0));

    let mut heard = Heard::default();
    heard.until(&bob, "all of it", |heard| heard.messages.len() == 7 && heard.signals.len() == 1).await;
    for (message, piece) in heard.messages.iter().zip(&pieces) {
        assert_eq!((message.bytes(), message.json().is_some()), (Some(piece), false));
        assert!(matches!(message.payload::<String>(), Err(PayloadError::Bytes)));
    }
    assert_eq!(heard.messages[5].payload::<String>().ok().as_deref(), Some("and JSON"));
    assert!(matches!(heard.messages[5].payload::<u64>(), Err(PayloadError::Form(_))) && heard.messages[5].bytes().is_none());
    assert_eq!((heard.messages[6].bytes(), heard.messages[6].key.as_deref()), (Some(&pieces[4]), Some("k")));
    assert_eq!((heard.messages[6].offset, heard.signals[0].bytes()), (None, Some(&pieces[3])));

    let page = bob.history(Page::default()).await.expect("a page");
    assert_eq!(page.messages.len(), 6);
    for (message, piece) in page.messages.iter().zip(&pieces) {
        assert_eq!(message.bytes(), Some(piece));
    }
    assert_eq!(page.messages[5].payload::<String>().ok().as_deref(), Some("and JSON"));
}
