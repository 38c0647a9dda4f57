//! Deliveries per CPU-second of the server: how a file is coming along, told to a thousand who speak Socket.IO over WebSockets. Each
//! hears every message, in order, or the measurement fails.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::peer::Peer;
use crate::raw::{self, Crowd, Dialect};
use crate::report::{median, verdict};
use crate::rooms::READERS;
use crate::rooms::traffic::Traffic;

/// What a message says besides its fields.
const SIZE: usize = 32;
const ROUNDS: usize = 5;
const A_SECOND: u32 = 100;
const WARM_UP: Duration = Duration::from_millis(500);
const PACED: Duration = Duration::from_secs(4);
const FLAT_OUT: Duration = Duration::from_secs(3);

/// Whoever knows the file may watch it, as with a gateway of Socket.IO that asks nobody who he is; and one of them tells how it is
/// coming along.
const CONFIG: &str = r#"
[dialects.socketio]
enabled = true
anonymous = true

[rooms.kinds.file]
access = "open"
publish = ["viewer"]
patch = ["viewer"]
rate = 1000000
burst = 1000000
max_members = 20000
"#;

struct Round {
    paced: f64,
    flat_out: f64,
    a_second: f64,
}

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!(
        "processing:progress of one file to {READERS} subscribers of Socket.IO over WebSockets, their order checked: deliveries per \
         CPU-second of the server at {A_SECOND} a second and flat out, 16 messages under way; {ROUNDS} rounds in turns"
    );
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(round("samewire", samewire()?)?);
        let room = "file:fi_00000000000000000000000000000000";
        theirs.push(round("Socket.IO 4.8", (Peer::socket_io("socket-io-files")?, Dialect::Files { room, record: None }))?);
    }
    let ratio = |part: fn(&Round) -> f64| {
        median(&ours.iter().zip(&theirs).map(|(ours, theirs)| part(ours) / part(theirs)).collect::<Vec<_>>())
    };
    verdict("flat out, ratio to Socket.IO", ratio(|round| round.flat_out), Some(2.0), None);
    let (paced, a_second) = (ratio(|round| round.paced), ratio(|round| round.a_second));
    println!("  {A_SECOND} a second, ratio to Socket.IO: {paced:.2}; flat out, in deliveries a second: {a_second:.2}");
    Ok(())
}

/// A server with a file.
fn samewire() -> Outcome<(Peer, Dialect)> {
    let peer = Peer::samewire_with(CONFIG)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let record: serde_json::Value = runtime.block_on(async {
        let http = reqwest::Client::new();
        let token =
            http.post(format!("{}/dev/token", peer.url)).header("content-type", "application/json").body(r#"{"name":"ada"}"#);
        let token: serde_json::Value = serde_json::from_str(&token.send().await?.text().await?)?;
        let token = token["token"].as_str().ok_or("no token")?;
        let file = http.post(format!("{}/api/files", peer.url)).bearer_auth(token).header("content-type", "text/plain");
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(serde_json::from_str(
            &file.body("a text").send().await?.text().await?,
        )?)
    })?;
    let file = record["id"].as_str().ok_or("no file")?.to_owned();
    // As a film in work has it: every event brings the file's record with it.
    let job = r#""state":"processing","processing":[{"kind":"video","state":"running","progress":50,"attempt":1}]"#;
    let (digest, created) = (&record["digest"], &record["created"]);
    let record = format!(
        r#"{{"id":"{file}","name":"film.mp4","size":1000000,"media":"video/mp4","digest":{digest},"created":{created},{job}}}"#
    );
    Ok((peer, Dialect::Files { room: format!("file:{file}").leak(), record: Some(record.leak()) }))
}

fn round(name: &str, (peer, dialect): (Peer, Dialect)) -> Outcome<Round> {
    let mut traffic = Traffic::new(Crowd::new(&peer.url, dialect)?.awake(), READERS, SIZE)?;
    traffic.flat_out(WARM_UP)?;
    let (paced, _) = measured(&peer, || traffic.paced_apart(A_SECOND, PACED))?;
    let (flat_out, a_second) = measured(&peer, || traffic.flat_out(FLAT_OUT))?;
    println!("  {name:<18} paced {paced:>9.0} /CPU-s, flat out {flat_out:>9.0} /CPU-s, {a_second:>9.0} /s");
    Ok(Round { paced, flat_out, a_second })
}

/// Deliveries per CPU-second, and per second.
fn measured(peer: &Peer, traffic: impl FnOnce() -> Outcome<usize>) -> Outcome<(f64, f64)> {
    let (before, start) = (peer.used()?, Instant::now());
    let deliveries = traffic()? as f64;
    let (after, took) = (peer.used()?, start.elapsed());
    Ok((deliveries / (after.cpu - before.cpu), deliveries / took.as_secs_f64()))
}
