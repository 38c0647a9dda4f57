//! What the library reads of what is cut.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as Read, WebSocket};

use super::*;

/// A frame of a client.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 0, 255, 90];
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(MASKED | u8::try_from(length).expect("a byte")),
        length @ 126..65536 => {
            bytes.push(MASKED | 126);
            bytes.extend(u16::try_from(length).expect("two bytes").to_be_bytes());
        }
        length => {
            bytes.push(MASKED | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    bytes
}

/// What comes out when bytes come in pieces of one size, and go out in pieces of another.
fn cut(bytes: &[u8], come: usize, go: usize) -> Vec<u8> {
    let (mut pieces, mut all) = (Pieces::default(), Vec::new());
    for mut part in bytes.chunks(come) {
        loop {
            let mut room = vec![0; go];
            let mut out = ReadBuf::new(&mut room);
            let taken = pieces.cut(part, &mut out);
            part = &part[taken..];
            all.extend(out.filled());
            if part.is_empty() && out.filled().is_empty() {
                break;
            }
            assert!(taken > 0 || !out.filled().is_empty(), "it stands still");
        }
    }
    all
}

/// What the library reads of it, up to the end or to what it refuses, and in which words.
fn read(bytes: Vec<u8>) -> (Vec<Read>, Option<String>) {
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let mut socket = WebSocket::from_raw_socket(Cursor::new(bytes), Role::Server, Some(config));
    let mut read = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => read.push(message),
            Err(error) => {
                let told = error.to_string();
                return (read, Some(told).filter(|told| !told.contains("without closing handshake")));
            }
        }
    }
}

const COME: [usize; 4] = [1, 5, 1000, usize::MAX];
const GO: [usize; 3] = [1, 7, 4096];

#[test]
fn a_message_of_any_size_comes_in_pieces_with_its_label() {
    let bytes: Vec<u8> = (0..200_000u32).map(|at| (at % 251) as u8).collect();
    let whole = [b"lab1".as_slice(), &bytes].concat();
    for come in COME {
        for go in GO {
            let (read, refusal) = read(cut(&frame(FIN | BINARY, &whole), come, go));
            assert_eq!(refusal, None, "{come} {go}");
            let mut again: Vec<u8> = Vec::new();
            for message in read {
                let Read::Binary(piece) = message else { panic!("{message:?}") };
                assert!(piece.len() <= LARGEST && piece.starts_with(b"lab1"));
                again.extend(&piece[LABEL..]);
            }
            assert!(again == bytes, "{come} {go}");
        }
    }
}

#[test]
fn messages_of_several_frames_with_pings_between_them() {
    let parts = [
        frame(BINARY, b"la"),
        frame(CONTINUATION, b""),
        frame(FIN | 9, b"there?"),
        frame(CONTINUATION, b"b1by"),
        frame(FIN | CONTINUATION, b"tes"),
        frame(FIN | 1, b"text"),
        frame(1, b"te"),
        frame(FIN | CONTINUATION, b"xt"),
        frame(FIN | BINARY, b"lab2"),
        frame(FIN | BINARY, b"x"),
        frame(FIN | BINARY, b""),
    ];
    for come in COME {
        for go in GO {
            let (told, refusal) = read(cut(&parts.concat(), come, go));
            assert_eq!(refusal, None);
            let of = |first: &str| {
                let pieces = told.iter().filter_map(|message| match message {
                    Read::Binary(piece) => piece.strip_prefix(first.as_bytes()),
                    _ => None,
                });
                pieces.flatten().copied().collect::<Vec<_>>()
            };
            assert_eq!(of("lab1"), b"bytes", "{come} {go}");
            let others: Vec<_> = told.iter().filter(|message| !message.to_string().starts_with("lab1")).cloned().collect();
            let [ping, text, again, rest @ ..] = &*others else { panic!("{told:?}") };
            assert_eq!((ping, text, again), (&Read::Ping("there?".into()), &Read::text("text"), &Read::text("text")));
            assert_eq!(rest, ["lab2", "x", ""].map(|bytes| Read::Binary(bytes.into())));
        }
    }
}

