//! [`Table`]: the handlers of a namespace by the names of their events.

use engineio::Text;

/// Lists by name. It is filled while a namespace is described and then only read, so that no client can put a name into
/// it: a sorted list is found in faster than a map with keyed hashes, for the few names that there are.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<(Text, Vec<T>)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    fn find(&self, name: &str) -> Result<usize, usize> {
        // most names differ in length: what is compared first costs a comparison of numbers
        self.0.binary_search_by(|(known, _)| {
            let by_length = known.len().cmp(&name.len());
            by_length.then_with(|| known.as_bytes().cmp(name.as_bytes()))
        })
    }

    /// Those of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&[T]> {
        let index = self.find(name).ok()?;
        self.0.get(index).map(|(_, list)| list.as_slice())
    }

    /// Adds one to those of a name.
    pub(crate) fn push(&mut self, name: Text, item: T) {
        match self.find(&name) {
            Ok(index) => {
                if let Some((_, list)) = self.0.get_mut(index) {
                    list.push(item);
                }
            }
            Err(index) => self.0.insert(index, (name, vec![item])),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_own_list_in_order() {
        let names = ["b", "a", "", "aa", "echo", "each", "é", "\u{0}", "join"];
        let mut table = Table::default();
        for round in 0..2 {
            for (index, name) in names.iter().enumerate() {
                table.push(Text::from(*name), (index, round));
            }
        }
        for (index, name) in names.iter().enumerate() {
            assert_eq!(
                table.get(name),
                Some(&[(index, 0), (index, 1)][..]),
                "{name:?}"
            );
        }
        for unknown in ["c", "ab", "ech", "echoo", "\u{1}"] {
            assert_eq!(table.get(unknown), None, "{unknown:?}");
        }
        assert_eq!(table.names().count(), names.len());
    }
}
