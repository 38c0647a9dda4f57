//! Uploads a video, watches what the server makes of it, and downloads the rendition:
//! `cargo run -p samewire --example media -- VIDEO [SERVER] [TOKEN]`.
//!
//! The upload goes on where it was when this program is stopped and started again: its id is kept beside the video until it is stored.

use std::path::Path;

use samewire::files::{FileEvent, FileState};
use samewire::{Client, Excerpt, Source, StreamId, StreamOptions, Upload};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which video?")?;
    let mut builder = Client::builder(args.next().unwrap_or_else(|| "http://127.0.0.1:8080".into()));
    if let Some(token) = args.next() {
        builder = builder.token(token);
    }
    let client = builder.build()?;
    let files = client.files();

    let kept = format!("{path}.upload");
    let upload = begin(&client, &path, &kept).await?;
    let mut progress = upload.watch_progress();
    let shown = tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let now = *progress.borrow_and_update();
            eprint!("\r{} of {} bytes are safe on the server", now.durable, now.size.unwrap_or_default());
        }
    });
    let stored = files.store(upload.stream(), None).await?;
    shown.abort();
    std::fs::remove_file(&kept)?;
    eprintln!("\nstored as {}, {}", stored.file_id, stored.file.media.as_deref().unwrap_or("of no type that is known"));

    // Whoever comes late sees how far it is, and then what follows.
    let mut watch = files.watch(stored.file_id).await?;
    while watch.record()?.state == FileState::Processing {
        match watch.next().await? {
            Some(FileEvent::Progress(now)) => {
                eprint!("\r{}: {:>3} % {:<20}", now.kind, now.progress, now.stage.unwrap_or_default());
            }
            Some(FileEvent::Retrying(now)) => eprintln!("\n{}: {}; once more in {} ms", now.kind, now.reason, now.delay),
            Some(FileEvent::Completed(now)) => eprintln!("\n{}: done", now.kind),
            Some(FileEvent::Failed(now)) => return Err(format!("{}: {}", now.kind, now.reason).into()),
            Some(_) => {}
            None => return Err("the file is no longer watched".into()),
        }
    }

    let record = watch.record()?;
    if record.state == FileState::Failed {
        let reasons =
            record.processing.into_iter().filter_map(|job| job.reason.map(|reason| format!("{}: {reason}", job.kind)));
        return Err(reasons.collect::<Vec<_>>().join("; ").into());
    }
    let for_players = record.parts.iter().any(|part| part.name == "video").then(|| "video".to_owned());
    for part in record.parts {
        let name = format!("{path}.{}.{}", part.name, part.media.rsplit('/').next().unwrap_or("bin"));
        let (_, content) = files.open(stored.file_id, Excerpt::whole().of(&part.name)).await?;
        let (size, _) = content.write_to(&mut tokio::fs::File::create(&name).await?).await?;
        println!("{name}: {size} bytes");
    }
    println!("and for a player: {}", files.link(stored.file_id, for_players, None).await?.url);
    client.close();
    Ok(())
}

/// A new upload, or the rest of the one that was begun before.
async fn begin(client: &Client, path: &str, kept: &str) -> Result<Upload, Box<dyn std::error::Error>> {
    let name = Path::new(path).file_name().ok_or("that is not a file")?.to_string_lossy().into_owned();
    let (source, options) = (Source::file(path).await?, StreamOptions::named(name));
    if let Ok(id) = std::fs::read_to_string(kept) {
        return Ok(client.upload_with_id(id.trim().parse::<StreamId>()?, source, options));
    }
    let upload = client.upload(source, options);
    std::fs::write(kept, upload.id().to_string())?;
    Ok(upload)
}
