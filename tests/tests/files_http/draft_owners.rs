//! Whose an upload is.

use samewire_tests::draft::Client;
use serde_json::json;

use super::stage::{maria, server};

#[tokio::test]
async fn somebody_elses_upload_answers_like_one_that_never_was() {
    let server = server().await;
    let (maria, otto) = (maria(&server), Client::new(server.addr(), "otto"));
    let upload = maria.create(Some(3)).await;
    let id = upload.rsplit('/').next().expect("an id").to_owned();
    let never = "st_00000000000000000000000000000000";
    let asks = |path: &str| {
        let path = path.to_owned();
        [otto.draft("DELETE", &path), otto.draft("GET", &path), otto.appending(&path, 0, true).body(b"abc")]
    };
    for (theirs, nobodys) in asks(&upload).into_iter().zip(asks(&format!("/api/uploads/{never}"))) {
        let (theirs, nobodys) = (theirs.send().await, nobodys.send().await);
        assert_eq!(theirs.problem(), (404, "stream-not-found".into()));
        let detail = |answer: serde_json::Value, id: &str| answer["detail"].as_str().expect("a detail").replace(id, "ID");
        assert_eq!(detail(theirs.json(), &id), detail(nobodys.json(), never));
    }
    assert_eq!(otto.draft("HEAD", "/api/uploads/nothing").send().await.status(), 404);
    let stranger = maria.draft("HEAD", &upload).without("authorization").send().await;
    assert_eq!(stranger.status(), 401);
    assert_eq!(maria.offset(&upload).await, (0, false), "and nothing happened to it");
    assert_eq!(maria.append(&upload, 0, true, b"abc").await.status(), 201);
}

#[tokio::test]
async fn pages_of_other_origins_may_not_and_those_of_this_one_may_read_all_headers() {
    let server = server().await;
    let maria = maria(&server);
    let elsewhere = maria.creating(true).header("origin", "https://evil.example").body(b"abc").send().await;
    assert_eq!(elsewhere.problem(), (403, "origin-refused".into()));
    let own = format!("http://{}", server.addr());
    let asked = samewire_tests::http1::Request::new(server.addr(), "OPTIONS", "/api/uploads/x")
        .header("origin", &own)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,upload-offset,upload-complete,content-digest")
        .send()
        .await;
    let allowed = asked.get("access-control-allow-headers").expect("headers");
    for name in ["authorization", "content-disposition", "upload-complete", "upload-offset", "upload-length", "repr-digest"] {
        assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name}: {allowed}");
    }
    let answer = maria.creating(true).header("origin", &own).body(b"abc").send().await;
    let exposed = answer.get("access-control-expose-headers").expect("headers");
    for name in ["location", "upload-complete", "upload-offset", "upload-limit", "samewire-file", "content-range", "etag"] {
        assert!(exposed.split(',').any(|exposed| exposed.trim() == name), "{name}: {exposed}");
    }
    assert_eq!(answer.json()["name"], json!("upload"));
}
