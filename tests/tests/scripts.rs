//! Random lives of a session, thousands of them: calls, cancels, streams, cuts, restarts and delays, and then the client's view against
//! the server's. A script that fails names its seed: `SAMEWIRE_SCRIPT=SEED` runs that one alone, `SAMEWIRE_SCRIPTS=COUNT` that many.

use std::time::Duration;

use bytes::Bytes;
use samewire_protocol::failure::Ran;
use samewire_protocol::session::{CallRequest, Input, Load, Status};
use samewire_protocol::streams::Source;
use samewire_protocol::wire::Advice;
use samewire_protocol::{CallId, Code, Digest, StreamNo};
use samewire_tests::net::{Blow, Reach, Side};
use samewire_tests::pair::{Pair, request};

const SCRIPTS: u64 = 4_000;

#[test]
fn thousands_of_random_scripts_end_with_one_truth_on_both_sides() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SAMEWIRE_SCRIPT") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SAMEWIRE_SCRIPTS").unwrap_or(SCRIPTS),
    };
    let mut seen = Seen::default();
    for seed in seeds.clone() {
        let ended = std::panic::catch_unwind(|| Script::new(seed).run());
        match ended {
            Ok(script) => seen.add(&script),
            Err(_) => panic!("script {seed} failed; see above"),
        }
    }
    println!("{seen:?}");
    // A run of many scripts in which nothing went wrong would prove nothing.
    if seeds.end - seeds.start >= 1_000 {
        assert!(seen.cuts > 1_000 && seen.restarts > 200 && seen.expiries > 20, "{seen:?}");
        assert!(seen.stored > 1_000 && seen.fetched > 300 && seen.maybe > 50 && seen.answered > 5_000, "{seen:?}");
    }
}

#[derive(Debug, Default)]
struct Seen {
    cuts: u64,
    restarts: u64,
    expiries: u64,
    answered: u64,
    maybe: u64,
    stored: u64,
    fetched: u64,
}

impl Seen {
    fn add(&mut self, script: &Script) {
        self.cuts += script.cuts;
        self.restarts += script.restarts;
        self.expiries += script.expiries;
        for call in script.pair.client().calls.values() {
            match call.answers.first() {
                Some(Ok(_)) => self.answered += 1,
                Some(Err(failure)) => self.maybe += u64::from(failure.ran == Ran::Maybe),
                None => {}
            }
        }
        let client = script.pair.client();
        self.stored += client.uploads.values().filter(|upload| matches!(upload.outcomes[..], [Ok(_)])).count() as u64;
        self.fetched += client.downloads.iter().filter(|download| matches!(download.outcomes[..], [Ok(_)])).count() as u64;
    }
}

struct Made {
    id: CallId,
    tag: String,
    method: &'static str,
    params: String,
    idempotent: bool,
}