/// It was told "Continue frame but nothing to continue", whatever it was.
#[test]
fn what_is_wrong_is_refused_in_the_words_of_the_library() {
    let unmasked = |first: u8| vec![first, 4, b'l', b'a', b'b', b'l'];
    let endless = |first: u8| [vec![first, MASKED | 127], vec![255; 8], vec![0; 4]].concat();
    let begun = |next: Vec<u8>| [frame(BINARY, b"lab1"), next].concat();
    for (wrong, words) in [
        (unmasked(FIN | BINARY), "unmasked"),
        (endless(FIN | BINARY), "too long"),
        (frame(FIN | CONTINUATION, b"nothing before"), "nothing to continue"),
        (frame(FIN | 0x40 | BINARY, b"lab1"), "Reserved bits"),
        (frame(FIN | 3, b"lab1"), "opcode: 3"),
        (begun(frame(FIN | 1, b"text")), "waiting for more fragments"),
        (begun(frame(1, b"text")), "waiting for more fragments"),
        (begun(frame(FIN | BINARY, b"lab2")), "waiting for more fragments"),
        (begun(unmasked(FIN | CONTINUATION)), "unmasked"),
        (begun(frame(0x20 | CONTINUATION, b"more")), "Reserved bits"),
        (begun(endless(FIN | CONTINUATION)), "too long"),
        (begun(frame(FIN | 8 | 3, b"")), "opcode: 11"),
    ] {
        let (_, plainly) = read(wrong.clone());
        assert!(plainly.as_ref().is_some_and(|told| told.contains(words)), "{wrong:?}: {plainly:?}");
        for come in COME {
            let (_, told) = read(cut(&wrong, come, 7));
            assert_eq!(told, plainly, "{wrong:?}");
        }
    }
}

/// Gives the bytes to pieces with a limit, and says what is too much of them and how many went before it.
fn excess(pieces: &mut Pieces, bytes: &[u8]) -> (Option<u64>, usize) {
    let mut room = vec![0; 1 << 20];
    let mut out = ReadBuf::new(&mut room);
    let taken = pieces.cut(bytes, &mut out);
    assert!(pieces.excess.is_some() || taken == bytes.len());
    (pieces.excess().map(|excess| excess.size), taken)
}

#[test]
fn what_is_not_cut_has_a_limit_that_changes() {
    let fits = [
        frame(FIN | 1, &[b'x'; 100]),
        frame(1, &[b'x'; 60]),
        frame(FIN | 9, b"there?"),
        frame(FIN | CONTINUATION, &[b'x'; 40]),
        frame(FIN | BINARY, &[b'x'; 100_000]),
        frame(BINARY, b"lab1"),
        frame(FIN | CONTINUATION, &[b'x'; 100_000]),
        frame(FIN | 1, &[b'x'; 100]),
    ];
    let mut pieces = Pieces::default();
    pieces.limit(Some(100));
    for (at, frame) in fits.iter().enumerate() {
        assert_eq!(excess(&mut pieces, frame).0, None, "{at}");
    }
    for (wrong, size, before) in [
        (frame(FIN | 1, &[b'x'; 101]), 101, 0),
        ([frame(1, &[b'x'; 60]), frame(CONTINUATION, &[b'x'; 41])].concat(), 101, 66),
        ([frame(BINARY, b"lab1"), frame(FIN | 1, &[b'x'; 101])].concat(), 101, 10),
        // The library would hold it to say that it begins nowhere, or that it is no control frame.
        (frame(CONTINUATION, &[b'x'; 101]), 101, 0),
        (frame(FIN | 9, &[b'x'; 101]), 101, 0),
    ] {
        let mut pieces = Pieces::default();
        pieces.limit(Some(100));
        let (too_much, taken) = excess(&mut pieces, &wrong);
        // Its header is known, and nothing of it went out.
        assert_eq!((too_much, taken), (Some(size), before + 6), "{wrong:?}");
        assert_eq!(excess(&mut pieces, &wrong[taken..]), (Some(size), 0));
        pieces.limit(None);
        assert_eq!(excess(&mut pieces, &wrong[taken..]), (None, wrong.len() - taken), "it goes on where it stood");
    }
}
