use super::*;

fn findings(observations: &[&str]) -> Findings {
    let mut diagnosis = Diagnosis::new();
    for observation in observations {
        diagnosis.add(serde_json::from_str(observation).unwrap_or_else(|error| panic!("{observation}: {error}")));
    }
    diagnosis.findings()
}

/// What is found of a leg, and whether its words hold these.
fn check(observations: &[&str], leg: Leg, ok: Option<bool>, words: &str) {
    let findings = findings(observations);
    let finding = findings.legs.iter().find(|finding| finding.leg == leg).unwrap();
    assert_eq!(finding.ok, ok, "{leg}: {}", finding.told);
    assert!(finding.told.contains(words), "{leg}: {:?} is not in {:?}", words, finding.told);
    assert!(findings.ok || findings.legs.iter().any(|finding| finding.ok == Some(false)));
}

const GOOD: [&str; 7] = [
    r#"{"kind":"page","secure":true,"webrtc":true}"#,
    r#"{"kind":"session","state":"live"}"#,
    r#"{"kind":"camera","supported":true,"cameras":1,"permission":"granted"}"#,
    r#"{"kind":"server","urls":["stun:s.example"],"candidates":["host","srflx"],"errors":[]}"#,
    r#"{"kind":"server","urls":"turn:t.example?transport=udp","candidates":["host","relay"],"errors":[]}"#,
    r#"{"kind":"host","candidates":["host"],"errors":[]}"#,
    r#"{"kind":"loopback","connected":true}"#,
];

#[test]
fn where_all_is_well_all_is_told_to_be() {
    let media = r#"{"kind":"media","side":"viewer","state":"live","stats":{"bitrate":812000.4,"fps":30,"relay":false}}"#;
    let all: Vec<&str> = GOOD.into_iter().chain([media]).collect();
    let findings = findings(&all);
    assert!(findings.ok);
    let legs: Vec<String> = findings.legs.iter().map(|finding| finding.leg.to_string()).collect();
    assert_eq!(legs, ["page", "session", "camera", "stun", "turn", "udp", "peer", "media"]);
    assert!(findings.legs.iter().all(|finding| finding.ok == Some(true)), "{findings:?}");
    check(&all, Leg::Media, Some(true), "direct way, 812 kbit/s");
    let json = serde_json::to_value(&findings).unwrap();
    assert_eq!(
        json["legs"][0],
        serde_json::json!({"leg": "page", "ok": true, "told": "the page may use cameras and peer connections"})
    );
}

#[test]
fn what_was_not_looked_at_fails_nowhere() {
    let findings = findings(&[]);
    assert!(findings.ok && findings.legs.iter().all(|finding| finding.ok.is_none()));
}

#[test]
fn servers_that_are_not_known_are_not_said_to_be_missing() {
    for leg in [Leg::Stun, Leg::Turn] {
        check(&[], leg, None, "not looked at");
        check(&[r#"{"kind":"servers","known":false}"#], leg, None, "over a live session");
        check(&[r#"{"kind":"servers","known":true}"#], leg, None, "the server names no");
    }
    check(&[r#"{"kind":"servers","known":true}"#, GOOD[3]], Leg::Stun, Some(true), "public address");
}

#[test]
fn each_leg_that_fails_says_what_to_do() {
    for (observation, leg, words) in [
        (r#"{"kind":"page","secure":false,"webrtc":true}"#, Leg::Page, "https"),
        (r#"{"kind":"page","secure":true,"webrtc":false}"#, Leg::Page, "another one"),
        (r#"{"kind":"session","state":"closed"}"#, Leg::Session, "Connect anew"),
        (r#"{"kind":"session","state":"waiting"}"#, Leg::Session, "online"),
        (r#"{"kind":"camera","supported":true,"permission":"denied"}"#, Leg::Camera, "allow it"),
        (r#"{"kind":"camera","supported":true,"error":"NotReadableError"}"#, Leg::Camera, "close that one"),
        (r#"{"kind":"camera","supported":true,"error":"NotFoundError"}"#, Leg::Camera, "plug one in"),
        (r#"{"kind":"camera","supported":true,"error":"AbortError"}"#, Leg::Camera, "AbortError"),
        (
            r#"{"kind":"server","urls":["stun:s.example"],"candidates":["host"],"errors":[{"url":"stun:s.example","code":701,"text":""}]}"#,
            Leg::Stun,
            "stun:s.example cannot be reached (701)",
        ),
        (
            r#"{"kind":"server","urls":["turn:t.example"],"errors":[{"url":"turn:t.example","code":701},{"url":"turn:t.example","code":401,"text":"Unauthorized"}]}"#,
            Leg::Turn,
            "secret of [live.turn]",
        ),
        (
            r#"{"kind":"server","urls":["turn:t.example"],"errors":[{"url":"turn:t.example","code":486,"text":"Quota"}]}"#,
            Leg::Turn,
            "turn:t.example says 486 Quota",
        ),
        (r#"{"kind":"server","urls":["turn:t.example"],"candidates":["host"]}"#, Leg::Turn, "look whether it runs"),
        (r#"{"kind":"server","urls":["turn:"],"error":"Invalid hostname"}"#, Leg::Turn, "Invalid hostname"),
        (r#"{"kind":"host","candidates":[]}"#, Leg::Udp, "policy or an extension"),
        (r#"{"kind":"loopback","connected":false}"#, Leg::Peer, "VPN"),
        (r#"{"kind":"loopback","error":"no"}"#, Leg::Peer, "no"),
        (r#"{"kind":"media","side":"viewer","state":"failed"}"#, Leg::Media, "retry()"),
        (
            r#"{"kind":"media","side":"broadcaster","tracks":[{}],"peers":[{"id":"v_1","state":"connected"},{"state":"failed"}]}"#,
            Leg::Media,
            "1 of 2",
        ),
    ] {
        check(&[observation], leg, Some(false), words);
        assert!(!findings(&[observation]).ok);
    }
}

#[test]
fn udp_that_is_blocked_is_told_from_a_relay_that_works() {
    let stun =
        r#"{"kind":"server","urls":["stun:s.example"],"candidates":["host"],"errors":[{"url":"stun:s.example","code":701}]}"#;
    check(&[GOOD[4], GOOD[5], stun], Leg::Udp, Some(false), "relayed");
    check(&[GOOD[5]], Leg::Udp, None, "cannot be told");
    check(&[GOOD[4], GOOD[5]], Leg::Udp, Some(true), "TURN");
}

#[test]
fn one_server_that_works_is_enough_and_errors_of_its_neighbour_are_not_its_own() {
    let other = r#"{"kind":"server","urls":["turn:u.example"],"errors":[{"url":"turn:u.example","code":701}]}"#;
    check(&[GOOD[4], other], Leg::Turn, Some(true), "relays");
    let both = r#"{"kind":"server","urls":["stun:a","turn:b"],"candidates":["srflx"],"errors":[{"url":"turn:b","code":401}]}"#;
    check(&[both], Leg::Stun, Some(true), "public address");
    check(&[both], Leg::Turn, Some(false), "401");
}

#[test]
fn what_a_newer_page_observes_does_no_harm() {
    assert!(findings(&[r#"{"kind":"weather","rain":true}"#, r#"{"kind":"page","secure":true,"webrtc":true,"colour":1}"#]).ok);
}
