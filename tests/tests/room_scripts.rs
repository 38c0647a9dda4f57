//! Random lives of rooms, and then what every client has seen of them against a model: the list of what was published. A script that
//! fails names its seed: `SAMEWIRE_SCRIPT=SEED` runs that one alone, `SAMEWIRE_SCRIPTS=COUNT` that many.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect is to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use samewire_protocol::rooms::{Epoch, merge};
use samewire_protocol::session::{Config, Status};
use samewire_server::rooms::KindPolicy;
use samewire_server::rooms::core::Change;
use samewire_server::rooms::policy::{PresenceMode, Roles, Slow};
use samewire_tests::client::View;
use samewire_tests::net::{Blow, Frame, Reach};
use samewire_tests::pair::Pair;
use samewire_tests::server::Made;
use serde_json::{Value, json};

const SCRIPTS: u64 = 500;

/// A room of each kind, and two of one.
const ROOMS: [&str; 8] = ["chat:1", "chat:2", "short:1", "board:1", "latest:1", "oldest:1", "sample:1", "batch:1"];

/// Users by client: two of them are the same, and the last one is anonymous.
const USERS: [Option<&str>; 5] = [Some("ada"), Some("bob"), Some("eve"), Some("bob"), None];

#[test]
fn random_lives_of_rooms_end_with_one_truth() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SAMEWIRE_SCRIPT") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SAMEWIRE_SCRIPTS").unwrap_or(SCRIPTS),
    };
    let mut seen = Seen::default();
    for seed in seeds.clone() {
        match std::panic::catch_unwind(|| Script::new(seed).run()) {
            Ok(script) => seen.add(&script),
            Err(_) => panic!("script {seed} failed; see above"),
        }
    }
    println!("{seen:?}");
    // A run of many scripts in which nothing went wrong would prove nothing.
    if seeds.end - seeds.start >= SCRIPTS {
        let Seen { events, recovered, lost, skipped, slow, signals, casts, refused, removed, healed } = seen;
        assert!(events > 30_000 && recovered > 1_000 && lost > 80 && healed > 80, "{seen:?}");
        assert!(skipped > 20 && slow > 50 && signals > 150 && casts > 100 && refused > 2_000 && removed > 500, "{seen:?}");
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    events: u64,
    recovered: u64,
    lost: u64,
    skipped: u64,
    slow: u64,
    signals: u64,
    casts: u64,
    refused: u64,
    removed: u64,
    healed: u64,
}

impl Seen {
    fn add(&mut self, script: &Script) {
        self.slow += script.pair.server.rooms.slow;
        self.healed += script.forged;
        for client in &script.pair.clients {
            let denied = |answer: &Result<String, _>| answer.is_err();
            self.refused += client.calls.values().filter(|call| call.answers.iter().any(denied)).count() as u64;
            for view in client.rooms.values() {
                self.events += view.offsets().len() as u64;
                self.casts += view.names().iter().filter(|name| **name == "cast").count() as u64;
                self.recovered += view.joined.iter().filter(|joined| joined.recovered).count() as u64;
                self.lost += view.joined.iter().filter(|joined| joined.missed.is_some_and(|missed| missed > 0)).count() as u64;
                self.skipped += view.skipped.len() as u64;
                self.signals += view.signals.len() as u64;
                self.removed += view.left.iter().filter(|left| left.is_some()).count() as u64;
            }
        }
    }
}

