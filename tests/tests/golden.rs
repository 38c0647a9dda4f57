//! The frames of `tests/golden`, which authors of other clients work from, against the real machines; and the tables of
//! `docs/protocol.md` against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use samewire_protocol::accept::{self, Greeting};
use samewire_protocol::rooms::{Entry, PresenceNews, RoomEvent, RoomFrame, RoomName, Signal};
use samewire_protocol::session;
use samewire_protocol::wire::chunk::{self, Chunk};
use samewire_protocol::wire::{
    Advice, ClientFrame, Continuity, FrameError, Heartbeat, RoomText, RoomWord, ServerFrame, StreamFrame, Text, Welcome,
    decode_client, decode_server,
};
use samewire_protocol::{Code, Instant, Limits, Link, SessionId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Client,
    Server,
    Both,
}

impl Direction {
    fn of_client(self) -> bool {
        self != Self::Server
    }

    fn of_server(self) -> bool {
        self != Self::Client
    }
}

#[derive(Debug, Deserialize)]
struct Sample {
    name: String,
    direction: Direction,
    text: Option<String>,
    hex: Option<String>,
    meaning: String,
}

#[derive(Debug, Deserialize)]
struct Tolerated {
    name: String,
    direction: Direction,
    text: String,
    same: String,
    meaning: String,
}

