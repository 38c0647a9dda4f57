//! Live streams in the terminal: `cargo run -p samewire --example live -- COMMAND …`, beside `cargo xtask run`.
//!
//! - `list` names the streams that are live;
//! - `observe STREAM` tells what happens in one: start it in the browser, watch it in another tab, close that again;
//! - `watch STREAM` is a viewer without a picture, and shows what the broadcaster offers it: what a WebRTC library would be given;
//! - `end STREAM` ends one.
//!
//! The server and a token come from `SAMEWIRE_URL` (`http://127.0.0.1:8080`) and `SAMEWIRE_TOKEN`.

use samewire::Client;
use samewire::live::{Live, LiveEvent, LiveRecord, PeerMessage, WatchEvent, WatchOptions};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let mut builder = Client::builder(std::env::var("SAMEWIRE_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".into()));
    if let Ok(token) = std::env::var("SAMEWIRE_TOKEN") {
        builder = builder.token(token);
    }
    let client = builder.build()?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => list(client.live()).await?,
        ["observe", stream] => observe(client.live(), stream).await?,
        ["watch", stream] => watch(client.live(), stream).await?,
        ["end", stream] => client.live().end(stream).await?,
        _ => return Err("expected `list`, or `observe`, `watch` or `end` and the name of a stream".into()),
    }
    client.close();
    Ok(())
}

async fn list(live: Live) -> Outcome {
    let mut after: Option<String> = None;
    loop {
        let page = live.list(after.as_deref()).await?;
        page.streams.iter().for_each(show);
        match page.next {
            Some(next) => after = Some(next.into()),
            None => return Ok(()),
        }
    }
}

async fn observe(live: Live, stream: &str) -> Outcome {
    let observer = live.observe(stream).await?;
    show(&observer.record()?);
    while let Some(event) = observer.next().await? {
        tell(&event);
    }
    Ok(())
}

async fn watch(live: Live, stream: &str) -> Outcome {
    let watch = live.watch(stream, WatchOptions::default()).await?;
    show(&watch.record()?);
    while let Some(event) = watch.next().await? {
        match event {
            WatchEvent::Begin(peer) => println!("begin peer connection {} as {}", peer.negotiation, peer.viewer),
            WatchEvent::Message(_, PeerMessage::Offer(offer)) => {
                println!("offer {}:", offer.round);
                offer.sdp.lines().filter(|line| line.starts_with("m=")).for_each(|line| println!("  {line}"));
            }
            WatchEvent::Message(_, PeerMessage::Candidates(said)) => {
                said.candidates.iter().for_each(|one| println!("  {}", one.candidate));
            }
            WatchEvent::Stream(event) => tell(&event),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}

fn show(record: &LiveRecord) {
    let LiveRecord { stream_id, state, viewer_count, peak_viewers, .. } = record;
    let title = record.title.as_deref().map(|title| format!(" “{title}”")).unwrap_or_default();
    let by = record.broadcaster.as_deref().map(|user| format!(" by {user}")).unwrap_or_default();
    println!("{stream_id}{title}{by}: {state:?}, {viewer_count} watching, {peak_viewers} at the most");
}

fn tell(event: &LiveEvent) {
    let what = match event {
        LiveEvent::ViewerCount(now) => format!("{} watching, {} at the most", now.viewer_count, now.peak_viewers),
        LiveEvent::Paused(paused) => format!("held until {}", paused.hold_until),
        LiveEvent::Ended(ended) => format!("{:?}", ended.reason),
        LiveEvent::Quality(now) => format!("{:?}", now.quality.level),
        _ => String::new(),
    };
    println!("{} {} {what}", event.timestamp(), event.name());
}
