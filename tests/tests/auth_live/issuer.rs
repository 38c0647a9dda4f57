//! Tokens of an issuer whose keys are fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use samewire_server::store::now_ms;
use samewire_tests::live::raw::Raw;
use samewire_tests::live::{Host, token};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{config, echo, refused, renew};

/// An Ed25519 key pair of this seed (PKCS#8: RFC 8410, section 7).
fn key(seed: u8) -> EncodingKey {
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

fn jwk(seed: u8) -> Value {
    let mut jwk = Jwk::from_encoding_key(&key(seed), Algorithm::EdDSA).expect("a JWK");
    jwk.common.key_id = Some(format!("k-{seed}"));
    serde_json::to_value(jwk).expect("JSON")
}

fn signed(seed: u8, user: &str) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(format!("k-{seed}"));
    let claims = json!({"sub": user, "exp": now_ms() / 1000 + 60, "iss": "https://issuer.example"});
    jsonwebtoken::encode(&header, &claims, &key(seed)).expect("a token")
}

/// Answers with the key that the issuer has now, one connection after another.
async fn issuer(seed: Arc<AtomicUsize>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let set = json!({"keys": [jwk(seed.load(Ordering::SeqCst) as u8)]}).to_string();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncache-control: max-age=0\r\ncontent-length:";
            let _ = socket.write_all(format!("{head} {}\r\n\r\n{set}", set.len()).as_bytes()).await;
        }
    });
    format!("http://{addr}/jwks")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_an_issuer_may_change_while_sessions_go_on() {
    let seed = Arc::new(AtomicUsize::new(1));
    let mut config = config();
    config.auth.secret = None;
    config.auth.jwks_url = Some(issuer(seed.clone()).await);
    config.auth.jwks_refetch = std::time::Duration::from_millis(1);
    config.auth.issuer = Some("https://issuer.example".to_owned());
    let host = Host::start(config).await;
    let mut raw = Raw::session(host.addr(), Some(&signed(1, "maria"))).await;
    // The secret of other servers is nothing here.
    assert_eq!(refused(&host, json!({"token": token("maria")})).await.0, "token-invalid");

    seed.store(2, Ordering::SeqCst);
    assert_eq!(echo(&host, Some(&signed(2, "maria")), None).await.status, 200);
    assert_eq!(echo(&host, Some(&signed(1, "maria")), None).await.problem(), "token-invalid");
    assert!(renew(&mut raw, &signed(2, "maria")).await.is_ok());
    assert_eq!(renew(&mut raw, &signed(1, "maria")).await.expect_err("refused")["code"], "token-invalid");
    assert_eq!(raw.call(1, "system/echo", json!(1)).await, Ok(json!(1)));
}
