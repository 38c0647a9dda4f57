//! A server, and somebody with files.

use samewire_tests::draft::Client;
use samewire_tests::http1::Response;
use samewire_tests::live::Child;
use serde_json::{Value, json};

pub(crate) async fn server() -> Child {
    server_with(&[]).await
}

pub(crate) async fn server_with(settings: &[(&str, &str)]) -> Child {
    Child::start(settings).await
}

pub(crate) fn maria(server: &Child) -> Client {
    Client::new(server.addr(), "maria")
}

/// Bytes of which none is where another one should be.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from((at * 31 + at / 251) % 251).expect("a byte")).collect()
}

/// Stores a file and answers its record.
pub(crate) async fn stored(client: &Client, name: &str, media: &str, bytes: &[u8]) -> Value {
    let request = client.request("POST", "/api/files").header("content-type", media);
    let request = request.header("content-disposition", &format!("attachment; filename=\"{name}\""));
    let answer = request.body(bytes).send().await;
    assert_eq!(answer.status(), 201, "{answer:?}");
    answer.json()
}

/// The address of a file's content.
pub(crate) fn content(file: &Value) -> String {
    format!("/api/files/{}/content", file["id"].as_str().expect("an id"))
}

/// Calls a method over HTTP.
pub(crate) async fn call(client: &Client, method: &str, params: Value) -> Response {
    client.request("POST", &format!("/rpc/{method}")).body(params.to_string().as_bytes()).send().await
}

/// The names of somebody's files.
pub(crate) async fn names(client: &Client) -> Vec<String> {
    let files = call(client, "files/list", json!({})).await.json()["files"].clone();
    let mut names: Vec<String> =
        files.as_array().expect("files").iter().map(|file| file["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// Waits until nothing of what came is left but this many blobs, and no upload is under way.
pub(crate) async fn left(server: &Child, blobs: usize) {
    samewire_tests::live::wait_for_blobs(server.data(), blobs).await;
    samewire_tests::live::until("no stream under way", || async { server.health().await.streams == 0 }).await;
}