struct Script {
    pair: Pair,
    /// Numbers what is said, so that each thing is known again.
    count: u64,
    forged: u64,
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut pair = Pair::new(seed);
        pair.clients.clear();
        for token in USERS {
            pair.add_client_with(Config { token: token.map(str::to_owned), ..Config::default() });
        }
        pair.net.latency = Duration::from_millis(pair.rng.below(40));
        pair.net.rate = pair.rng.pick(&[None, Some(200_000), Some(20_000)]);
        pair.server.lazy = pair.rng.chance(30);
        for client in &mut pair.clients {
            client.lazy = pair.rng.chance(30);
        }
        let plain = || KindPolicy { rate: 10_000, burst: 10_000, ..KindPolicy::default() };
        pair.server.kind("chat", plain());
        let hosts = || Roles::only(&["host"]);
        pair.server.kind("short", KindPolicy { history: 3, publish: hosts(), cast: hosts(), ..plain() });
        pair.server.kind("board", KindPolicy { state: true, history: 10, presence: PresenceMode::Members, ..plain() });
        pair.server.kind("latest", KindPolicy { state: pair.rng.chance(50), slow: Slow::Latest, ..plain() });
        pair.server.kind("oldest", KindPolicy { state: pair.rng.chance(50), slow: Slow::DropOldest, ..plain() });
        pair.server.kind("sample", KindPolicy { slow: Slow::Sample, ..plain() });
        pair.server.kind("batch", KindPolicy { batch: Duration::from_millis(30), ..plain() });
        Self { pair, count: 0, forged: 0 }
    }

    fn run(mut self) -> Self {
        (0..USERS.len()).for_each(|who| self.pair.connect_as(who));
        for _ in 0..3 * USERS.len() {
            self.join();
        }
        let steps = 20 + self.pair.rng.below(60);
        for _ in 0..steps {
            self.step();
            if self.pair.rng.chance(50) {
                let pause = self.pair.rng.below(150);
                self.pair.run_for(Duration::from_millis(pause));
            }
        }
        self.heal();
        self.compare();
        self
    }

    fn who(&mut self) -> usize {
        usize::try_from(self.pair.rng.below(USERS.len() as u64)).unwrap()
    }

    fn room(&mut self) -> &'static str {
        self.pair.rng.pick(&ROOMS)
    }

    fn join(&mut self) {
        let (who, room) = (self.who(), self.room());
        self.pair.join_as(who, room);
    }

    fn step(&mut self) {
        let (who, room) = (self.who(), self.room());
        self.count += 1;
        let n = self.count;
        match self.pair.rng.below(100) {
            0..14 => self.pair.join_as(who, room),
            14..18 => self.pair.leave(who, room),
            18..38 => {
                let mut fields = json!({ "payload": n });
                if self.pair.rng.chance(60) {
                    fields["key"] = n.to_string().into();
                }
                self.pair.publish_with(who, room, "said", fields, None);
            }
            38..50 => {
                let room = self.pair.rng.pick(&["board:1", "latest:1", "oldest:1"]);
                let change = self.change();
                self.pair.publish_with(who, room, "set", change, None);
            }
            50..56 => {
                self.pair.announce(room, "announced", json!(n));
            }
            56..58 => self.flood(room),
            58..66 => drop(self.pair.cast(who, room, "cast", &n.to_string())),
            66..72 => {
                let to = match self.pair.rng.below(3) {
                    0 => json!({ "user": "bob" }),
                    1 => json!({ "role": "member" }),
                    _ => json!({ "member": 1 + self.pair.rng.below(6) }),
                };
                self.pair.signal(who, room, to, "signal", json!(n));
            }
            72..86 => {
                let blow = Blow {
                    up: self.pair.rng.below(3) * 200,
                    down: self.pair.rng.below(3) * 200,
                    client: Duration::from_millis(self.pair.rng.below(3) * 100),
                    server: Duration::from_millis(self.pair.rng.below(3) * 4_000),
                };
                self.pair.cut_as(who, blow);
            }
            86..90 => {
                let role = self.pair.rng.pick(&[None, Some("host"), Some("host"), Some("member")]);
                self.pair.set_role(self.owner(who).as_str(), room, role);
            }
            90..92 => self.away(),
            92..93 => self.pair.restart(),
            93..95 => {
                if let Some((session, ..)) = self.pair.clients[who].welcomes.last() {
                    let session = *session;
                    self.pair.expire(session);
                }
            }
            95..96 => self.pair.act(who, |client, net| client.session.close(net.now)),
            _ => self.forge(who, room),
        }
        if let Status::Closed { .. } = self.pair.clients[who].session.status() {
            self.pair.connect_as(who);
        }
    }

    /// How the state is to change: some of it, all of it, or away with it.
    fn change(&mut self) -> Value {
        let (n, key) = (self.count, self.pair.rng.pick(&["a", "b", "c"]));
        match self.pair.rng.below(5) {
            0 => json!({ "state": { key: n, "whole": n } }),
            1 => json!({ "patch": { key: null } }),
            2 => json!({ "patch": { "deep": { key: n } } }),
            _ => json!({ "patch": { key: n } }),
        }
    }

    /// More than a slow link can take.
    fn flood(&mut self, room: &str) {
        let much = if self.pair.rng.chance(20) { 1_200 } else { 150 };
        for _ in 0..much {
            self.count += 1;
            self.pair.announce(room, "flood", json!({ "n": self.count, "filler": "x".repeat(900) }));
        }
    }

    /// Nobody can connect for a while.
    fn away(&mut self) {
        self.pair.net.reach = Reach::Refused;
        let span = 500 + self.pair.rng.below(15_000);
        self.pair.run_for(Duration::from_millis(span));
        self.pair.net.reach = Reach::Open;
    }

    /// An event that no server should send: of a number that is taken, or that is far ahead.
    fn forge(&mut self, who: usize, room: &str) {
        let place = self.pair.clients[who].rooms.get(room).and_then(|view| view.place);
        // In another epoch the number may be the next one, and then nobody could tell.
        let epoch = self.pair.server.rooms.cores.get(room).map(|core| core.epoch());
        let Some((_, last)) = place.filter(|(known, _)| Some(*known) == epoch) else { return };
        if self.pair.rng.chance(50) && last > 0 {
            let text = format!(r#"{{"type":"event","room":"{room}","offset":{last},"name":"forged","at":1}}"#);
            self.pair.inject_down_to(who, Frame::Text(text));
        } else {
            let text = format!(r#"{{"type":"event","room":"{room}","offset":{},"name":"forged","at":1}}"#, last + 5_000);
            self.pair.inject_down_to(who, Frame::Text(text));
            self.forged += 1;
        }
    }

    fn owner(&self, who: usize) -> String {
        let session = self.pair.clients[who].welcomes.last().map(|(session, ..)| session.to_string());
        USERS[who].map_or(session.unwrap_or_default(), str::to_owned)
    }

    fn heal(&mut self) {
        self.pair.net.rate = None;
        for _ in 0..3 {
            for who in 0..USERS.len() {
                if let Status::Closed { .. } = self.pair.clients[who].session.status() {
                    self.pair.connect_as(who);
                }
            }
            // Longer than a member without a link counts as there.
            self.pair.run_for(Duration::from_secs(30));
        }
    }

    fn compare(&self) {
        let model = Model::of(&self.pair.server.rooms.log);
        for (who, client) in self.pair.clients.iter().enumerate() {
            assert!(self.pair.is_live(who), "client {who}: {:?}", client.session.status());
            assert!(client.calls.values().all(|call| call.answers.len() == 1), "client {who} waits for an answer");
            let inside = client.rooms.values().filter(|view| view.inside).count();
            let load = client.session.load();
            assert_eq!((load.rooms, load.untold), (inside, 0), "client {who} waits for a room");
            for (room, view) in &client.rooms {
                let anew = view.joined.iter().any(|joined| joined.anew);
                assert!(!anew || self.forged > 0, "client {who} in {room} was told what cannot be: {view:?}");
                model.check(room, view).unwrap_or_else(|fault| panic!("client {who} in {room}: {fault}"));
            }
        }
        for room in ROOMS {
            self.compare_members(room);
        }
    }

    /// Who is told to be there is who is there, at the server and at each member.
    fn compare_members(&self, room: &str) {
        let there = |who: &usize| self.pair.clients[*who].rooms.get(room).is_some_and(|view| view.inside);
        let inside: Vec<usize> = (0..USERS.len()).filter(there).collect();
        let Some(core) = self.pair.server.rooms.cores.get(room) else {
            return assert!(inside.is_empty(), "{room} is gone, and {inside:?} are in it");
        };
        let user = |who: &usize| USERS[*who].map_or_else(|| format!("anonymous {who}"), str::to_owned);
        let users: BTreeSet<String> = inside.iter().map(user).collect();
        let counts = (users.len() as u64, inside.len() as u64);
        assert_eq!((core.counts().users, core.counts().members), counts, "{room}: {inside:?}");
        for who in &inside {
            let view = self.pair.view(*who, room);
            let entries = if room == "board:1" { inside.len() } else { users.len() };
            assert_eq!((view.counts, view.entries.len()), (counts, entries), "client {who} in {room}");
            if room != "board:1" {
                let named = |id: &&str| !id.starts_with("anon:");
                let told: BTreeSet<String> = view.ids().into_iter().filter(named).map(str::to_owned).collect();
                let known = users.iter().filter(|user| !user.starts_with("anonymous ")).cloned().collect();
                assert_eq!(told, known, "client {who} in {room}");
            }
            let last = view.joined.last().unwrap();
            let granted = self.pair.server.rooms.roles.get(&(self.owner(*who), room.parse().unwrap()));
            let role = granted.map_or("member", |role| role.as_ref().map_or("none", |role| role.as_str()));
            assert_eq!(last.role, role, "client {who} in {room}");
        }
    }
}

/// What was published, by room and epoch, in order.
struct Model<'a>(BTreeMap<(&'a str, Epoch), Vec<&'a Made>>);

