//! Random lives of rooms against a plain model: nobody is told anything twice, out of order or wrongly, and everybody knows in the
//! end what is so.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use samewire_protocol::rooms::merge;
use serde_json::{Value, json};

use super::model::{Peer, core, message, raw};
use crate::rooms::core::{Author, Budget, Change, Core, Publication};
use crate::rooms::policy::{KindPolicy, PresenceMode, Slow};

#[derive(Clone, Debug)]
enum Step {
    Join(u8),
    Leave(usize),
    Cut(usize),
    ComeBack(usize),
    Publish { by: usize, patch: Option<(u8, Option<u8>)> },
    Burst(u16),
    Cast(usize),
    Signal { by: usize, to: usize },
    Pull { who: usize, frames: usize },
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0usize..8;
    let step = prop_oneof![
        3 => (0u8..5).prop_map(Step::Join),
        1 => who.clone().prop_map(Step::Leave),
        2 => who.clone().prop_map(Step::Cut),
        2 => who.clone().prop_map(Step::ComeBack),
        6 => (who.clone(), proptest::option::of((0u8..4, proptest::option::of(0u8..9)))).prop_map(|(by, patch)| Step::Publish { by, patch }),
        1 => (1u16..1_500).prop_map(Step::Burst),
        3 => who.clone().prop_map(Step::Cast),
        2 => (who.clone(), who.clone()).prop_map(|(by, to)| Step::Signal { by, to }),
        6 => (who, 1usize..40).prop_map(|(who, frames)| Step::Pull { who, frames }),
        3 => (1u16..3_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..120)
}

fn policies() -> impl Strategy<Value = KindPolicy> {
    let slow = prop_oneof![Just(Slow::Recover), Just(Slow::DropOldest), Just(Slow::Latest), Just(Slow::Sample)];
    let presence = prop_oneof![Just(PresenceMode::Users), Just(PresenceMode::Members), Just(PresenceMode::Count)];
    (slow, presence, any::<bool>(), 0usize..40, prop_oneof![Just(0u64), Just(30)]).prop_map(
        |(slow, presence, state, history, batch)| {
            let (batch, linger) = (Duration::from_millis(batch), Duration::from_secs(2));
            KindPolicy { slow, presence, state, history, batch, linger, rate: 10_000, burst: 10_000, ..KindPolicy::default() }
        },
    )
}

struct Model {
    peers: Vec<Peer>,
    state: Value,
    newest: u64,
}

fn patch(change: Option<(u8, Option<u8>)>, has_state: bool) -> Option<Value> {
    change.filter(|_| has_state).map(|(key, value)| json!({ format!("k{key}"): value }))
}

fn act(room: &mut Core, model: &mut Model, now: u64, step: Step) {
    let has_state = room.policy().state;
    match step {
        Step::Join(user) if model.peers.len() < 8 => model.peers.push(Peer::join(room, now, &format!("u{user}"))),
        Step::Leave(who) if who < model.peers.len() => {
            let peer = model.peers.swap_remove(who);
            room.leave(now, peer.member);
        }
        Step::Cut(who) => {
            if let Some(peer) = model.peers.get_mut(who).filter(|peer| peer.reader.is_some()) {
                peer.cut(room, now);
            }
        }
        Step::ComeBack(who) => {
            if let Some(peer) = model.peers.get_mut(who) {
                peer.come_back(room, now);
            }
        }
        Step::Publish { by, patch: change } => {
            let author = model.peers.get(by).filter(|peer| peer.reader.is_some()).map_or(Author::Server("test"), Peer::author);
            let patch = patch(change, has_state);
            let change = patch.clone().map(|patch| Change::Patch(raw(patch)));
            let publication = Publication { change, ..message("n", json!(now)).into() };
            let published = room.publish(now, author, publication).expect("published");
            if let Some(patch) = patch {
                merge(&mut model.state, patch);
            }
            model.newest += 1;
            assert_eq!(published.offset, model.newest);
        }
        Step::Burst(count) => {
            for n in 0..count {
                let name = if n % 2 == 0 { "a" } else { "b" };
                room.cast(now, Author::Server("test"), message(name, json!(n)), None).expect("cast");
            }
        }
        Step::Cast(by) => {
            if let Some(peer) = model.peers.get(by).filter(|peer| peer.reader.is_some()) {
                room.cast(now, peer.author(), message("c", json!(by)), None).expect("cast");
            }
        }
        Step::Signal { by, to } => {
            let (Some(by), Some(to)) = (model.peers.get(by), model.peers.get(to)) else { return };
            let to = samewire_protocol::rooms::methods::To::Member(to.member);
            if by.reader.is_some() {
                drop(room.send(now, by.author(), &to, message("s", json!(1))));
            }
        }
        Step::Pull { who, frames } => {
            if let Some(peer) = model.peers.get_mut(who) {
                peer.pull_some(room, now, Budget { frames, bytes: 1 << 20 });
            }
        }
        Step::Join(_) | Step::Leave(_) | Step::Wait(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn everybody_knows_in_the_end_what_is_so(policy in policies(), steps in steps()) {
        let mut room = core(policy);
        let mut model = Model { peers: Vec::new(), state: Value::Null, newest: 0 };
        let mut now = 0;
        for step in steps {
            if let Step::Wait(wait) = step {
                now += u64::from(wait);
                room.tick(now);
            }
            act(&mut room, &mut model, now, step);
        }
        for peer in &mut model.peers {
            if peer.reader.is_none() {
                peer.come_back(&mut room, now);
            }
        }
        now += 5_000;
        room.tick(now);
        for peer in &mut model.peers {
            peer.pull(&mut room, now);
        }
        let users: BTreeSet<_> = model.peers.iter().map(|peer| peer.id.clone()).collect();
        let numbers: BTreeSet<_> = model.peers.iter().map(|peer| peer.member.to_string()).collect();
        for peer in &model.peers {
            prop_assert_eq!(peer.client.offset, model.newest);
            if room.policy().state {
                prop_assert_eq!(peer.client.state.as_ref(), Some(&model.state));
            }
            prop_assert_eq!(peer.client.counts, (users.len() as u64, numbers.len() as u64));
            let ids: BTreeSet<_> = peer.client.ids().into_iter().map(str::to_owned).collect();
            match room.policy().presence {
                PresenceMode::Users => prop_assert_eq!(ids, users.clone()),
                PresenceMode::Members => prop_assert_eq!(ids, numbers.clone()),
                _ => prop_assert!(ids.is_empty()),
            }
        }
    }
}
