//! What viewers are called in this format: `client_` and a number that the server counts up. Both ends of a peer connection call its
//! viewer the same; another connection to the same viewer goes by another name, so that nothing late is taken for its own.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::live::{Negotiation, PeerRef, ViewerId};

use super::wire::ClientId;

/// The names that are in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// Names, and how many hold each.
    names: HashMap<(ViewerId, Negotiation), (ClientId, usize)>,
    peers: HashMap<ClientId, PeerRef>,
}

/// A viewer's name, in use as long as this is there.
#[derive(Debug)]
pub(super) struct Name {
    names: Names,
    pub(super) peer: PeerRef,
    pub(super) client: ClientId,
}

impl Names {
    /// What the viewer of a peer connection is called: as the other end calls it, or by a new number.
    pub(super) fn name(&self, peer: PeerRef) -> Name {
        let mut table = self.0.lock();
        let Table { last, names, peers } = &mut *table;
        let (client, held) = names.entry(key(peer)).or_insert_with(|| {
            *last += 1;
            peers.insert(ClientId(*last), peer);
            (ClientId(*last), 0)
        });
        *held += 1;
        let client = *client;
        drop(table);
        Name { names: self.clone(), peer, client }
    }

    /// The peer connection whose viewer is called so.
    pub(super) fn peer(&self, client: ClientId) -> Option<PeerRef> {
        self.0.lock().peers.get(&client).copied()
    }
}

impl Name {
    /// Whether the other end of the connection is a client of this format too.
    pub(super) fn is_shared(&self) -> bool {
        self.names.0.lock().names.get(&key(self.peer)).is_some_and(|(_, held)| *held > 1)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut table = self.names.0.lock();
        let Table { names, peers, .. } = &mut *table;
        if let Some((_, held)) = names.get_mut(&key(self.peer)) {
            *held -= 1;
            if *held == 0 {
                names.remove(&key(self.peer));
                peers.remove(&self.client);
            }
        }
    }
}

fn key(peer: PeerRef) -> (ViewerId, Negotiation) {
    (peer.viewer, peer.negotiation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_at_both_ends_and_never_given_again() {
        let names = Names::default();
        let peer = |viewer, number| PeerRef {
            viewer: ViewerId::from_random(viewer),
            negotiation: Negotiation::new(number).expect("a small number"),
        };
        let first = names.name(peer(7, 1));
        assert!(!first.is_shared());
        let (again, second, other) = (names.name(peer(7, 1)), names.name(peer(7, 2)), names.name(peer(8, 3)));
        assert_eq!([&first, &again, &second, &other].map(|name| name.client.0), [1, 1, 2, 3]);
        assert_eq!([&first, &again, &second].map(Name::is_shared), [true, true, false]);
        assert_eq!(names.peer(ClientId(2)), Some(peer(7, 2)));
        drop(first);
        assert_eq!((names.peer(ClientId(1)), again.is_shared()), (Some(peer(7, 1)), false), "the other end is there still");
        drop(again);
        assert_eq!(names.peer(ClientId(1)), None);
        assert_eq!(names.name(peer(7, 1)).client, ClientId(4));
        drop((second, other));
        let table = names.0.lock();
        assert_eq!((table.names.len(), table.peers.len()), (0, 0), "nothing is kept");
    }
}
