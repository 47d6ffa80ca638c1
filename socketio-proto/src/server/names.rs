//! [`Names`]: the namespaces of a connection.

use crate::id::NamespaceId;

/// A value for each namespace. Most connections have one, and none has more than a few hundred: a sorted list takes
/// 40 bytes where the first entry of a tree takes ten times that, for every idle client.
#[derive(Debug)]
pub(super) struct Names<T>(Vec<(NamespaceId, T)>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Names<T> {
    fn find(&self, name: &NamespaceId) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(name))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The entry; its name shares no memory with what a client has just sent.
    pub(super) fn entry(&self, name: &NamespaceId) -> Option<&(NamespaceId, T)> {
        self.find(name).ok().and_then(|index| self.0.get(index))
    }

    pub(super) fn get(&self, name: &NamespaceId) -> Option<&T> {
        self.entry(name).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, name: &NamespaceId) -> Option<&mut T> {
        let index = self.find(name).ok()?;
        self.0.get_mut(index).map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, name: NamespaceId, value: T) {
        match self.find(&name) {
            Ok(index) => {
                if let Some((_, old)) = self.0.get_mut(index) {
                    *old = value;
                }
            }
            Err(index) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(index, (name, value));
            }
        }
    }

    pub(super) fn remove(&mut self, name: &NamespaceId) {
        if let Ok(index) = self.find(name) {
            self.0.remove(index);
        }
    }

    /// In the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(NamespaceId, T)> {
        self.0.iter()
    }

    /// All of them; none is left.
    pub(super) fn take(&mut self) -> Vec<(NamespaceId, T)> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_map() {
        let name = |n: u32| NamespaceId::new(format!("/{n}").as_str()).expect("a name");
        let mut names = Names::default();
        for n in [5, 1, 3, 2, 4, 1] {
            names.insert(name(n), n * 10);
        }
        assert_eq!(names.len(), 5);
        assert_eq!(names.get(&name(3)), Some(&30));
        assert_eq!(names.get(&name(6)), None);
        *names.get_mut(&name(1)).expect("it is there") = 7;
        names.remove(&name(2));
        names.remove(&name(9));
        let left: Vec<u32> = names.iter().map(|(_, value)| *value).collect();
        assert_eq!(left, [7, 30, 40, 50]);
        assert_eq!(names.entry(&name(5)), Some(&(name(5), 50)));
        assert_eq!(names.take().len(), 4);
        assert_eq!(names.len(), 0);
    }
}
