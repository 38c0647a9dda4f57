//! Tokens for the asking: of the program, and of a server in development.

use std::path::Path;
use std::process::{Command, Output};

use samewire_server::Config;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Child, Host, SECRET, http, settings};
use serde_json::{Value, json};

use crate::stage::{config, echo};

fn samewire(config: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(Child::program());
    command.arg("token").arg("--config").arg(config).args(args).env_clear().output().expect("the program runs")
}

fn token(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_signs_tokens_with_the_servers_secret() {
    let mut config = config();
    config.auth.audience = vec!["samewire".into()];
    let host = Host::start(config).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("samewire.toml");
    std::fs::write(&path, format!("[auth]\nsecret = '{SECRET}'\naudience = 'samewire'\n")).expect("written");
    let grants = ["--room", "portal:*=viewer", "--live", "x=broadcaster", "--method", "system/*", "--method", "files/list"];
    let all = [&["--user", "maria", "--ttl", "90s", "--id", "t-1"], &grants[..]].concat();
    let good = token(&tokio::task::block_in_place(|| samewire(&path, &all)));
    let mut raw = Raw::connect(host.addr()).await;
    let welcome = raw.hello(json!({"token": good})).await;
    assert_eq!(welcome["identity"], "maria");
    assert!(welcome["expires"].as_u64().is_some_and(|expires| expires <= 90_000), "{welcome}");
    assert_eq!(raw.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    assert_eq!(raw.call(2, "files/remove", json!({})).await.expect_err("forbidden")["code"], "forbidden");
    let elsewhere = token(&tokio::task::block_in_place(|| samewire(&path, &["--user", "maria", "--audience", "elsewhere"])));
    assert_eq!(echo(&host, Some(&elsewhere), None).await.problem(), "token-invalid");

    let nothing = folder.path().join("nothing.toml");
    std::fs::write(&nothing, "").expect("written");
    for (path, args, told) in [
        (&nothing, vec!["--user", "maria"], "no secret to sign with"),
        (&path, vec!["--user", "anon:x"], "does not begin with"),
        (&path, vec!["--user", "maria", "--room", "portal:*"], "PATTERN=ROLE"),
        (&path, vec!["--user", "maria", "--room", "portal:**=viewer"], "not a pattern"),
        (&path, vec!["--user", "maria", "--ttl", "soon"], "not a time"),
        (&path, vec![], "--user"),
    ] {
        let output = tokio::task::block_in_place(|| samewire(path, &args));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}");
        assert!(error.contains(told) && !error.contains(SECRET), "{args:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_development_signs_what_is_asked_for() {
    let mut config = Config { dev: true, ..settings() };
    config.auth.secret = None;
    let host = Host::start(config).await;
    let mint = async |wanted: Value| http::send(http::requests().post(format!("{}/dev/token", host.url())).json(&wanted)).await;
    let claim = json!({"methods": ["files/*"]});
    let answer = mint(json!({"name": "maria", "grants": claim, "ttl": 60_000, "id": "t-1"})).await.json();
    let token = answer["token"].as_str().expect("a token").to_owned();
    assert_eq!(echo(&host, Some(&token), None).await.problem(), "forbidden");
    for (wanted, code) in [
        (json!({"name": ""}), "bad-name"),
        (json!({"name": "maria", "grants": {"rooms": [{"name": "a:*"}]}}), "bad-params"),
        (json!({"name": "maria", "id": ""}), "bad-params"),
        (json!({}), "bad-request"),
    ] {
        assert_eq!(mint(wanted.clone()).await.problem(), code, "{wanted}");
    }

    // The program has the same key, where it is shown the folder.
    let data = host.data().to_str().expect("a plain path").to_owned();
    let nothing = host.data().join("nothing.toml");
    std::fs::write(&nothing, "").expect("written");
    let output = tokio::task::block_in_place(|| samewire(&nothing, &["--user", "maria", "--dev", "--data", &data]));
    assert_eq!(echo(&host, Some(&self::token(&output)), None).await.status, 200);
}
