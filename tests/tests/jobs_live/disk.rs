//! A disk that fills while a job is done: its worker is told, the file stays, and the server goes on.

use samewire_tests::live::{blob_count, until};
use serde_json::json;

use super::stage::{Body, Outside, file_is, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_with_parts() {
    let root = rustix::process::geteuid().is_root();
    let namespace = if root { "-m" } else { "-Urm" };
    // Both exec in place, so the process that is killed is the server's.
    let script = "mount -t tmpfs -o size=48m tmpfs {data} && exec \"$@\"";
    let outside = Outside::start(&[("LIMITS_WINDOW", "1 MiB")], &["unshare", namespace, "sh", "-c", script, "sh"]).await;
    let (url, pid) = (outside.url(), outside.child.pid());
    let data = outside.child.data().strip_prefix("/").expect("an absolute path").to_owned();
    let data = std::path::Path::new("/proc").join(pid.to_string()).join("root").join(data);
    let stored = store(&url, "maria", "a text").await;
    let job = Outside::claim(&url, 60_000, 30_000).await.expect("a job");
    let (id, lease) = (job["id"].as_str().expect("an id"), job["lease"].as_str().expect("a lease"));
    let large = vec![b'x'; 12 << 20];
    let mut told = None;
    for name in ["one", "two", "three", "four"] {
        let path = format!("{id}/parts/{name}");
        let sent = Outside::ask(&url, "PUT", &path, Some(lease), Body::Part(&large)).await;
        match sent {
            Some(sent) if sent.status == 200 => {}
            sent => {
                told = sent;
                break;
            }
        }
    }
    let told = told.expect("the disk is smaller than that, and the answer comes");
    assert_eq!((told.status, told.problem().as_str()), (507, "storage-full"), "{told:?}");

    let reason = json!({"lease": lease, "reason": "there is no room", "code": "storage-full", "retry": true});
    let failed = Outside::ask(&url, "POST", &format!("{id}/fail"), None, Body::Json(&reason)).await.expect("an answer");
    assert_eq!(failed.status, 200, "{failed:?}");
    until("what was sent is gone", || async { std::fs::read_dir(data.join("work")).expect("the folder").count() == 0 }).await;
    assert_eq!(blob_count(&data), 1);
    // With less, it is done.
    let job = Outside::claim(&url, 60_000, 30_000).await.expect("the job again");
    let lease = job["lease"].as_str().expect("a lease");
    let sent = Outside::ask(&url, "PUT", &format!("{id}/parts/one"), Some(lease), Body::Part(b"small")).await;
    assert_eq!(sent.expect("an answer").status, 200);
    let done = Outside::ask(&url, "POST", &format!("{id}/complete"), None, Body::Json(&json!({"lease": lease}))).await;
    assert_eq!(done.expect("an answer").status, 200);
    let file = file_is(&url, "maria", stored.id, "ready").await;
    assert_eq!(file["parts"][0]["size"], 5);
    // A small upload still has room.
    store(&url, "maria", "another text").await;
}