struct Script {
    pair: Pair,
    made: Vec<Made>,
    streams: Vec<StreamNo>,
    cuts: u64,
    restarts: u64,
    expiries: u64,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut pair = Pair::new(seed);
        pair.net.latency = Duration::from_millis(pair.rng.below(40));
        pair.net.rate = pair.rng.pick(&[None, Some(2_000_000), Some(200_000)]);
        pair.server.flush_time = Duration::from_millis(pair.rng.below(8));
        pair.server.open_time = Duration::from_millis(pair.rng.below(8));
        pair.server.lazy = pair.rng.chance(30);
        pair.clients[0].lazy = pair.rng.chance(30);
        pair.clients[0].read_time = Duration::from_millis(pair.rng.below(4));
        let sizes = [0, 1, 65_536, 65_537, 300_000];
        pair.server.files = sizes.map(|size| pair.rng.bytes(size)).into();
        Self { pair, made: Vec::new(), streams: Vec::new(), cuts: 0, restarts: 0, expiries: 0 }
    }

    fn run(mut self) -> Self {
        self.pair.connect_as(0);
        let steps = 5 + self.pair.rng.below(30);
        for _ in 0..steps {
            self.step();
            if self.pair.rng.chance(60) {
                let pause = self.pair.rng.below(120);
                self.pair.run_for(Duration::from_millis(pause));
            }
        }
        let settled = |pair: &Pair| {
            let client = pair.client();
            client.calls.values().all(|call| !call.answers.is_empty())
                && client.uploads.values().all(|upload| !upload.outcomes.is_empty())
                && client.downloads.iter().all(|download| !download.outcomes.is_empty())
                && client.session.load().untold == 0
        };
        for _ in 0..600 {
            // A session that the server ended is begun anew only when somebody asks for it.
            if let Status::Closed { .. } = self.pair.client().session.status() {
                self.pair.connect_as(0);
            }
            if settled(&self.pair) {
                break;
            }
            self.pair.run_for(Duration::from_secs(1));
        }
        assert!(settled(&self.pair), "something never ended: {:?}", self.pair.client().session);
        self.pair.run_for(Duration::from_secs(5));
        self.compare();
        self
    }

    fn step(&mut self) {
        match self.pair.rng.below(100) {
            0..25 => self.call(),
            25..33 => self.cancel(),
            33..50 => self.upload(),
            50..60 => self.name_stream(),
            60..68 => {
                let file = self.pair.rng.below(5);
                self.make("download", &format!(r#""file":{file}"#), false, None);
            }
            68..90 => {
                let blow = Blow {
                    up: self.pair.rng.below(3) * 500,
                    down: self.pair.rng.below(3) * 500,
                    client: Duration::from_millis(self.pair.rng.below(60)),
                    server: Duration::from_millis(self.pair.rng.below(60)),
                };
                self.pair.cut_as(0, blow);
                self.cuts += 1;
            }
            90..93 => {
                self.pair.restart();
                self.restarts += 1;
            }
            93 => {
                self.pair.drain(Advice { delay: 10, spread: 200 });
                self.restarts += 1;
            }
            94..96 => self.trouble(),
            96 => {
                let open: Vec<_> =
                    self.pair.client().downloads.iter().filter(|download| download.outcomes.is_empty()).collect();
                if let Some(stream) = open.first().map(|download| download.stream) {
                    let failure = samewire_protocol::Failure::new(Code::Canceled, "the script has read enough");
                    self.pair.act(0, |client, net| client.session.abort(net.now, stream, failure));
                }
            }
            _ => {
                if let Some(stream) = self.some_stream() {
                    let failure = samewire_protocol::Failure::new(Code::Canceled, "the script gave it up");
                    self.pair.act(0, |client, net| client.session.abort(net.now, stream, failure));
                }
            }
        }
    }

    /// What is rarer than a cut.
    fn trouble(&mut self) {
        match self.pair.rng.below(5) {
            // The session is over on the server, and its client does not know yet.
            0 => {
                if let Some((session, ..)) = self.pair.client().welcomes.last() {
                    let session = *session;
                    self.pair.expire(session);
                    self.expiries += 1;
                }
            }
            1 => {
                self.pair.freeze(0, true);
                let asleep = self.pair.rng.below(90);
                self.pair.run_for(Duration::from_secs(asleep));
                self.pair.freeze(0, false);
            }
            2 => {
                self.pair.net.reach = self.pair.rng.pick(&[Reach::Refused, Reach::Silent]);
                self.pair.cut();
                let away = self.pair.rng.below(30);
                self.pair.run_for(Duration::from_secs(away));
                self.pair.net.reach = Reach::Open;
            }
            3 => {
                let side = self.pair.rng.pick(&[Side::Client, Side::Server]);
                self.pair.net.cut_next = Some((side, self.pair.rng.below(1_500), Blow::default()));
                self.pair.cut();
            }
            _ => {
                let link = self.pair.client().session.link();
                self.pair.act(0, |client, net| {
                    client.session.handle_input(net.now, link, Input::Network { online: true });
                });
            }
        }
    }

    fn make(&mut self, method: &'static str, fields: &str, idempotent: bool, timeout: Option<Duration>) {
        let tag = format!("call-{}", self.made.len());
        let fields = if fields.is_empty() { String::new() } else { format!(",{fields}") };
        let params = format!(r#"{{"tag":"{tag}"{fields}}}"#);
        let id = self.pair.call_as(0, CallRequest { idempotent, timeout, ..request(method, &params) });
        self.made.push(Made { id, tag, method, params, idempotent });
    }

    fn call(&mut self) {
        let delay = self.pair.rng.below(200);
        let timeout = self.pair.rng.chance(20).then(|| Duration::from_millis(self.pair.rng.below(300)));
        let idempotent = self.pair.rng.chance(40);
        match self.pair.rng.below(4) {
            0 => self.make("parts", r#""count":5,"every":7"#, false, timeout),
            1 => self.make("fail", &format!(r#""delay":{delay}"#), idempotent, timeout),
            _ => self.make("once", &format!(r#""delay":{delay}"#), idempotent, timeout),
        }
    }

    fn cancel(&mut self) {
        if !self.made.is_empty() {
            let at = usize::try_from(self.pair.rng.below(self.made.len() as u64)).unwrap_or(0);
            let id = self.made[at].id;
            self.pair.cancel(id);
        }
    }

    fn upload(&mut self) {
        let size = self.pair.rng.pick(&[0, 1, 1_000, 65_536, 200_000]);
        let content: Bytes = self.pair.rng.bytes(size);
        let declared = self.pair.rng.chance(70).then_some(size as u64);
        let source = self.pair.rng.pick(&[Source::Seekable, Source::Once]);
        let stream = self.pair.upload_as(0, content, declared, source);
        self.streams.push(stream);
    }

    fn some_stream(&mut self) -> Option<StreamNo> {
        if self.streams.is_empty() { None } else { Some(self.pair.rng.pick(&self.streams)) }
    }

    fn name_stream(&mut self) {
        if let Some(stream) = self.some_stream() {
            let id = self.pair.client().uploads[&stream].id;
            // A stream that was given up would leave this one waiting for ever, so it has a deadline.
            self.make("upload", &format!(r#""stream":"{id}""#), true, Some(Duration::from_secs(60)));
        }
    }

    /// The client's view against the server's.
    fn compare(&self) {
        let client = self.pair.client();
        for made in &self.made {
            let runs = self.pair.server.runs(&made.tag);
            let call = &client.calls[&made.id];
            assert_eq!(call.answers.len(), 1, "{}", made.params);
            assert!(made.idempotent || runs <= 1, "{} ran {runs} times", made.params);
            match &call.answers[0] {
                Ok(answer) => {
                    assert!(runs >= 1, "{} has a result and never ran", made.params);
                    let answers = &self.pair.server.runs[&made.tag].answers;
                    assert!(answers.iter().any(|given| given.as_ref().ok() == Some(answer)), "{}: {answer}", made.params);
                    if made.method == "parts" {
                        assert_eq!(call.parts, ["0", "1", "2", "3", "4"], "{}", made.params);
                    }
                }
                Err(failure) => match failure.ran {
                    Ran::No => assert_eq!(runs, 0, "{} ran, and its caller was told that it did not", made.params),
                    Ran::Yes => assert!(runs >= 1, "{} never ran, and its caller was told that it did", made.params),
                    Ran::Maybe => {}
                },
            }
        }
        for (stream, upload) in &client.uploads {
            if let Ok((size, digest)) = &upload.outcomes[0] {
                assert_eq!((*size, *digest), (upload.content.len() as u64, Digest::of(&upload.content)));
                let stored = self.pair.stored(*stream).expect("what was told as stored is there");
                assert_eq!(stored.content, upload.content);
            }
        }
        for download in &client.downloads {
            if download.outcomes[0].is_ok() {
                assert!(self.pair.server.files.iter().any(|file| *file == download.content));
            }
        }
        // Nothing is left in the machines: nobody waits, nothing runs, no stream is open, and both know.
        assert_eq!(client.session.load(), Load::default());
        for (session, machine) in self.pair.server.sessions() {
            let load = machine.load();
            assert_eq!((load.calls_running, load.streams_in, load.streams_out), (0, 0, 0), "{session}");
        }
        self.pair.check();
    }
}

/// One fixed life, cut once at every byte that either side sends. The session is kept, so all of it must succeed, once.
#[test]
fn a_cut_at_every_byte_changes_nothing() {
    let whole = |pair: &Pair, side| pair.client().socket().map_or(0, |socket| pair.net.sent(socket, side));
    let pair = life(None);
    let (up, down) = (whole(&pair, Side::Client), whole(&pair, Side::Server));
    drop(pair);
    assert!(up > 2_000 && down > 2_000, "the life is too short to cut: {up} and {down} bytes");
    for (side, bytes) in [(Side::Client, up), (Side::Server, down)] {
        for at in 0..=bytes {
            let arrives = (at % 3) * 150;
            let late = Duration::from_millis(at % 40);
            let blow = Blow { up: arrives, down: arrives, client: late, server: Duration::from_millis(at % 7) };
            drop(life(Some((side, at, blow))));
        }
    }
}

fn life(cut: Option<(Side, u64, Blow)>) -> Pair {
    let mut pair = Pair::new(7);
    let (content, file) = (pair.rng.bytes(1_200), pair.rng.bytes(900));
    pair.server.files = vec![file.clone()];
    pair.net.cut_next = cut;
    pair.connect_as(0);
    let once = pair.call("once", r#"{"tag":"once","delay":30}"#);
    let parts = pair.call("parts", r#"{"tag":"parts","count":4,"every":3}"#);
    let stream = pair.upload(content.clone());
    let id = pair.client().uploads[&stream].id;
    let named = pair.call("upload", &format!(r#"{{"tag":"named","stream":"{id}"}}"#));
    let fetched = pair.call("download", r#"{"tag":"fetched","file":0}"#);

    let at = format!("{cut:?}");
    assert_eq!(pair.result(once).ok().as_deref(), Some(r#"{"delay":30,"tag":"once"}"#), "{at}");
    assert_eq!(pair.result(parts).ok().as_deref(), Some("4"), "{at}");
    assert_eq!(pair.client().calls[&parts].parts, ["0", "1", "2", "3"], "{at}");
    assert!(pair.uploaded(stream).is_ok(), "{at}");
    assert!(pair.result(named).is_ok() && pair.result(fetched).is_ok(), "{at}");
    assert_eq!(pair.downloaded(0).ok().as_deref(), Some(&file[..]), "{at}");
    assert_eq!(pair.stored(stream).map(|stored| &stored.content[..]), Some(&content[..]), "{at}");
    for tag in ["once", "parts", "named", "fetched"] {
        assert_eq!(pair.server.runs(tag), 1, "{tag}: {at}");
    }
    pair.run_for(Duration::from_secs(5));
    pair
}
