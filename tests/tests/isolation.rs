//! The rule that the project exists for, as a property: a call that names a stream is answered by the session that owns the stream,
//! and nothing is delivered across sessions or identities, whatever the routes, the orders and the cuts.
//!
//! Every client writes bytes of its own into its streams and reads a file of its own, so that whatever strays shows whose it is.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use samewire_protocol::failure::Ran;
use samewire_protocol::streams::{Source, StreamSpec};
use samewire_protocol::{CallId, Code, Failure, StreamId, StreamNo};
use samewire_tests::net::{Blow, Frame};
use samewire_tests::pair::{Pair, request};

/// Three identities, one of them in three sessions, and two clients without a name.
const PEOPLE: [Option<&str>; 7] = [Some("ada"), Some("bob"), Some("ada"), None, Some("eve"), None, Some("ada")];

#[derive(Clone, Copy, Debug)]
enum Route {
    Session,
    Http,
    /// Over HTTP, with the ticket of this client's session.
    Ticket(usize),
}

#[derive(Clone, Debug)]
enum Step {
    Upload {
        who: usize,
        size: usize,
    },
    /// Opens a stream under an id that is somebody's already.
    Imitate {
        who: usize,
        pick: usize,
    },
    /// Names one of all streams that ever were, or one that never was.
    Name {
        who: usize,
        pick: usize,
        route: Route,
    },
    Echo {
        who: usize,
        route: Route,
    },
    Download {
        who: usize,
    },
    /// Wants to go on reading a stream that may be somebody else's.
    Attach {
        who: usize,
        pick: usize,
    },
    /// Gives up a stream that may be somebody else's.
    Abort {
        who: usize,
        pick: usize,
    },
    Cut {
        who: usize,
        up: u64,
        down: u64,
        late: u64,
    },
    Restart,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    let pick = 0..64_usize;
    let route = prop_oneof![
        3 => Just(Route::Session),
        2 => Just(Route::Http),
        3 => (0..PEOPLE.len()).prop_map(Route::Ticket),
    ];
    prop_oneof![
        5 => (who.clone(), 1..150_000_usize).prop_map(|(who, size)| Step::Upload { who, size }),
        2 => (who.clone(), pick.clone()).prop_map(|(who, pick)| Step::Imitate { who, pick }),
        8 => (who.clone(), pick.clone(), route.clone()).prop_map(|(who, pick, route)| Step::Name { who, pick, route }),
        2 => (who.clone(), route).prop_map(|(who, route)| Step::Echo { who, route }),
        3 => who.clone().prop_map(|who| Step::Download { who }),
        2 => (who.clone(), pick.clone()).prop_map(|(who, pick)| Step::Attach { who, pick }),
        2 => (who.clone(), pick).prop_map(|(who, pick)| Step::Abort { who, pick }),
        3 => (who, 0..3_000_u64, 0..3_000_u64, 0..60_u64).prop_map(|(who, up, down, late)| Step::Cut { who, up, down, late }),
        1 => Just(Step::Restart),
        8 => (0..120_u64).prop_map(Step::Wait),
    ]
}

/// What a client was asked to do, to be looked at in the end.
struct World {
    pair: Pair,
    /// Every public id of a stream to the server, and who opened it.
    opened: Vec<(usize, StreamId)>,
    named: Vec<(usize, CallId, StreamId)>,
    echoes: Vec<(usize, CallId, String)>,
    tags: usize,
}

fn mark(who: usize) -> u8 {
    u8::try_from(who).expect("few clients") + 1
}

impl World {
    fn new() -> Self {
        let mut pair = Pair::new(11);
        for (who, token) in PEOPLE.iter().enumerate().skip(1) {
            assert_eq!(pair.add_client(*token), who);
        }
        for who in 0..PEOPLE.len() {
            pair.server.files.push(vec![mark(who); 100_000 + who].into());
            pair.connect_as(who);
        }
        pair.net.rate = Some(3_000_000);
        assert!(pair.run_until(|pair| (0..PEOPLE.len()).all(|who| pair.is_live(who))));
        Self { pair, opened: Vec::new(), named: Vec::new(), echoes: Vec::new(), tags: 0 }
    }

    fn tag(&mut self) -> String {
        self.tags += 1;
        format!("tag-{}", self.tags)
    }

    /// The owner's name as the model server writes it.
    fn owner(&self, who: usize) -> String {
        let first = || self.pair.clients[who].welcomes[0].0.to_string();
        PEOPLE[who].map_or_else(first, str::to_owned)
    }

