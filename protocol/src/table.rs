//! A small ordered map: a sorted vector. Numbers rise, so nearly every insertion is at the end; what there is to look through is a
//! few calls or streams. A tree takes more code for each kind of value than the rest of the session together.

/// Values by key, in the order of the keys.
#[derive(Debug)]
pub(crate) struct Table<K, V>(Vec<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + Ord, V> Table<K, V> {
    fn find(&self, key: K) -> Result<usize, usize> {
        self.0.binary_search_by_key(&key, |(key, _)| *key)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains_key(&self, key: K) -> bool {
        self.find(key).is_ok()
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let at = self.find(key).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Puts the value in, in place of the one that the key had.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.find(key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let at = self.find(key).ok()?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn first_key(&self) -> Option<K> {
        self.0.first().map(|(key, _)| *key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = K> {
        self.0.iter().map(|(key, _)| *key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (*key, value))
    }

    /// All entries once, from the one after `key` on, then from the start up to `key`.
    pub(crate) fn iter_mut_after(&mut self, key: K) -> impl Iterator<Item = (K, &mut V)> {
        let split = self.0.partition_point(|(other, _)| *other <= key);
        let (before, after) = self.0.split_at_mut(split);
        after.iter_mut().chain(before).map(|(key, value)| (*key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0u8..12, any::<bool>()), 0..60)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            for (step, (key, add)) in steps.into_iter().enumerate() {
                if add {
                    table.insert(key, step);
                    map.insert(key, step);
                } else {
                    prop_assert_eq!(table.remove(key), map.remove(&key));
                }
                prop_assert_eq!(table.get(key), map.get(&key));
                prop_assert!(table.iter().eq(map.iter().map(|(key, value)| (*key, value))));
                prop_assert_eq!(table.first_key(), map.keys().next().copied());
                let turn = table.iter_mut_after(key).map(|(key, _)| key).collect::<Vec<_>>();
                let wanted = map.range(key + 1..).chain(map.range(..=key)).map(|(key, _)| *key).collect::<Vec<_>>();
                prop_assert_eq!(turn, wanted);
            }
        }
    }
}
