//! Uploads a file and downloads it again: `cargo run -p samewire --example upload -- FILE [SERVER] [TOKEN]`.

use samewire::{Client, Source, StreamOptions, files};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which file?")?;
    let server = args.next().unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let mut builder = Client::builder(server);
    if let Some(token) = args.next() {
        builder = builder.token(token);
    }
    let client = builder.build()?;
    let name = std::path::Path::new(&path).file_name().ok_or("that is not a file")?.to_string_lossy().into_owned();

    let started = std::time::Instant::now();
    let upload = client.upload(Source::file(&path).await?, StreamOptions::named(name));
    let mut progress = upload.watch_progress();
    tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let now = *progress.borrow_and_update();
            eprint!("\r{} of {} bytes are safe on the server", now.durable, now.size.unwrap_or_default());
        }
    });
    let file = client.call::<files::Upload>(&files::UploadParams { stream: upload.stream(), name: None }).await?.file;
    eprintln!("\nstored as {} ({} bytes, {}) in {:?}", file.id, file.size, file.digest, started.elapsed());

    let opened = client.call::<files::Open>(&files::OpenParams::file(file.id)).await?;
    let (size, digest) = client.stream(opened.stream).await?.write_to(&mut tokio::io::sink()).await?;
    eprintln!("and back: {size} bytes, {digest}");
    assert_eq!(digest, file.digest);
    client.close();
    Ok(())
}
