//! Names and types that want to be more than they are.

use super::stage::{content, maria, server, stored};

#[tokio::test]
async fn a_name_is_told_as_it_is_and_breaks_nothing() {
    let server = server().await;
    let maria = maria(&server);
    for (given, told) in [
        ("a b.png", "inline; filename=\"a b.png\""),
        ("a \\\"b\\\".png", "inline; filename=\"a _b_.png\"; filename*=UTF-8''a%20%22b%22.png"),
        ("Größe 😀.png", "inline; filename=\"Gr__e _.png\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%F0%9F%98%80.png"),
        ("C:\\\\fakepath\\\\x.png", "inline; filename=\"x.png\""),
        ("x; filename=y.exe", "inline; filename=\"x; filename=y.exe\""),
    ] {
        let file = stored(&maria, given, "image/png", b"\x89PNG\r\n\x1a\nnot more").await;
        let answer = maria.request("GET", &content(&file)).send().await;
        assert_eq!(answer.get("content-disposition"), Some(told), "{given}");
        let saved = maria.request("GET", &format!("{}?download", content(&file))).send().await;
        assert_eq!(saved.get("content-disposition"), Some(&*told.replacen("inline", "attachment", 1)), "{given}");
    }
    let longest = "ü".repeat(127);
    let file = stored(&maria, &longest, "image/png", b"\x89PNG\r\n\x1a\n").await;
    assert_eq!(file["name"], *longest);
    let told = maria.request("GET", &content(&file)).send().await;
    assert!(told.get("content-disposition").is_some_and(|told| told.ends_with(&"%C3%BC".repeat(127))));
    for name in ["ü".repeat(128), "..".into(), "a\tb".into(), " ".into()] {
        let request =
            maria.request("POST", "/api/files").header("content-disposition", &format!("inline; filename=\"{name}\""));
        assert_eq!(request.body(b"abc").send().await.problem(), (400, "bad-name".into()), "{name:?}");
    }
}

#[tokio::test]
async fn what_a_page_could_run_is_only_saved() {
    let server = server().await;
    let maria = maria(&server);
    for (claimed, bytes) in [
        ("text/html", &b"<!doctype html><script>alert(1)</script>"[..]),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("application/xhtml+xml", b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>"),
        ("text/javascript", b"alert(1)"),
        ("image/png", b"<!doctype html><script>alert(1)</script>"),
        ("video/mp4", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ] {
        let file = stored(&maria, "harmless.png", claimed, bytes).await;
        let answer = maria.request("GET", &content(&file)).send().await;
        let media = answer.get("content-type");
        let told = answer.get("content-disposition").expect("a disposition");
        // What is claimed to be shown, and holds something else, is that: where its content is looked at.
        if !matches!(claimed, "image/png" | "video/mp4") || file["media"] != claimed {
            assert!(matches!(media, Some("application/octet-stream" | "text/plain")), "{claimed}: {file}");
            assert!(told.starts_with("attachment;"), "{claimed}: {told}");
        }
        assert_eq!(answer.get("x-content-type-options"), Some("nosniff"), "{claimed}");
        assert!(answer.get("content-security-policy").is_some_and(|policy| policy.ends_with("sandbox")), "{claimed}");
    }
}
