//! A worker over HTTP, as it should be and as it should not.

use samewire_tests::live::http::{self};
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{token, wait_for_blobs};
use serde_json::json;

use super::stage::{API_KEY, Body, Outside, file, file_is, hear_until, store, watch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_from_its_beginning_to_its_end() {
    let outside = Outside::start(&[], &[]).await;
    let url = outside.url();
    assert!(Outside::claim(&url, 60_000, 0).await.is_none());
    let stored = store(&url, "maria", "0123456789").await;
    let mut watcher = Raw::session(outside.child.addr(), Some(&token("maria"))).await;
    watch(&mut watcher, stored.id).await.expect("the owner may watch");
    let job = Outside::claim(&url, 60_000, 30_000).await.expect("a job");
    let (id, lease) = (job["id"].as_str().expect("an id"), job["lease"].as_str().expect("a lease"));
    assert_eq!((&job["kind"], &job["attempt"], &job["file"]["id"]), (&json!("texts"), &json!(1), &json!(stored.id)));
    let path = |rest: &str| format!("{id}/{rest}");

    let source = Outside::ask(&url, "GET", &path("source"), Some(lease), Body::None).await.expect("an answer");
    assert_eq!((source.status, source.text.as_str(), source.media.as_str()), (200, "0123456789", "text/plain"));
    let range = http::requests()
        .get(format!("{url}/api/jobs/{id}/source"))
        .bearer_auth(API_KEY)
        .header("samewire-lease", lease)
        .header("range", "bytes=2-4");
    let range = http::send(range).await;
    assert_eq!((range.status, range.text.as_str()), (206, "234"));

    let report = json!({"lease": lease, "progress": 41.7, "stage": "reading"});
    let heard = Outside::ask(&url, "POST", &path("progress"), None, Body::Json(&report)).await.expect("an answer");
    assert_eq!((heard.status, &heard.json()["canceled"]), (200, &json!(false)), "{heard:?}");
    let told = hear_until(&mut watcher, "processing:progress").await;
    assert_eq!(told.last().expect("the last").1["progress"], 41);
    assert_eq!(told.last().expect("the last").1["stage"], "reading");

    let part = path("parts/first?width=3&duration=70&extra=%7B%22a%22%3A1%7D");
    let sent = Outside::ask(&url, "PUT", &part, Some(lease), Body::Part(b"012")).await.expect("an answer");
    assert_eq!((sent.status, &sent.json()["size"]), (200, &json!(3)), "{sent:?}");
    for _ in 0..2 {
        let done = Outside::ask(&url, "POST", &path("complete"), None, Body::Json(&json!({"lease": lease}))).await;
        assert_eq!(done.expect("an answer").status, 200, "said again, it is answered alike");
    }
    let heard = hear_until(&mut watcher, "processing:completed").await;
    let parts = json!([{"name": "first", "media": "text/plain", "size": 3, "width": 3, "duration": 70, "extra": {"a": 1}}]);
    assert_eq!(heard.last().expect("the last").1["parts"], parts);
    let file = file(&url, "maria", stored.id).await;
    assert_eq!((&file["state"], &file["parts"]), (&json!("ready"), &parts));
    wait_for_blobs(outside.child.data(), 2).await;
    let metrics = http::send(http::requests().get(format!("{url}/metrics")).bearer_auth(API_KEY)).await.text;
    for line in [
        "samewire_jobs{kind=\"texts\",state=\"completed\"} 1",
        "samewire_jobs_ended_total{kind=\"texts\",outcome=\"completed\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_loses_the_job_and_reports_late() {
    let outside = Outside::start(&[], &[]).await;
    let url = outside.url();
    let stored = store(&url, "maria", "a text").await;
    let mut watcher = Raw::session(outside.child.addr(), Some(&token("maria"))).await;
    watch(&mut watcher, stored.id).await.expect("the owner may watch");
    // The shortest lease that there is.
    let first = Outside::claim(&url, 1, 30_000).await.expect("a job");
    let (id, lease) = (first["id"].as_str().expect("an id").to_owned(), first["lease"].as_str().expect("a lease").to_owned());
    let heard = hear_until(&mut watcher, "processing:retrying").await;
    assert_eq!(heard.last().expect("the last").1["code"], "lease-lost");
    let report = json!({"lease": lease, "progress": 90});
    for (method, rest, body) in [
        ("POST", "progress", Body::Json(&report)),
        ("POST", "complete", Body::Json(&report)),
        ("GET", "source", Body::None),
        ("PUT", "parts/late", Body::Part(b"late")),
    ] {
        let late = Outside::ask(&url, method, &format!("{id}/{rest}"), Some(&lease), body).await.expect("an answer");
        assert_eq!((late.status, late.problem().as_str()), (409, "lease-lost"), "{rest}");
    }
    let second = Outside::claim(&url, 60_000, 30_000).await.expect("the job again");
    assert_eq!((&second["id"], &second["attempt"]), (&first["id"], &json!(2)));
    let complete = json!({"lease": second["lease"]});
    let done = Outside::ask(&url, "POST", &format!("{id}/complete"), None, Body::Json(&complete)).await;
    assert_eq!(done.expect("an answer").status, 200);
    file_is(&url, "maria", stored.id, "ready").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_beyond_the_owners_quota() {
    let outside = Outside::start(&[("STREAMS_QUOTA", "1 KiB"), ("LIMITS_WINDOW", "64 KiB")], &[]).await;
    let url = outside.url();
    let stored = store(&url, "maria", "a text").await;
    let job = Outside::claim(&url, 60_000, 30_000).await.expect("a job");
    let (id, lease) = (job["id"].as_str().expect("an id"), job["lease"].as_str().expect("a lease"));
    let part = |name: &str| format!("{id}/parts/{name}");
    let large = Outside::ask(&url, "PUT", &part("large"), Some(lease), Body::Part(&[b'x'; 2_000])).await.expect("an answer");
    assert_eq!((large.status, large.problem().as_str()), (413, "quota-exceeded"));
    // Each by itself fits, and both together do not.
    for name in ["one", "two"] {
        let sent = Outside::ask(&url, "PUT", &part(name), Some(lease), Body::Part(&[b'x'; 600])).await.expect("an answer");
        assert_eq!(sent.status, 200, "{sent:?}");
    }
    let complete = json!({"lease": lease});
    let done = Outside::ask(&url, "POST", &format!("{id}/complete"), None, Body::Json(&complete)).await.expect("an answer");
    assert_eq!((done.status, done.problem().as_str()), (413, "quota-exceeded"));
    let file = file_is(&url, "maria", stored.id, "failed").await;
    assert_eq!(file["processing"][0]["code"], "quota-exceeded");
    assert!(file.get("parts").is_none(), "{file}");
    wait_for_blobs(outside.child.data(), 1).await;
    samewire_tests::live::until("the folder for work is empty", || async {
        std::fs::read_dir(outside.child.data().join("work")).expect("the folder").count() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_of_a_worker() {
    let outside = Outside::start(&[], &[]).await;
    let url = outside.url();
    let no_key = http::send(http::requests().post(format!("{url}/api/jobs/claim")).body("{}")).await;
    assert_eq!((no_key.status, no_key.problem().as_str()), (401, "unauthenticated"));
    for (body, code) in [
        (json!({}), "bad-params"),
        (json!({"kinds": [], "worker": "a test"}), "bad-params"),
        (json!({"kinds": ["texts"], "worker": ""}), "bad-params"),
        (json!({"kinds": ["video"], "worker": "a test"}), "bad-params"),
    ] {
        let answer = Outside::ask(&url, "POST", "claim", None, Body::Json(&body)).await.expect("an answer");
        assert_eq!(answer.problem(), code, "{body}");
    }
    let nowhere = format!("jb_{:032x}", 7);
    for id in [nowhere.as_str(), "x", "..%2F..%2Fetc"] {
        let answer = Outside::ask(&url, "GET", &format!("{id}/source"), Some("x"), Body::None).await.expect("an answer");
        assert_eq!((answer.status, answer.problem().as_str()), (404, "job-not-found"), "{id}");
    }
    store(&url, "maria", "a text").await;
    let job = Outside::claim(&url, 60_000, 30_000).await.expect("a job");
    let (id, lease) = (job["id"].as_str().expect("an id"), job["lease"].as_str().expect("a lease"));
    let bare = Outside::ask(&url, "GET", &format!("{id}/source"), None, Body::None).await.expect("an answer");
    assert_eq!(bare.problem(), "bad-request");
    for name in ["..", "Poster", "a%2Fb", "1"] {
        let path = format!("{id}/parts/{name}");
        let answer = Outside::ask(&url, "PUT", &path, Some(lease), Body::Part(b"x")).await.expect("an answer");
        assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    }
    let report = json!({"lease": "guessed", "reason": "no"});
    let answer = Outside::ask(&url, "POST", &format!("{id}/fail"), None, Body::Json(&report)).await.expect("an answer");
    assert_eq!(answer.problem(), "lease-lost");
}