#[derive(Debug, Deserialize)]
struct Refused {
    name: String,
    direction: Direction,
    #[serde(default)]
    first: bool,
    #[serde(default)]
    before: Vec<Given>,
    text: Option<String>,
    hex: Option<String>,
    answer: String,
    code: String,
    meaning: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Given {
    Text(String),
    Binary { hex: String },
}

/// One frame of a socket.
#[derive(Debug)]
enum Frame {
    Text(String),
    Binary(Bytes),
}

impl Frame {
    fn of(text: Option<&String>, hex: Option<&String>) -> Self {
        match (text, hex) {
            (Some(text), None) => Self::Text(text.clone()),
            (None, Some(hex)) => Self::Binary(bytes(hex)),
            _ => panic!("a sample has either a text or hexadecimal digits"),
        }
    }
}

impl From<&Given> for Frame {
    fn from(given: &Given) -> Self {
        match given {
            Given::Text(text) => Self::Text(text.clone()),
            Given::Binary { hex } => Self::Binary(bytes(hex)),
        }
    }
}

fn bytes(hex: &str) -> Bytes {
    assert!(hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits")).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let text = fs::read_to_string(root().join("tests/golden").join(file)).expect("the samples are there");
    serde_json::from_str(&text).expect("the samples are of their form")
}

/// The `type` of a client's frame. A new variant does not compile before somebody has thought of a sample.
fn client_type(frame: &ClientFrame<'_>) -> &'static str {
    match frame {
        ClientFrame::Hello(_) => "hello",
        ClientFrame::Call(_) => "call",
        ClientFrame::Cancel { .. } => "cancel",
        ClientFrame::Ack { .. } => "ack",
        ClientFrame::Open(_) => "open",
        ClientFrame::Attach(_) => "attach",
        ClientFrame::Stream(frame) => stream_type(frame),
        ClientFrame::Join(_) => "join",
        ClientFrame::Leave { .. } => "leave",
        ClientFrame::Cast(_) => "cast",
        ClientFrame::Token { .. } => "token",
        ClientFrame::Ping { .. } => "ping",
        ClientFrame::Pong { .. } => "pong",
        ClientFrame::Unknown(_) => "?",
    }
}

const CLIENT_TYPES: [&str; 17] = [
    "hello", "call", "cancel", "ack", "open", "attach", "credit", "end", "finished", "abort", "join", "leave", "cast", "token",
    "ping", "pong", "?",
];

/// The same for a server's.
fn server_type(frame: &ServerFrame<'_>) -> &'static str {
    match frame {
        ServerFrame::Welcome(_) => "welcome",
        ServerFrame::Goodbye(_) => "goodbye",
        ServerFrame::Result { .. } => "result",
        ServerFrame::Part { .. } => "part",
        ServerFrame::Failure { .. } => "failure",
        ServerFrame::Opened { .. } => "opened",
        ServerFrame::Open(_) => "open",
        ServerFrame::Stream(frame) => stream_type(frame),
        ServerFrame::Room(room) => match room.word {
            RoomWord::Joined { .. } => "joined",
            RoomWord::Left { .. } => "left",
            RoomWord::Event { .. } => "event",
            RoomWord::Events(_) => "events",
            RoomWord::Skipped { .. } => "skipped",
            RoomWord::Presence => "presence",
            RoomWord::Signal { .. } => "signal",
            _ => "?",
        },
        ServerFrame::Token { .. } => "token",
        ServerFrame::Error { .. } => "error",
        ServerFrame::Ping { .. } => "ping",
        ServerFrame::Pong { .. } => "pong",
        ServerFrame::Unknown(_) => "?",
    }
}

const SERVER_TYPES: [&str; 23] = [
    "welcome", "goodbye", "result", "part", "failure", "opened", "open", "credit", "end", "finished", "abort", "joined",
    "left", "event", "events", "skipped", "presence", "signal", "token", "error", "ping", "pong", "?",
];

/// The same for what both sides say about a stream.
fn stream_type(frame: &StreamFrame<'_>) -> &'static str {
    match frame {
        StreamFrame::Credit { .. } => "credit",
        StreamFrame::End { .. } => "end",
        StreamFrame::Finished { .. } => "finished",
        StreamFrame::Abort { .. } => "abort",
    }
}

#[test]
fn every_sample_is_read_and_written_again_to_the_same_text() {
    let (mut of_client, mut of_server) = (BTreeSet::new(), BTreeSet::new());
    for sample in read::<Sample>("frames.json") {
        assert!(!sample.meaning.is_empty(), "{}", sample.name);
        match Frame::of(sample.text.as_ref(), sample.hex.as_ref()) {
            Frame::Text(text) => {
                if sample.direction.of_client() {
                    let frame = decode_client(&text).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
                    assert_eq!(frame.encode().as_str(), text, "{}", sample.name);
                    of_client.insert(client_type(&frame));
                }
                if sample.direction.of_server() {
                    let frame = decode_server(&text).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
                    assert_eq!(frame.encode().as_str(), text, "{}", sample.name);
                    of_server.insert(server_type(&frame));
                }
            }
            Frame::Binary(frame) => match chunk::decode(&frame) {
                Ok(Chunk::Data { stream, offset, bytes }) => assert_eq!(chunk::encode(stream, offset, &bytes), frame),
                Ok(Chunk::Attached { text, attachment }) => {
                    assert_eq!(chunk::attach(&text, &attachment), frame);
                    if sample.direction.of_client() {
                        let head = decode_client(text.as_str()).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
                        assert_eq!(head.encode(), text, "{}", sample.name);
                    }
                    if sample.direction.of_server() {
                        let head = decode_server(text.as_str()).unwrap_or_else(|error| panic!("{}: {error}", sample.name));
                        assert_eq!(head.encode(), text, "{}", sample.name);
                    }
                }
                Ok(Chunk::Unknown(kind)) => assert_eq!(kind, frame[0], "{}", sample.name),
                Err(error) => panic!("{}: {error}", sample.name),
            },
        }
    }
    assert_eq!(of_client, BTreeSet::from(CLIENT_TYPES), "a type of the client's has no sample");
    assert_eq!(of_server, BTreeSet::from(SERVER_TYPES), "a type of the server's has no sample");
}

/// What an app reads of a room's frame is all there is in it: written from that, it is the same frame.
#[test]
fn frames_of_rooms_are_what_apps_read_of_them() {
    let mut seen = 0;
    for sample in read::<Sample>("frames.json").into_iter().filter(|sample| sample.direction.of_server()) {
        let text = match Frame::of(sample.text.as_ref(), sample.hex.as_ref()) {
            Frame::Text(text) => text,
            Frame::Binary(frame) => match chunk::decode(&frame) {
                Ok(Chunk::Attached { text, .. }) => text.as_str().to_owned(),
                _ => continue,
            },
        };
        let Ok(ServerFrame::Room(frame)) = decode_server(&text) else { continue };
        let room: RoomName = frame.room.parse().expect("a room's name");
        let whole: Value = serde_json::from_str(&text).expect("JSON");
        let of = |field: &str| serde_json::from_value(whole[field].clone());
        let (event, several, set, gone);
        let written = match frame.word {
            RoomWord::Joined { .. } => RoomFrame::Joined(serde_json::from_str(&text).expect("of its form")),
            RoomWord::Left { ref error } => RoomFrame::Left(error.as_ref()),
            RoomWord::Event { .. } => {
                event = serde_json::from_str::<RoomEvent>(&text).expect("an event");
                RoomFrame::Event(&event)
            }
            RoomWord::Events(ref texts) => {
                let all = texts.iter().map(|(_, text)| serde_json::from_str(text).expect("an event"));
                several = all.collect::<Vec<RoomEvent>>();
                RoomFrame::Events(&several)
            }
            RoomWord::Skipped { .. } => RoomFrame::Skipped(serde_json::from_str(&text).expect("of its form")),
            RoomWord::Presence => {
                set = serde_json::from_value::<Option<Vec<Entry>>>(whole["set"].clone()).expect("entries").unwrap_or_default();
                gone = serde_json::from_value::<Option<Vec<Box<str>>>>(whole["gone"].clone()).expect("ids").unwrap_or_default();
                let (users, members) = (of("users").expect("a number"), of("members").expect("a number"));
                RoomFrame::Presence(PresenceNews { set: &set, gone: &gone, users, members })
            }
            RoomWord::Signal { seq } => {
                event = serde_json::from_str::<RoomEvent>(&text).expect("an event");
                RoomFrame::Signal(Signal { seq, event: &event })
            }
            _ => panic!("{}: nobody has thought of this one", sample.name),
        };
        assert_eq!(written.encode(&room).as_str(), text, "{}", sample.name);
        seen += 1;
    }
    assert!(seen > 12, "{seen}");
}

#[test]
fn the_same_in_other_words_is_taken_for_the_same() {
    for sample in read::<Tolerated>("tolerated.json") {
        let Tolerated { name, direction, text, same, meaning } = &sample;
        assert!(!meaning.is_empty(), "{name}");
        let written =
            |frame: Result<Text, FrameError>| frame.unwrap_or_else(|error| panic!("{name}: {error}")).as_str().to_owned();
        if direction.of_client() {
            assert_eq!(&written(decode_client(text).map(|frame| frame.encode())), same, "{name}");
        }
        if direction.of_server() {
            assert_eq!(&written(decode_server(text).map(|frame| frame.encode())), same, "{name}");
        }
    }
}

#[test]
fn what_must_not_pass_is_answered_with_its_code() {
    for sample in read::<Refused>("refused.json") {
        assert!(!sample.meaning.is_empty(), "{}", sample.name);
        let code = Code::from_name(&sample.code);
        assert!(!matches!(code, Code::Unknown(_)), "{}: no such code", sample.name);
        let frame = Frame::of(sample.text.as_ref(), sample.hex.as_ref());
        let before: Vec<Frame> = sample.before.iter().map(Frame::from).collect();
        let answers = match (sample.first, sample.direction, &frame) {
            (true, _, Frame::Text(text)) => {
                vec![said("goodbye", &accept::greet(text).map_err(|failure| failure.code).expect_err(&sample.name))]
            }
            (false, Direction::Client, _) => {
                let mut server = Server::new();
                before.iter().for_each(|frame| drop(server.hears(frame, &sample.name, false)));
                server.hears(&frame, &sample.name, true)
            }
            (false, Direction::Server, _) => {
                let mut client = Client::new();
                before.iter().for_each(|frame| drop(client.hears(frame, &sample.name, false)));
                client.hears(&frame, &sample.name, true)
            }
            _ => panic!("{}: the first frame is a client's text", sample.name),
        };
        assert_eq!(answers, [said(&sample.answer, &code)], "{}", sample.name);
    }
}

/// What an answer with an error comes to: the type of its frame, the code, and the close code if the connection is over.
fn said(kind: &str, code: &Code) -> String {
    match kind {
        "goodbye" => format!("goodbye {code} {}", code.close()),
        _ => format!("{kind} {code}"),
    }
}

const LINK: Link = Link(1);

fn limits() -> Limits {
    Limits { max_text: 1024, max_calls: 2, max_streams: 2, window: 65_536, max_upload: 1024, ..Limits::default() }
}

/// The server's half, with the little around it that `tests/golden/README.md` promises.
struct Server(accept::Session);

impl Server {
    fn new() -> Self {
        let config = accept::Config { limits: limits(), heartbeat: Heartbeat::default() };
        let mut machine = accept::Session::new(SessionId::from_random([1; 16]), config);
        let continuity = Continuity::Fresh;
        machine.attach(
            now(),
            LINK,
            &Greeting { ticket: "t", continuity, identity: None, reconnect: Advice::default(), expires: None },
        );
        let mut server = Self(machine);
        assert_eq!(server.answers(), Vec::<String>::new());
        server
    }

    fn hears(&mut self, frame: &Frame, name: &str, is_refused: bool) -> Vec<String> {
        self.0.handle_input(
            now(),
            LINK,
            match frame {
                Frame::Text(text) => accept::Input::Text(text),
                Frame::Binary(bytes) => accept::Input::Binary(bytes.clone()),
            },
        );
        let answers = self.answers();
        assert!(is_refused || answers.is_empty(), "{name}: {frame:?} was answered {answers:?}");
        answers
    }

    /// The errors among what the server says.
    fn answers(&mut self) -> Vec<String> {
        let (mut answers, mut goodbye) = (Vec::new(), None);
        loop {
            match self.0.poll_output() {
                accept::Output::SendText(text) => match decode_server(text.as_str()).expect("a frame of ours") {
                    ServerFrame::Goodbye(parting) => goodbye = Some(parting.error.code),
                    ServerFrame::Failure { error, .. } => answers.push(said("failure", &error.code)),
                    ServerFrame::Room(RoomText { word: RoomWord::Left { error: Some(error) }, .. }) => {
                        answers.push(said("left", &error.code));
                    }
                    ServerFrame::Error { error, .. } => answers.push(said("error", &error.code)),
                    ServerFrame::Stream(StreamFrame::Abort { error, .. }) => answers.push(said("abort", &error.code)),
                    _ => {}
                },
                accept::Output::HangUp { code, .. } => {
                    let why = goodbye.take().expect("a goodbye comes before the close");
                    assert_eq!(code, why.close());
                    answers.push(said("goodbye", &why));
                }
                accept::Output::Event(accept::Event::Open { stream, .. }) if stream.0 != 3 => {
                    self.0.opened(now(), stream, 0, 8);
                }
                accept::Output::Event(_) | accept::Output::SendBinary(_) => {}
                accept::Output::Wait(_) => return answers,
            }
        }
    }
}

/// The client's half.
struct Client(session::Session);

impl Client {
    fn new() -> Self {
        let mut machine = session::Session::new(session::Config::default());
        machine.connect(now());
        machine.handle_input(now(), machine.link(), session::Input::Opened);
        let welcome = ServerFrame::Welcome(Welcome {
            session: SessionId::from_random([1; 16]),
            ticket: "t".into(),
            continuity: Continuity::Fresh,
            identity: None,
            limits: limits(),
            heartbeat: Heartbeat::default(),
            reconnect: Advice::default(),
            expires: None,
        });
        machine.handle_input(now(), machine.link(), session::Input::Text(welcome.encode().as_str()));
        let mut client = Self(machine);
        assert_eq!(client.answers(), Vec::<String>::new());
        assert_eq!(client.0.status(), session::Status::Live);
        client
    }

    fn hears(&mut self, frame: &Frame, name: &str, is_refused: bool) -> Vec<String> {
        let link = self.0.link();
        self.0.handle_input(
            now(),
            link,
            match frame {
                Frame::Text(text) => session::Input::Text(text),
                Frame::Binary(bytes) => session::Input::Binary(bytes.clone()),
            },
        );
        let answers = self.answers();
        assert!(is_refused || answers.is_empty(), "{name}: {frame:?} was answered {answers:?}");
        answers
    }

    /// The errors among what the client says. A client hangs up without a goodbye, and then stays away.
    fn answers(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        loop {
            match self.0.poll_output() {
                session::Output::SendText(text) => {
                    if let ClientFrame::Stream(StreamFrame::Abort { error, .. }) =
                        decode_client(text.as_str()).expect("a frame of ours")
                    {
                        answers.push(said("abort", &error.code));
                    }
                }
                session::Output::HangUp { code, reason, .. } => {
                    let why = Code::from_name(&reason);
                    assert_eq!(code, why.close());
                    answers.push(said("goodbye", &why));
                }
                session::Output::Wait(_) => break,
                _ => {}
            }
        }
        if answers.iter().any(|answer| answer.starts_with("goodbye")) {
            assert!(matches!(self.0.status(), session::Status::Closed { .. }), "{:?}", self.0.status());
        }
        answers
    }
}

fn now() -> Instant {
    Instant::from_micros(1_000_000)
}

/// The rows of the specification's tables that begin with a code in backquotes, without the backquotes.
fn rows(specification: &str) -> Vec<Vec<&str>> {
    specification
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
        .collect()
}

#[test]
fn the_specification_has_every_code_with_its_numbers() {
    let specification = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let section = specification.split("\n## ").find(|section| section.starts_with("Errors")).expect("a section on errors");
    let rows = rows(section);
    for code in Code::ALL {
        let found: Vec<_> = rows.iter().filter(|row| row[0] == code.as_str()).collect();
        let [row] = found[..] else { panic!("{code} has {} rows in docs/protocol.md, not one", found.len()) };
        let retryable = if code.retryable() { "yes" } else { "no" };
        let numbers = [&code.status().to_string(), &code.close().to_string(), retryable];
        assert_eq!(row[1..4], numbers, "{code} in docs/protocol.md");
        assert!(row[4].len() > 10, "{code} has no meaning in docs/protocol.md");
    }
    let known: BTreeSet<_> = Code::ALL.iter().map(Code::as_str).collect();
    for row in rows.iter().filter(|row| row.len() == 5) {
        assert!(known.contains(row[0]), "docs/protocol.md has a code that there is not: {}", row[0]);
    }
}

#[test]
fn the_specification_has_every_frame_and_every_limit() {
    let specification = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let rows = rows(&specification);
    for kind in CLIENT_TYPES.iter().chain(&SERVER_TYPES).filter(|kind| **kind != "?") {
        assert!(rows.iter().any(|row| row[0] == *kind), "docs/protocol.md has no row for the frame {kind}");
    }
    let limits = serde_json::to_value(Limits::default()).unwrap();
    for (name, value) in limits.as_object().unwrap() {
        let row = rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("docs/protocol.md has no row for {name}"));
        let told: String = row[1].chars().filter(char::is_ascii_digit).collect();
        assert_eq!(told, value.to_string(), "the default of {name} in docs/protocol.md");
    }
}
