//! The rule: a call that names a stream is answered by the session that owns it, whichever way it comes, and by nobody else. Many
//! sessions of several people ask for each other's streams in random order, over the session and over HTTP, with every credential
//! that they could have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use samewire::{Failure, Method, StreamId};
use samewire_server::SessionHandle;
use samewire_server::calls::State;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, http, settings, token};
use samewire_tests::rng::Rng;
use serde_json::{Value, json};

samewire_tests::contract!(
    /// Finds a stream somewhere in its params and tells whose it is. A contract that may go any way: only the stream in the params
    /// makes it the session's.
    Peek, "test/peek", "Tell whose stream the params name", true
);

/// The calls that ran, by the number in their params.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<HashMap<u64, u32>>>);

impl Ran {
    fn of(&self, number: u64) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied().unwrap_or(0)
    }
}

fn named(params: &Value) -> Option<StreamId> {
    match params {
        Value::String(text) => text.parse().ok(),
        Value::Array(items) => items.iter().find_map(named),
        Value::Object(fields) => fields.values().find_map(named),
        _ => None,
    }
}

async fn peek(State(ran): State<Ran>, session: Option<SessionHandle>, params: Value) -> Result<Value, Failure> {
    let number = params["number"].as_u64().unwrap_or_default();
    *ran.0.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default() += 1;
    let session = session.expect("a call that names a stream runs inside a session");
    let stream = session.incoming(named(&params).expect("a stream")).await?;
    Ok(json!({"session": session.id().to_string(), "stream": stream.id(), "name": stream.name()}))
}

/// A session, and the client that speaks for it.
struct Party {
    raw: Raw,
    token: Option<String>,
    user: String,
    session: String,
    calls: u64,
    streams: u32,
}

impl Party {
    async fn new(host: &Host, user: &str) -> Self {
        let token = (!user.is_empty()).then(|| token(user));
        let mut raw = Raw::connect(host.addr()).await;
        let welcome = raw.hello(json!({"token": token})).await;
        let session = welcome["session"].as_str().unwrap_or_default().to_owned();
        Self { raw, token, user: user.to_owned(), session, calls: 0, streams: 0 }
    }

    async fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.calls += 1;
        self.raw.call(self.calls, method, params.clone()).await
    }
}

/// Puts the id somewhere into params of a random shape.
fn wrap(rng: &mut Rng, number: u64, id: &str) -> Value {
    let mut value = json!(id);
    for _ in 0..rng.below(5) {
        value = match rng.below(3) {
            0 => json!([1, null, value]),
            1 => json!({"a": "st_", "deep": value}),
            _ => json!({"list": [[], value, {"x": 1.5}]}),
        };
    }
    json!({"number": number, "params": value})
}

/// What a stranger gets, apart from the id that he asked for himself.
fn without(answer: &Value, id: &str) -> String {
    answer.to_string().replace(id, "ID")
}

