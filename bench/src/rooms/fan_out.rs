//! Deliveries per CPU-second of the server: one publisher, a thousand subscribers, messages of 128 bytes.

use std::time::{Duration, Instant};

use super::traffic::Traffic;
use super::{READERS, Server};
use crate::Outcome;
use crate::peer::Peer;
use crate::raw::{self, Crowd};
use crate::report::{median, verdict};

const SIZE: usize = 128;
const ROUNDS: usize = 5;
const A_SECOND: u32 = 100;
const WARM_UP: Duration = Duration::from_millis(500);
const PACED: Duration = Duration::from_secs(4);
const FLAT_OUT: Duration = Duration::from_secs(3);
const SERVERS: [Server; 4] = [Server::Samewire, Server::Socketioxide, Server::SocketIo, Server::Bare];

struct Round {
    paced: f64,
    flat_out: f64,
    a_second: f64,
}

pub(crate) fn run() -> Outcome {
    raw::pin();
    println!(
        "one publisher, {READERS} subscribers, {SIZE} bytes: deliveries per CPU-second of the server at {A_SECOND} a second and flat \
         out, 16 messages under way; {ROUNDS} rounds in turns"
    );
    let mut rounds: [Vec<Round>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (server, rounds) in SERVERS.iter().zip(&mut rounds) {
            rounds.push(round(*server)?);
        }
    }
    println!(" {:<18} {:>14} {:>14} {:>14}", "medians", "paced /CPU-s", "flat out /CPU-s", "flat out /s");
    for (server, rounds) in SERVERS.iter().zip(&rounds) {
        let of = |part: fn(&Round) -> f64| median(&rounds.iter().map(part).collect::<Vec<_>>());
        let (paced, flat_out, a_second) = (of(|r| r.paced), of(|r| r.flat_out), of(|r| r.a_second));
        println!(" {:<18} {paced:>14.0} {flat_out:>14.0} {a_second:>14.0}", server.name());
    }
    let [ours, others @ ..] = &rounds;
    for ((server, theirs), bar) in SERVERS.iter().skip(1).zip(others).zip([1.2, 2.0, 0.8]) {
        let ratio = |part: fn(&Round) -> f64| {
            median(&ours.iter().zip(theirs).map(|(ours, theirs)| part(ours) / part(theirs)).collect::<Vec<_>>())
        };
        verdict(&format!("{A_SECOND} a second, ratio to {}", server.name()), ratio(|r| r.paced), Some(bar), None);
        verdict(&format!("flat out, ratio to {}", server.name()), ratio(|r| r.flat_out), Some(bar), None);
    }
    Ok(())
}

fn round(server: Server) -> Outcome<Round> {
    let peer = server.start()?;
    let mut traffic = Traffic::new(Crowd::new(&peer.url, server.dialect())?.awake(), READERS, SIZE)?;
    traffic.flat_out(WARM_UP)?;
    let (paced, _) = measured(&peer, || traffic.paced_apart(A_SECOND, PACED))?;
    let (flat_out, a_second) = measured(&peer, || traffic.flat_out(FLAT_OUT))?;
    println!("  {:<18} {paced:>9.0} {flat_out:>9.0} {a_second:>9.0}", server.name());
    Ok(Round { paced, flat_out, a_second })
}

/// Deliveries per CPU-second, and per second.
fn measured(peer: &Peer, traffic: impl FnOnce() -> Outcome<usize>) -> Outcome<(f64, f64)> {
    let (before, start) = (peer.used()?, Instant::now());
    let deliveries = traffic()? as f64;
    let (after, took) = (peer.used()?, start.elapsed());
    Ok((deliveries / (after.cpu - before.cpu), deliveries / took.as_secs_f64()))
}
