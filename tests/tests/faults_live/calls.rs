//! Calls that cannot be answered: too many, wrong numbers, params that do not fit, handlers that fail.

use samewire::Failure;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, http, settings};
use serde_json::{Value, json};

samewire_tests::contract!(Wait, "test/wait", "Misbehave", false);
samewire_tests::contract!(Panic, "test/panic", "Misbehave", false);
samewire_tests::contract!(PanicLater, "test/panic-later", "Misbehave", false);

async fn host(max_calls: usize) -> Host {
    let mut config = settings();
    config.limits.max_calls = max_calls;
    Host::with(config, |builder| {
        builder
            .method::<Wait, _, _>(async |_: Value| std::future::pending::<Result<Value, Failure>>().await)
            .method::<Panic, _, _>(async |params: Value| -> Result<Value, Failure> {
                panic!("a handler's own fault: {params}")
            })
            .method::<PanicLater, _, _>(async |params: Value| -> Result<Value, Failure> {
                tokio::task::yield_now().await;
                panic!("a handler's own fault: {params}")
            })
    })
    .await
}

fn call(id: u64, method: &str) -> Value {
    json!({"type": "call", "id": id, "method": method})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_allowed_are_refused_and_can_be_made_again() {
    let host = host(8).await;
    let mut raw = Raw::session(host.addr(), None).await;
    for id in 1..=8 {
        raw.send(&call(id, "test/wait")).await;
    }
    for id in 9..=40 {
        let error = raw.call(id, "system/echo", json!(id)).await.expect_err("too many");
        assert_eq!(
            (&error["code"], &error["ran"], &error["retryable"]),
            (&json!("too-many-calls"), &json!("no"), &json!(true))
        );
    }
    // Others are not concerned, nor are this client's calls over HTTP.
    let mut other = Raw::session(host.addr(), None).await;
    assert_eq!(other.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    assert_eq!(http::call(&host.url(), "system/echo", &json!(1), None, Some(&raw.ticket)).await.status, 200);
    raw.send(&json!({"type": "cancel", "id": 3})).await;
    let error = raw.answer(3).await.expect_err("cancelled");
    assert_eq!((&error["code"], &error["ran"]), (&json!("canceled"), &json!("maybe")));
    assert_eq!(raw.call(41, "system/echo", json!(41)).await, Ok(json!(41)));
    // Calls that the client says are settled make room, because their handlers are stopped.
    raw.send(&json!({"type": "call", "id": 42, "method": "system/echo", "payload": 42, "done": 42})).await;
    assert_eq!(raw.answer(42).await, Ok(json!(42)));
    for id in 43..=50 {
        raw.send(&call(id, "test/wait")).await;
    }
    let error = raw.call(51, "system/echo", json!(1)).await.expect_err("too many again");
    assert_eq!(error["code"], "too-many-calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_used_once() {
    let host = host(8).await;
    let mut raw = Raw::session(host.addr(), None).await;
    assert_eq!(raw.call(5, "system/echo", json!("first")).await, Ok(json!("first")));
    // The same number is the same call, whatever else it says.
    assert_eq!(raw.call(5, "system/echo", json!("second")).await, Ok(json!("first")));
    raw.send(&json!({"type": "call", "id": 9, "method": "system/echo", "payload": 9, "done": 9})).await;
    assert_eq!(raw.answer(9).await, Ok(json!(9)));
    let error = raw.call(5, "system/echo", json!("third")).await.expect_err("it is settled");
    assert_eq!((&error["code"], &error["ran"]), (&json!("bad-number"), &json!("maybe")));
    assert_eq!(raw.call(10, "system/echo", json!(10)).await, Ok(json!(10)));
    // The largest number there is.
    assert_eq!(raw.call((1 << 53) - 1, "system/echo", json!(11)).await, Ok(json!(11)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_cannot_run_says_so() {
    let host = host(8).await;
    let mut raw = Raw::session(host.addr(), None).await;
    let long = "x".repeat(129);
    for (id, (method, params, code, ran)) in (1..).zip([
        ("no/such", json!(1), "method-not-found", "no"),
        ("", json!(1), "method-not-found", "no"),
        ("files//upload", json!(1), "method-not-found", "no"),
        ("../etc/passwd", json!(1), "method-not-found", "no"),
        (long.as_str(), json!(1), "method-not-found", "no"),
        ("files/upload", json!({}), "bad-params", "no"),
        ("files/upload", json!(null), "bad-params", "no"),
        ("files/upload", json!({"stream": "st_1"}), "bad-params", "no"),
        ("files/upload", json!({"stream": ["st_00000000000000000000000000000000"]}), "bad-params", "no"),
        ("files/open", json!({"id": "fi_00000000000000000000000000000000"}), "file-not-found", "yes"),
        ("files/remove", json!({"id": 7}), "bad-params", "no"),
        ("test/panic", json!(1), "internal", "maybe"),
        ("test/panic-later", json!(1), "internal", "maybe"),
    ]) {
        let error = raw.call(id, method, params).await.expect_err(method);
        assert_eq!((&error["code"], &error["ran"]), (&json!(code), &json!(ran)), "{method:?}: {error}");
        assert!(!error.to_string().contains("own fault"), "what a handler panics with is the server's own matter: {error}");
    }
    raw.send(&json!({"type": "call", "id": 100, "method": "test/wait", "timeout": 20})).await;
    let error = raw.answer(100).await.expect_err("late");
    assert_eq!((&error["code"], &error["ran"]), (&json!("deadline-exceeded"), &json!("maybe")));
    raw.send(&json!({"type": "call", "id": 101, "method": "test/panic", "timeout": 0})).await;
    let error = raw.answer(101).await.expect_err("late before it began");
    assert_eq!((&error["code"], &error["ran"]), (&json!("deadline-exceeded"), &json!("no")));
    for method in ["test/panic", "test/panic-later"] {
        let answer = http::call(&host.url(), method, &json!(1), None, None).await;
        assert_eq!((answer.status, answer.problem().as_str()), (500, "internal"));
        assert!(!answer.text.contains("own fault"));
    }
    let request = http::requests().post(format!("{}/rpc/test/wait", host.url())).body("1").header("samewire-timeout", "20");
    let answer = http::send(request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (504, "deadline-exceeded"));
    assert_eq!(raw.call(102, "system/echo", json!(1)).await, Ok(json!(1)));
    // Removing what is not there is no error, and whose it is makes no difference.
    let id = json!({"id": "fi_00000000000000000000000000000000"});
    assert_eq!(raw.call(103, "files/remove", id).await, Ok(json!({"removed": false})));
}