struct Known {
    id: String,
    owner: usize,
    name: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_delivered_across() {
    const STEPS: u64 = 2500;
    let ran = Ran::default();
    let state = ran.clone();
    let host = Host::with(settings(), move |builder| builder.state(state.clone()).method::<Peek, _, _>(peek)).await;
    let mut rng = Rng::new(31);
    let mut parties = Vec::new();
    for user in ["maria", "maria", "maria", "juan", "juan", "", ""] {
        parties.push(Party::new(&host, user).await);
    }
    let mut known: Vec<Known> = Vec::new();
    let (mut inside, mut refused, mut misdirected) = (0, 0, 0);
    // Every refusal of the same kind is the same, to the byte.
    let mut words: HashMap<&str, String> = HashMap::new();
    for number in 1..=STEPS {
        if known.len() < parties.len() || (rng.chance(5) && known.len() < 150) {
            let owner = if known.len() < parties.len() { known.len() } else { rng.below(parties.len() as u64) as usize };
            let id = rng.stream_id().to_string();
            let name = format!("of {}, number {number}", parties[owner].session);
            let party = &mut parties[owner];
            let stream = 2 * party.streams + 1;
            party.streams += 1;
            let open = json!({"type": "open", "stream": stream, "ref": id, "name": name, "size": 1000});
            party.raw.send(&open).await;
            // A call right behind the frame finds the stream, whether or not the server has taken it up by then.
            if rng.chance(50) {
                party.raw.expect("opened").await;
            }
            known.push(Known { id, owner, name });
        }
        let stream = &known[rng.below(known.len() as u64) as usize];
        // Half of what is asked for belongs to whoever asks; some of the rest never was.
        let asker = if rng.chance(50) { stream.owner } else { rng.below(parties.len() as u64) as usize };
        let unknown = rng.stream_id().to_string();
        let (id, owner) = if rng.chance(15) { (unknown.as_str(), None) } else { (stream.id.as_str(), Some(stream.owner)) };
        let params = wrap(&mut rng, number, id);
        let right = Some(asker) == owner;
        let check_inside = |answer: Result<Value, Value>, session: &str, words: &mut HashMap<&str, String>| match answer {
            Ok(answer) => {
                assert!(right, "{asker} reached what is {owner:?}'s: {answer}");
                assert_eq!(answer, json!({"session": session, "stream": id, "name": stream.name}));
                1
            }
            Err(error) => {
                assert!(!right, "{asker} did not reach its own: {error}");
                assert_eq!(error["code"], "stream-not-found", "{error}");
                let said = without(&error, id);
                assert_eq!(*words.entry("not found").or_insert_with(|| said.clone()), said);
                0
            }
        };
        match rng.below(6) {
            // Over the session.
            0 | 1 => {
                let party = &mut parties[asker];
                let answer = party.call(Peek::NAME, &params).await;
                let found = check_inside(answer, &party.session, &mut words);
                inside += found;
                refused += 1 - found;
                assert_eq!(ran.of(number), 1);
            }
            // Over HTTP with the session's ticket, with or without the token that goes with it.
            2 => {
                let party = &parties[asker];
                let token = party.token.as_deref().filter(|_| rng.chance(50));
                let answer = http::call(&host.url(), Peek::NAME, &params, token, Some(&party.raw.ticket)).await;
                let result = if answer.status == 200 {
                    Ok(answer.json())
                } else {
                    assert_eq!((answer.status, answer.problem().as_str()), (404, "stream-not-found"));
                    let body = answer.json();
                    Err(
                        json!({"code": body["code"], "message": body["detail"], "retryable": body["retryable"], "ran": body["ran"]}),
                    )
                };
                let found = check_inside(result, &party.session, &mut words);
                inside += found;
                refused += 1 - found;
                assert_eq!(ran.of(number), 1);
            }
            // Over HTTP without a session of one's own: nothing runs, whoever asks for whatever.
            way => {
                let party = &parties[asker];
                let other = parties.iter().find(|other| other.user != party.user).expect("somebody else");
                let torn = format!("{}0", &party.raw.ticket[..party.raw.ticket.len() - 1]);
                let torn = if torn == party.raw.ticket { format!("{}1", &torn[..torn.len() - 1]) } else { torn };
                let (token, ticket) = match way {
                    3 => (party.token.as_deref(), None),
                    4 if party.token.is_some() => (party.token.as_deref(), Some(other.raw.ticket.as_str())),
                    _ => (party.token.as_deref(), Some(torn.as_str())),
                };
                let answer = http::call(&host.url(), Peek::NAME, &params, token, ticket).await;
                assert_eq!((answer.status, answer.problem().as_str()), (421, "misdirected"), "{answer:?}");
                assert_eq!(answer.json()["ran"], "no");
                assert_eq!(ran.of(number), 0, "it was answered as misdirected, and ran");
                let said = without(&answer.json(), id);
                assert_eq!(*words.entry("misdirected").or_insert_with(|| said.clone()), said);
                misdirected += 1;
            }
        }
    }
    println!("{STEPS} calls: {inside} inside, {refused} not found, {misdirected} misdirected; {} streams", known.len());
    assert!(inside > 300 && refused > 300 && misdirected > 300);

    // The bytes too: each stream is made a file with the bytes of its own session, over whatever way, and each person sees only
    // their own files.
    for (index, stream) in known.iter().enumerate().filter(|(index, _)| index % 5 == 0) {
        let number = known[..index].iter().filter(|other| other.owner == stream.owner).count() as u32;
        let bytes = format!("{:1000}", stream.name);
        let digest = samewire::Digest::of(bytes.as_bytes()).to_string();
        let party = &mut parties[stream.owner];
        party.raw.chunk(2 * number + 1, 0, bytes.as_bytes()).await;
        party.raw.send(&json!({"type": "end", "stream": 2 * number + 1, "size": 1000, "digest": digest})).await;
        let params = json!({"streamId": stream.id});
        let file = if index % 2 == 0 {
            party.call("files/upload", &params).await.expect("a file")
        } else {
            let answer = http::call(&host.url(), "files/upload", &params, None, Some(&party.raw.ticket)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.json()
        };
        assert_eq!((&file["name"], &file["digest"]), (&json!(stream.name), &json!(digest)));
    }
    for party in &mut parties {
        let (session, user) = (party.session.clone(), party.user.clone());
        let list = party.call("files/list", &json!({})).await.expect("a list");
        for file in list["files"].as_array().expect("files") {
            let owner = known.iter().find(|stream| file["name"] == stream.name).expect("a stream of ours").owner;
            let (whose, theirs) = (known_user(owner), known_session(&known, owner));
            assert!(if user.is_empty() { theirs == session } else { whose == user }, "{user} sees {file}");
        }
    }
}

fn known_user(owner: usize) -> &'static str {
    ["maria", "maria", "maria", "juan", "juan", "", ""][owner]
}

fn known_session(known: &[Known], owner: usize) -> String {
    let stream = known.iter().find(|stream| stream.owner == owner).expect("each has a stream");
    stream.name.trim_start_matches("of ").split(',').next().unwrap_or_default().to_owned()
}

/// A stream that has expired is answered, in each of the two ways, with the very bytes with which one is that never was, or that
/// is somebody else's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_never_was() {
    let mut config = settings();
    config.limits.session_ttl = std::time::Duration::from_millis(100);
    config.streams.idle_ttl = std::time::Duration::from_millis(200);
    let host = Host::start(config).await;
    let id = |number: u32| format!("st_{number:032x}");

