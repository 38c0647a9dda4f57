//! Which peer connections a broadcaster has, from two sources that may overtake each other: what it is told, and what it asks.

use std::collections::BTreeMap;

use samewire_protocol::live::methods::Peer;
use samewire_protocol::live::{LeaveReason, Negotiation, PeerRef, ViewerId, ViewerLeft};

use super::broadcast::BroadcastEvent;

/// The viewers, each with the number of the peer connection that counts.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<ViewerId, Peer>);

impl Peers {
    /// A peer connection is to be begun. `None` when that is known already, or another one came after it.
    pub(super) fn begin(&mut self, peer: Peer) -> Option<BroadcastEvent> {
        if self.counts(peer.viewer).is_some_and(|counts| counts >= peer.negotiation) {
            return None;
        }
        self.0.insert(peer.viewer, peer.clone());
        Some(BroadcastEvent::Begin(peer))
    }

    /// A viewer's peer connection is to be made anew. `None` as above, and when the viewer is gone.
    pub(super) fn anew(&mut self, PeerRef { viewer, negotiation }: PeerRef) -> Option<BroadcastEvent> {
        let user = self.0.get(&viewer)?.user.clone();
        self.begin(Peer { viewer, negotiation, user })
    }

    /// A viewer is gone. `None` when that is known already.
    pub(super) fn leave(&mut self, left: ViewerLeft) -> Option<BroadcastEvent> {
        self.0.remove(&left.viewer).map(|_| BroadcastEvent::Left(left))
    }

    /// The number of the viewer's peer connection that counts.
    pub(super) fn counts(&self, viewer: ViewerId) -> Option<Negotiation> {
        self.0.get(&viewer).map(|peer| peer.negotiation)
    }

    /// These are the viewers now: what has to be told so that it is known.
    pub(super) fn reconcile(&mut self, now: Vec<Peer>) -> Vec<BroadcastEvent> {
        let gone = self.0.keys().filter(|viewer| !now.iter().any(|peer| peer.viewer == **viewer)).copied();
        let gone: Vec<_> = gone.map(|viewer| ViewerLeft { viewer, reason: LeaveReason::Lost }).collect();
        let mut told: Vec<_> = gone.into_iter().filter_map(|left| self.leave(left)).collect();
        told.extend(now.into_iter().filter_map(|peer| self.begin(peer)));
        told
    }

    /// The viewers, by id.
    pub(super) fn list(&self) -> Vec<Peer> {
        self.0.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(viewer: u64, negotiation: u64) -> Peer {
        let negotiation = Negotiation::new(negotiation).expect("a number");
        Peer { viewer: ViewerId::from_random(viewer), negotiation, user: Some(format!("user {viewer}").into()) }
    }

    fn told(events: impl IntoIterator<Item = BroadcastEvent>) -> Vec<String> {
        let told = |event| match event {
            BroadcastEvent::Begin(Peer { viewer, negotiation, user }) => {
                format!("begin {viewer} {negotiation} {}", user.unwrap_or_default())
            }
            BroadcastEvent::Left(ViewerLeft { viewer, reason }) => format!("{viewer} {reason:?}"),
            other => panic!("{other:?}"),
        };
        events.into_iter().map(told).collect()
    }

    #[test]
    fn what_is_known_is_not_told_again() {
        let mut peers = Peers::default();
        assert_eq!(told(peers.reconcile(vec![peer(1, 1), peer(2, 2)])).len(), 2);
        assert_eq!(peers.begin(peer(1, 1)), None, "the word of it overtook the list");
        assert_eq!(peers.reconcile(vec![peer(1, 1), peer(2, 2)]), []);
        let Peer { viewer, .. } = peer(1, 1);
        let left = ViewerLeft { viewer, reason: LeaveReason::Left };
        assert_eq!(told(peers.leave(left.clone())), ["v_0000000000000001 Left"]);
        assert_eq!(peers.leave(left), None);
        assert_eq!(peers.list(), [peer(2, 2)]);
    }

    #[test]
    fn of_two_peer_connections_to_a_viewer_the_later_counts() {
        let mut peers = Peers::default();
        assert!(peers.begin(peer(1, 5)).is_some());
        let anew = |peer: Peer| PeerRef { viewer: peer.viewer, negotiation: peer.negotiation };
        assert_eq!(peers.anew(anew(peer(1, 4))), None);
        assert_eq!(told(peers.anew(anew(peer(1, 6)))), ["begin v_0000000000000001 6 user 1"]);
        assert_eq!(peers.counts(peer(1, 0).viewer), Negotiation::new(6));
        assert_eq!(peers.anew(anew(peer(2, 7))), None, "it has left meanwhile");
    }

    #[test]
    fn a_list_tells_who_came_who_left_and_whose_connection_is_another() {
        let mut peers = Peers::default();
        peers.reconcile(vec![peer(1, 1), peer(2, 2), peer(3, 3)]);
        assert_eq!(
            told(peers.reconcile(vec![peer(2, 2), peer(3, 5), peer(4, 4)])),
            ["v_0000000000000001 Lost", "begin v_0000000000000003 5 user 3", "begin v_0000000000000004 4 user 4"]
        );
    }
}