    fn pick(&mut self, pick: usize) -> StreamId {
        match self.opened.get(pick % (self.opened.len() + 1)) {
            Some((_, id)) => *id,
            None => self.pair.rng.stream_id(),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Upload { who, size } => {
                let no = self.pair.upload_as(who, vec![mark(who); size].into(), Some(size as u64), Source::Seekable);
                self.opened.push((who, self.pair.clients[who].uploads[&no].id));
            }
            Step::Imitate { who, pick } => {
                let id = self.pick(pick);
                // Whoever has the same identity goes on with its own stream, which is no imitation.
                let taken = self.opened.iter().any(|(other, known)| *known == id && self.owner(*other) == self.owner(who));
                if !taken {
                    let spec = StreamSpec { id, name: None, media: None, size: Some(700) };
                    let content = vec![mark(who); 700].into();
                    self.pair.act(who, |client, net| client.upload(net, spec, content, Source::Seekable));
                    self.opened.push((who, id));
                }
            }
            Step::Name { who, pick, route } => {
                let (id, tag) = (self.pick(pick), self.tag());
                let params = format!(r#"{{"tag":"{tag}","stream":"{id}"}}"#);
                match route {
                    Route::Session => {
                        let call = self.pair.call_as(who, request("peek", &params));
                        self.named.push((who, call, id));
                    }
                    Route::Http => {
                        let failure = self.http(who, None, "peek", &params).expect_err("a stranger is refused");
                        prop_assert_eq!((failure.code, failure.ran), (Code::Misdirected, Ran::No));
                        prop_assert_eq!(self.pair.server.runs(&tag), 0);
                    }
                    Route::Ticket(of) => self.name_with_ticket(who, of, id, &tag, &params)?,
                }
            }
            Step::Echo { who, route: Route::Session } => {
                let tag = self.tag();
                let call = self.pair.call_as(who, request("echo", &format!(r#"{{"tag":"{tag}"}}"#)));
                self.echoes.push((who, call, tag));
            }
            Step::Echo { who, route } => {
                let ticket = if let Route::Ticket(of) = route { Some(of) } else { None };
                let params = format!(r#"{{"tag":"{}"}}"#, self.tag());
                prop_assert_eq!(self.http(who, ticket, "echo", &params), Ok(params));
            }
            Step::Download { who } => {
                let params = format!(r#"{{"tag":"{}","file":{who}}}"#, self.tag());
                self.pair.call_as(who, request("download", &params));
            }
            Step::Attach { who, pick } => {
                let own = self.owner(who);
                let theirs: Vec<_> =
                    self.pair.server.sending.keys().filter(|(owner, _)| *owner != own).map(|(_, id)| *id).collect();
                if let Some(id) = theirs.get(pick % (theirs.len() + 1)) {
                    let text = format!(r#"{{"type":"attach","stream":900,"ref":"{id}","offset":0,"limit":1000000}}"#);
                    self.inject(who, text);
                }
            }
            Step::Abort { who, pick } => {
                let id = self.pick(pick);
                if !self.opened.iter().any(|(other, known)| *known == id && self.owner(*other) == self.owner(who)) {
                    let error = r#"{"code":"canceled","message":""}"#;
                    let text = format!(r#"{{"type":"abort","stream":901,"ref":"{id}","error":{error}}}"#);
                    self.inject(who, text);
                }
            }
            Step::Cut { who, up, down, late } => {
                let blow = Blow { up, down, server: Duration::from_millis(late), ..Blow::default() };
                self.pair.cut_as(who, blow);
            }
            Step::Restart => self.pair.restart(),
            Step::Wait(millis) => self.pair.run_for(Duration::from_millis(millis)),
        }
        Ok(())
    }

    /// A frame that the client's machine never sent, unless the socket still waits for its hello.
    fn inject(&mut self, who: usize, text: String) {
        if self.pair.is_live(who) {
            self.pair.inject_as(who, Frame::Text(text));
        }
    }

    fn http(&mut self, who: usize, of: Option<usize>, method: &str, params: &str) -> Result<String, Failure> {
        let ticket = of.and_then(|of| self.pair.clients[of].session.ticket().map(str::to_owned));
        let owner = self.owner(who);
        self.pair.server.http(&self.pair.net, &owner, ticket.as_deref(), method, params)
    }

    fn name_with_ticket(&mut self, who: usize, of: usize, id: StreamId, tag: &str, params: &str) -> Result<(), TestCaseError> {
        let session = self.pair.clients[of].welcomes.last().map(|(session, ..)| *session);
        let owner = self.owner(who);
        let here = self.pair.stored_as(&owner, id).map(|stored| (stored.session, stored.content.first().copied()));
        match self.http(who, Some(of), "peek", params) {
            Ok(answer) => {
                prop_assert_eq!(self.owner(of), owner, "a ticket served somebody else");
                let Some((owned_by, first)) = here else {
                    return Err(TestCaseError::fail("an answer about a stream that the caller does not have"));
                };
                prop_assert_eq!(Some(owned_by), session, "another session than the ticket's answered");
                let first = format!(r#""first":{},"#, first.unwrap_or(0));
                prop_assert!(answer.contains(&first), "{answer}: not {first}");
            }
            Err(failure) if failure.code == Code::Misdirected => {
                prop_assert_eq!((failure.ran, self.pair.server.runs(tag)), (Ran::No, 0));
            }
            Err(failure) => {
                prop_assert_eq!(failure.code, Code::StreamNotFound);
                prop_assert!(here.is_none_or(|(owned_by, _)| Some(owned_by) != session));
            }
        }
        Ok(())
    }

    /// Whose bytes and answers everybody has in the end.
    fn check(&mut self) -> Result<(), TestCaseError> {
        let ended = |pair: &Pair| {
            pair.clients.iter().all(|client| {
                client.calls.values().all(|call| !call.answers.is_empty())
                    && client.uploads.values().all(|upload| !upload.outcomes.is_empty())
                    && client.downloads.iter().all(|download| !download.outcomes.is_empty())
            })
        };
        prop_assert!(self.pair.run_until(ended), "something never ended");
        for ((owner, id), stored) in &self.pair.server.streams {
            let openers = self.opened.iter().filter(|(who, known)| known == id && self.owner(*who) == *owner);
            let marks: Vec<_> = openers.map(|(who, _)| mark(*who)).collect();
            prop_assert!(stored.content.iter().all(|byte| marks.contains(byte)), "strange bytes in {owner}'s {id}");
        }
        for (who, client) in self.pair.clients.iter().enumerate() {
            for download in &client.downloads {
                prop_assert!(download.content.iter().all(|byte| *byte == mark(who)), "{who} got somebody else's bytes");
                let name = format!("file-{who}");
                prop_assert_eq!(download.spec.name.as_deref(), Some(&*name));
            }
            for upload in client.uploads.values() {
                prop_assert!(upload.outcomes[0].is_ok(), "{who}'s stream was hit by others: {:?}", upload.outcomes);
            }
        }
        for (who, call, tag) in &self.echoes {
            if let Ok(answer) = &self.pair.clients[*who].calls[call].answers[0] {
                prop_assert_eq!(answer, &format!(r#"{{"tag":"{tag}"}}"#));
            }
        }
        for (who, call, id) in &self.named {
            let own = self.opened.iter().any(|(opener, known)| known == id && self.owner(*opener) == self.owner(*who));
            match &self.pair.clients[*who].calls[call].answers[0] {
                Ok(_) => prop_assert!(own, "{who} was answered about {id}, which is not its own"),
                Err(failure) if failure.code == Code::StreamNotFound => {
                    prop_assert_eq!(failure.message.as_str(), "there is no such stream");
                }
                Err(failure) => prop_assert_eq!(&failure.code, &Code::ConnectionLost),
            }
        }
        self.pair.check();
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_delivered_across(steps in vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step)?;
        }
        world.check()?;
    }
}

/// The stream of one session is not named by another session of the same person: the call belongs where the stream is.
#[test]
fn another_session_of_the_same_person_is_another_session() {
    let mut pair = Pair::connected(1);
    let other = pair.add_client(Some("ada"));
    pair.connect_as(other);
    let stream: StreamNo = pair.upload("hello".into());
    assert!(pair.uploaded(stream).is_ok());
    let id = pair.client().uploads[&stream].id;
    let params = format!(r#"{{"tag":"a","stream":"{id}"}}"#);
    let call = pair.call_as(other, request("peek", &params));
    assert_eq!(pair.result_as(other, call).unwrap_err().code, Code::StreamNotFound);
    let call = pair.call_as(0, request("peek", &params));
    assert!(pair.result(call).is_ok());
}
