//! What viewers are called in this format: `client_` and a number that the server counts up. Everybody who has to do with a viewer
//! calls it the same.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use samewire_protocol::live::ViewerId;

use super::wire::ClientId;

/// The names that are in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// Names, and how many hold each.
    names: HashMap<ViewerId, (ClientId, usize)>,
    viewers: HashMap<ClientId, ViewerId>,
}

/// A viewer's name, in use as long as this is there.
#[derive(Debug)]
pub(super) struct Name {
    names: Names,
    pub(super) viewer: ViewerId,
    pub(super) client: ClientId,
}

impl Names {
    /// What a viewer is called: as before, or by a new number.
    pub(super) fn name(&self, viewer: ViewerId) -> Name {
        let mut table = self.0.lock();
        let Table { last, names, viewers } = &mut *table;
        let (client, held) = names.entry(viewer).or_insert_with(|| {
            *last += 1;
            viewers.insert(ClientId(*last), viewer);
            (ClientId(*last), 0)
        });
        *held += 1;
        let client = *client;
        drop(table);
        Name { names: self.clone(), viewer, client }
    }

    /// Who is called so.
    pub(super) fn viewer(&self, client: ClientId) -> Option<ViewerId> {
        self.0.lock().viewers.get(&client).copied()
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut table = self.names.0.lock();
        let Table { names, viewers, .. } = &mut *table;
        if let Some((_, held)) = names.get_mut(&self.viewer) {
            *held -= 1;
            if *held == 0 {
                names.remove(&self.viewer);
                viewers.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_for_everybody_and_never_given_again() {
        let names = Names::default();
        let (one, other) = (ViewerId::from_random(7), ViewerId::from_random(8));
        let (first, again, second) = (names.name(one), names.name(one), names.name(other));
        assert_eq!((first.client, again.client, second.client), (ClientId(1), ClientId(1), ClientId(2)));
        assert_eq!(names.viewer(ClientId(2)), Some(other));
        drop(first);
        assert_eq!(names.viewer(ClientId(1)), Some(one), "somebody still calls it so");
        drop(again);
        assert_eq!(names.viewer(ClientId(1)), None);
        assert_eq!(names.name(one).client, ClientId(3));
        drop(second);
        let table = names.0.lock();
        assert_eq!((table.names.len(), table.viewers.len()), (0, 0), "nothing is kept");
    }
}