impl<'a> Model<'a> {
    fn of(log: &'a [Made]) -> Self {
        let mut rooms: BTreeMap<_, Vec<&Made>> = BTreeMap::new();
        for made in log {
            let events = rooms.entry((made.room.as_str(), made.epoch)).or_default();
            assert_eq!(made.offset, events.len() as u64 + 1, "{} is not numbered in order", made.room);
            events.push(made);
        }
        Self(rooms)
    }

    fn events(&self, room: &'a str, epoch: Epoch) -> &[&'a Made] {
        self.0.get(&(room, epoch)).map_or(&[], Vec::as_slice)
    }

    fn check(&self, room: &'a str, view: &View) -> Result<(), String> {
        let mut said = BTreeSet::new();
        for event in &view.events {
            let (Some(epoch), Some(offset)) = (event.epoch, event.offset) else {
                if !said.insert(event.payload.to_string()) {
                    return Err(format!("{event:?} was heard twice"));
                }
                continue;
            };
            let made = self.events(room, epoch).get(usize::try_from(offset).unwrap() - 1);
            if made.is_none_or(|made| made.name != event.name || made.payload != event.payload) {
                return Err(format!("{event:?} was heard, and {made:?} was said"));
            }
        }
        let signals: BTreeSet<_> = view.signals.iter().map(|(_, payload)| payload.to_string()).collect();
        if signals.len() != view.signals.len() {
            return Err(format!("a signal came twice: {:?}", view.signals));
        }
        let Some((epoch, last)) = view.place.filter(|_| view.inside) else { return Ok(()) };
        let events = self.events(room, epoch);
        if last != events.len() as u64 {
            return Err(format!("it has heard up to {last} of {}", events.len()));
        }
        if let Some(told) = &view.state {
            let mut state = Value::Null;
            for made in events {
                match &made.change {
                    Some(Change::Patch(patch)) => merge(&mut state, serde_json::from_str(patch.get()).unwrap()),
                    Some(Change::State(whole)) => state = serde_json::from_str(whole.get()).unwrap(),
                    None => {}
                }
            }
            if *told != state {
                return Err(format!("it has the state {told}, and it is {state}"));
            }
        }
        Ok(())
    }
}
