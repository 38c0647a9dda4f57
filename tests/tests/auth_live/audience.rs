//! Tokens that are for others.

use samewire_server::auth::NewToken;
use samewire_tests::live::Host;
use samewire_tests::live::raw::Raw;
use serde_json::json;

use crate::stage::{HOUR, config, echo, refused, renew, sign};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_another_audience_is_of_no_use_by_any_way() {
    let mut config = config();
    config.auth.audience = vec!["samewire".into(), "samewire-eu".into()];
    let host = Host::start(config).await;
    let for_audience = |audience: &str| sign(&NewToken::new("maria", HOUR).audience(audience));
    let (good, elsewhere) = (for_audience("samewire-eu"), for_audience("elsewhere"));
    for bad in [&elsewhere, &sign(&NewToken::new("maria", HOUR))] {
        assert_eq!(refused(&host, json!({"token": bad})).await, ("token-invalid".into(), 4503));
        assert_eq!(echo(&host, Some(bad), None).await.problem(), "token-invalid");
        let mut raw = Raw::session(host.addr(), Some(&good)).await;
        let error = renew(&mut raw, bad).await.expect_err("refused");
        assert_eq!(error["code"], "token-invalid");
        assert!(error["message"].as_str().is_some_and(|message| message.contains("aud")), "{error}");
        assert_eq!(raw.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
    }
    assert_eq!(echo(&host, Some(&good), None).await.status, 200);
}
