//! A chat in the terminal: `cargo run -p samewire --example chat -- NAME [ROOM] [SERVER] [TOKEN]`.
//!
//! Run it twice beside `cargo xtask run`. Stop the server and start it again: the chat goes on. `/who` tells who is there, `/state`
//! what the room's state is, `/set KEY VALUE` changes it, `/quit` leaves.

use std::io::BufRead;

use samewire::Client;
use samewire::rooms::{JoinOptions, Page, Room, RoomEvent};
use serde_json::json;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().ok_or("what is your name?")?;
    let room = args.next().unwrap_or_else(|| "demo:chat".into());
    let server = args.next().unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let mut builder = Client::builder(server);
    if let Some(token) = args.next() {
        builder = builder.token(token);
    }
    let client = builder.build()?;

    let room = client.join(&room, JoinOptions::new().info(json!({"name": name}))).await?;
    println!("You are member {} of {}.", room.member().unwrap_or_default(), room.name());
    for message in room.history(Page { limit: Some(10), ..Page::default() }).await?.messages {
        show(&RoomEvent::Message(message));
    }
    let mut lines = typed();
    loop {
        tokio::select! {
            event = room.next() => match event {
                Some(event) => show(&event),
                None => break,
            },
            line = lines.recv() => match line.as_deref() {
                None | Some("/quit") => break,
                Some("") => {}
                Some(line) => {
                    // While the connection is lost it waits, and what the others said is shown meanwhile.
                    tokio::spawn(say(room.clone(), name.clone(), line.to_owned()));
                }
            },
        }
    }
    client.close();
    Ok(())
}

async fn say(room: Room, name: String, line: String) {
    if let Err(failure) = obey(&room, &name, &line).await {
        println!("! {failure}");
    }
}

async fn obey(room: &Room, name: &str, line: &str) -> Result<(), samewire::Failure> {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["/who"] => {
            let presence = room.presence();
            let names = presence.entries.values().map(|entry| entry.info.as_deref().map_or(&*entry.id, |info| info.get()));
            println!("{} members: {}", presence.members, names.collect::<Vec<_>>().join(", "));
        }
        ["/state"] => println!("{}", room.state().unwrap_or_default()),
        ["/set", key, value] => drop(room.patch(&json!({key: value})).await?),
        _ => drop(room.publish("line", &json!({"name": name, "text": line})).await?),
    }
    Ok(())
}

fn show(event: &RoomEvent) {
    match event {
        RoomEvent::Message(message) if message.name.as_str() == "line" => {
            let line: serde_json::Value = message.payload().unwrap_or_default();
            let (name, text) = (line["name"].as_str().unwrap_or("?"), line["text"].as_str().unwrap_or("?"));
            println!("{name}: {text}");
        }
        RoomEvent::Message(message) => println!("* {}", message.name),
        RoomEvent::Recovered => println!("* The connection was lost and is back; nothing is missing."),
        RoomEvent::Lost { missed } => {
            println!("* Messages were lost: {}.", missed.map_or("nobody knows how many".into(), |n| n.to_string()))
        }
        other => println!("* {other:?}"),
    }
}

/// What is typed, line by line. The standard input is read by a thread of its own, which ends with the program.
fn typed() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || std::io::stdin().lock().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    lines
}
