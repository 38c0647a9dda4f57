//! Echo calls: 64 in flight on one connection, and over 50 connections.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use crate::Outcome;
use crate::peer::Peer;
use crate::report::{median, verdict};
use crate::socket::{Socket, connect};

const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_millis(500);
const SPAN: Duration = Duration::from_secs(2);

pub(crate) async fn run() -> Outcome {
    println!("echo calls {{\"v\":\"hello world\",\"n\":42}}, server on one core, {ROUNDS} rounds in turns");
    for (connections, in_flight) in [(1, 64), (50, 1), (50, 64)] {
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let same = load(&Peer::samewire()?, true, connections, in_flight).await?;
            let bare = load(&Peer::compared("echo")?, false, connections, in_flight).await?;
            rates.push(same.0 / bare.0);
            costs.push(same.1 / bare.1);
            ours.push(same.0);
            theirs.push(bare.0);
        }
        println!(
            " {connections} connections, {in_flight} in flight on each: samewire {:.0} calls/s, bare axum {:.0}",
            median(&ours),
            median(&theirs)
        );
        verdict("calls/s, ratio", median(&rates), Some(0.8), None);
        verdict("calls per CPU-second of the server, ratio", median(&costs), Some(0.8), None);
    }
    Ok(())
}

/// Calls a second, and calls a CPU-second of the server.
async fn load(peer: &Peer, hello: bool, connections: usize, in_flight: usize) -> Outcome<(f64, f64)> {
    let mut sockets = Vec::new();
    for _ in 0..connections {
        sockets.push(connect(&peer.url, hello).await?);
    }
    let share = |until: Instant, sockets: Vec<Socket>| async move {
        let done = try_join_all(sockets.into_iter().map(|socket| calls(socket, in_flight, until))).await?;
        let (counts, sockets): (Vec<u64>, Vec<Socket>) = done.into_iter().unzip();
        Outcome::Ok((counts.iter().sum::<u64>(), sockets))
    };
    let (_, sockets) = share(Instant::now() + WARM_UP, sockets).await?;
    let (before, start) = (peer.used()?, Instant::now());
    let (count, sockets) = share(start + SPAN, sockets).await?;
    let (took, after) = (start.elapsed().as_secs_f64(), peer.used()?);
    drop(sockets);
    Ok((count as f64 / took, count as f64 / (after.cpu - before.cpu)))
}

async fn calls(mut socket: Socket, in_flight: usize, until: Instant) -> Outcome<(u64, Socket)> {
    // Numbers must rise over the life of a session, also from the warm-up to the measurement.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let next = || NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let call = |done: u64| {
        let id = next();
        let done = if done > 0 { format!(",\"done\":{done}") } else { String::new() };
        Message::text(format!(
            r#"{{"type":"call","id":{id},"method":"system/echo","payload":{{"v":"hello world","n":42}}{done}}}"#
        ))
    };
    let mut open = std::collections::BTreeSet::new();
    let id_of = |text: &str| -> Option<u64> { text.strip_prefix(r#"{"type":"result","id":"#)?.split(',').next()?.parse().ok() };
    let first = NEXT.load(std::sync::atomic::Ordering::Relaxed);
    for _ in 0..in_flight {
        socket.feed(call(first.saturating_sub(1))).await?;
    }
    socket.flush().await?;
    let mut missing = in_flight;
    let mut count = 0;
    while missing > 0 {
        let Some(Ok(Message::Text(text))) = socket.next().await else { return Err("the server hung up".into()) };
        let id = id_of(&text).ok_or_else(|| format!("not an answer: {text}"))?;
        open.insert(id);
        count += 1;
        missing -= 1;
        if Instant::now() < until {
            // Answers come in order here, so every call before this one is settled.
            socket.feed(call(id)).await?;
            missing += 1;
            // What came in one piece is answered in one piece.
            if open.len() >= in_flight {
                open.clear();
                socket.flush().await?;
            } else if futures_util::FutureExt::now_or_never(socket.flush()).is_none() {
                socket.flush().await?;
            }
        }
    }
    Ok((count, socket))
}
