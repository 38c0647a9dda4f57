//! Families of sessions: a session, those that were begun with its ticket, those that were begun with theirs, and so on.

use samewire_protocol::SessionId;

/// What the ids of a family begin with. So each id tells its family, however many are of it and whichever of them are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Family([u8; 8]);

impl Family {
    pub(crate) fn of(session: SessionId) -> Self {
        let [f0, f1, f2, f3, f4, f5, f6, f7, ..] = session.bits();
        Self([f0, f1, f2, f3, f4, f5, f6, f7])
    }

    /// The id of a new session of the family, by these random bits.
    pub(crate) fn another(self, mut bits: [u8; 16]) -> SessionId {
        bits[..8].copy_from_slice(&self.0);
        SessionId::from_random(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_goes_on_by_its_ids() {
        let (one, stranger) = (SessionId::from_random([1; 16]), SessionId::from_random([2; 16]));
        let next = Family::of(one).another([3; 16]);
        let last = Family::of(next).another([4; 16]);
        assert!(next != one && last != next);
        assert_eq!((Family::of(next), Family::of(last)), (Family::of(one), Family::of(one)));
        assert_ne!(Family::of(stranger), Family::of(one));
    }
}
