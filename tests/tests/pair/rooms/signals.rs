//! A signal reaches the one it is for, once, also over a cut.

use std::time::Duration;

use samewire_protocol::Code;
use samewire_tests::net::{Blow, Reach, Side};
use samewire_tests::pair::Pair;
use serde_json::json;

use super::ROOM;

/// Ada, Bob and Eve in one room, as members 1, 2 and 3.
fn three(seed: u64) -> Pair {
    let mut pair = Pair::with_rooms(seed);
    for name in ["bob", "eve"] {
        pair.add_client(Some(name));
    }
    (0..3).for_each(|who| pair.join(who, ROOM));
    pair
}

#[test]
fn a_signal_is_for_the_one_it_names() {
    let mut pair = three(1);
    for to in [json!({"member": 2}), json!({"user": "bob"})] {
        let call = pair.signal(0, ROOM, to, "knock", json!(1));
        assert_eq!(pair.result(call), Ok(r#"{"delivered":1,"held":0}"#.to_owned()));
    }
    let call = pair.signal(0, ROOM, json!({"role": "member"}), "all", json!(2));
    assert_eq!(pair.result(call), Ok(r#"{"delivered":2,"held":0}"#.to_owned()));
    let call = pair.signal(0, ROOM, json!({"member": 9}), "knock", json!(1));
    assert_eq!(pair.result(call).unwrap_err().code, Code::MemberNotFound);
    pair.run_for(Duration::from_secs(1));
    let names = |who| pair.view(who, ROOM).signals.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!((names(0), names(1), names(2)), (vec![], vec!["knock", "knock", "all"], vec!["all"]));
}

#[test]
fn a_signal_comes_once_wherever_the_cut_is() {
    for bytes in (0..1_200).step_by(61) {
        let mut pair = three(bytes);
        pair.cut_as(1, Blow::default());
        pair.net.cut_next = Some((Side::Server, bytes, Blow { down: bytes % 150, ..Blow::default() }));
        for n in 0..6 {
            pair.signal(0, ROOM, json!({"member": 2}), "n", json!(n));
            pair.run_for(Duration::from_millis(200));
        }
        pair.run_for(Duration::from_secs(20));
        let said: Vec<_> = (0..6).map(|n| ("n".to_owned(), json!(n))).collect();
        assert_eq!(pair.view(1, ROOM).signals, said, "{bytes}");
    }
}

/// It used to be lost when the very first signal was on its way as the link was cut: a client that had seen none did not say so.
#[test]
fn the_first_signal_survives_a_cut() {
    let mut pair = three(2);
    let call = pair.signal(0, ROOM, json!({"member": 2}), "first", json!(null));
    assert!(pair.run_until(|pair| !pair.client().calls[&call].answers.is_empty()) || pair.result(call).is_ok());
    let mut pair = three(3);
    pair.net.reach = Reach::Open;
    pair.signal(0, ROOM, json!({"member": 2}), "first", json!(null));
    // The server has given it to Bob's link, and it is on the way.
    pair.run_for(Duration::from_millis(15));
    pair.cut_as(1, Blow::default());
    pair.run_for(Duration::from_secs(20));
    assert_eq!(pair.view(1, ROOM).signals.len(), 1);
}

#[test]
fn a_signal_waits_for_a_member_whose_link_is_lost() {
    let mut pair = three(4);
    pair.net.reach = Reach::Refused;
    pair.cut_as(1, Blow::default());
    pair.run_for(Duration::from_millis(50));
    let call = pair.signal(0, ROOM, json!({"user": "bob"}), "knock", json!(1));
    assert_eq!(pair.result(call), Ok(r#"{"delivered":0,"held":1}"#.to_owned()));
    pair.net.reach = Reach::Open;
    assert!(pair.run_until(|pair| pair.view(1, ROOM).signals.len() == 1));
    pair.run_for(Duration::from_secs(40));
    assert_eq!(pair.view(1, ROOM).signals.len(), 1);
}