    // Maria's session goes away with an unfinished stream in it, and everything expires.
    let mut maria = Raw::session(host.addr(), Some(&token("maria"))).await;
    maria.open(1, &id(1), Some(1000)).await;
    maria.chunk(1, 0, &[7; 500]).await;
    let ticket = maria.ticket.clone();
    drop(maria);
    samewire_tests::live::until("the stream has expired", || async { host.health().await.streams == 0 }).await;

    // Somebody else's stream is there.
    let mut juan = Raw::session(host.addr(), Some(&token("juan"))).await;
    juan.open(1, &id(2), Some(1000)).await;

    let (mut maria, welcome) = Raw::resume(host.addr(), &ticket).await;
    assert_eq!(welcome["continuity"], "restarted");
    let mut said = Vec::new();
    for (call, (id, method)) in (1..).zip([(id(1), "files/upload"), (id(2), "files/upload"), (id(3), "files/upload")]) {
        let params = json!({"stream": id});
        let error = maria.call(call, method, params.clone()).await.expect_err("there is no such stream");
        said.push(("session", without(&error, &id)));
        let answer = http::call(&host.url(), method, &params, Some(&token("maria")), Some(&maria.ticket)).await;
        assert_eq!(answer.status, 404);
        said.push(("with a ticket", answer.text.replace(&id, "ID")));
        let answer = http::call(&host.url(), method, &params, Some(&token("maria")), None).await;
        assert_eq!(answer.status, 421);
        said.push(("without one", answer.text.replace(&id, "ID")));
        // Reading on, and giving up, tell nothing either.
        maria.send(&json!({"type": "attach", "stream": 2, "ref": id, "offset": 0, "limit": 1000})).await;
        let abort = maria.expect("abort").await;
        said.push(("attach", without(&abort, &id)));
    }
    for (way, words) in &said {
        let same = said.iter().filter(|(other, _)| other == way).all(|(_, other)| other == words);
        assert!(same, "{way}: {said:#?}");
    }
    assert!(samewire_tests::live::blob_digests(host.data()).iter().all(|(size, _)| *size == 0), "the expired bytes are there");
}

/// Two sessions of one person and one stream: whoever opens it last has it, and the other hears so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_taken_along_is_told_to_the_session_that_had_it() {
    let host = Host::start(settings()).await;
    let id = format!("st_{:032x}", 1);
    let mut first = Raw::session(host.addr(), Some(&token("maria"))).await;
    first.open(1, &id, Some(10)).await;
    first.chunk(1, 0, &[1; 4]).await;
    let mut second = Raw::session(host.addr(), Some(&token("maria"))).await;
    let opened = second.open(5, &id, Some(10)).await;
    assert_eq!(first.aborted(1).await, "superseded");
    let error = first.call(1, "files/upload", json!({"stream": id})).await.expect_err("it is another session's now");
    assert_eq!(error["code"], "stream-not-found");
    let from = opened["offset"].as_u64().expect("an offset");
    second.chunk(5, from, &[1; 10][usize::try_from(from).expect("small")..]).await;
    let end = json!({"type": "end", "stream": 5, "size": 10, "digest": samewire::Digest::of(&[1; 10]).to_string()});
    second.send(&end).await;
    second.call(1, "files/upload", json!({"stream": id})).await.expect("a file");
}
