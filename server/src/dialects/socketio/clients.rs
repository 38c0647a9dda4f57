//! Who is connected: each by the id that its requests name it by, and a place for each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use socketioxide_core::Sid;

use super::gate::Gate;

/// So many places, and so many of them for those who have not come in.
pub(super) struct Clients {
    most: usize,
    most_outside: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    gates: HashMap<Sid, Arc<Gate>>,
    /// Those who have not come in, in the order in which they came: who said nothing so far, and who did.
    silent: BTreeMap<u64, Sid>,
    speaking: BTreeMap<u64, Sid>,
    count: u64,
}

impl Known {
    /// Who is to go so that there is a place, if it is one who has not come in: the oldest of those who said nothing, or of those
    /// who did where they are more. Neither a flood of the one nor of the other leaves those too little time who mean to come in.
    fn displace(&mut self) -> Option<Arc<Gate>> {
        let group = if self.speaking.len() > self.silent.len() { &mut self.speaking } else { &mut self.silent };
        let (_, sid) = group.pop_first()?;
        self.gates.remove(&sid)
    }
}

/// Somebody's place, until it is dropped.
pub(super) struct Seat {
    clients: Arc<Clients>,
    gate: Arc<Gate>,
    number: u64,
}

/// Who came, and who had to go for it.
pub(super) struct Seated {
    pub(super) seat: Seat,
    pub(super) displaced: Option<Arc<Gate>>,
}

impl Clients {
    pub(super) fn new(most: usize, most_outside: usize) -> Arc<Self> {
        Arc::new(Self { most, most_outside, known: Mutex::default() })
    }

    /// A place for somebody new, if there is one.
    pub(super) fn seat(self: &Arc<Self>) -> Option<Seated> {
        let gate = Arc::new(Gate::new(Sid::new()));
        let mut known = self.known.lock();
        let outside = known.silent.len() + known.speaking.len();
        let mut displaced = None;
        if known.gates.len() >= self.most || outside >= self.most_outside {
            displaced = Some(known.displace()?);
        }
        let number = known.count;
        known.count += 1;
        known.gates.insert(gate.sid, gate.clone());
        known.silent.insert(number, gate.sid);
        Some(Seated { seat: Seat { clients: self.clone(), gate, number }, displaced })
    }

    /// The client with this id.
    pub(super) fn find(&self, sid: Sid) -> Option<Arc<Gate>> {
        self.known.lock().gates.get(&sid).cloned()
    }
}

impl Seat {
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The client has said something.
    pub(super) fn speaks(&self) {
        let mut known = self.clients.known.lock();
        if let Some(sid) = known.silent.remove(&self.number) {
            known.speaking.insert(self.number, sid);
        }
    }

    /// The client has come in.
    pub(super) fn comes_in(&self) {
        let mut known = self.clients.known.lock();
        known.silent.remove(&self.number);
        known.speaking.remove(&self.number);
        drop(known);
        self.gate.come_in();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut known = self.clients.known.lock();
        known.silent.remove(&self.number);
        known.speaking.remove(&self.number);
        known.gates.remove(&self.gate.sid);
        drop(known);
        self.gate.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats<const N: usize>(clients: &Arc<Clients>) -> [Seat; N] {
        std::array::from_fn(|_| clients.seat().expect("a place").seat)
    }

    /// Whom somebody new displaces.
    fn displaces(clients: &Arc<Clients>) -> Option<Sid> {
        clients.seat().expect("a place").displaced.map(|gate| gate.sid)
    }

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let clients = Clients::new(2, 2);
        let [one, two] = seats(&clients);
        one.comes_in();
        two.comes_in();
        assert!(clients.seat().is_none() && clients.find(one.gate().sid).is_some());
        let sid = one.gate().sid;
        drop(one);
        assert!(clients.find(sid).is_none() && displaces(&clients).is_none());
    }

    #[test]
    fn who_has_not_come_in_gives_way_the_oldest_first_and_the_silent_before_those_who_speak() {
        let clients = Clients::new(100, 4);
        let [speaker, one, two, three] = seats(&clients);
        speaker.speaks();
        let Seated { seat: four, displaced } = clients.seat().expect("a place");
        assert_eq!(displaced.map(|gate| gate.sid), Some(one.gate().sid));
        assert!(clients.find(one.gate().sid).is_none() && clients.find(speaker.gate().sid).is_some());
        // Where more have spoken, the oldest of them goes, so that nobody can speak all others out.
        two.speaks();
        three.speaks();
        assert_eq!(displaces(&clients), Some(speaker.gate().sid));
        // Who is in has its place.
        two.comes_in();
        three.comes_in();
        let [_five, _six, _seven] = seats(&clients);
        assert_eq!(displaces(&clients), Some(four.gate().sid));
        assert!([two, three].iter().all(|seat| clients.find(seat.gate().sid).is_some()));
    }

    #[test]
    fn one_that_was_displaced_frees_nobody_elses_place() {
        let clients = Clients::new(1, 1);
        let [one] = seats(&clients);
        let Seated { seat: two, displaced } = clients.seat().expect("a place");
        assert!(displaced.is_some());
        drop(one);
        two.comes_in();
        assert!(clients.seat().is_none());
    }
}
