//! [`Spare`]: memory that many machines use, one after the other.

use std::collections::VecDeque;

/// More than so many elements' memory is not kept.
const KEPT: usize = 64;

/// Memory for the outputs of machines that are driven one at a time.
///
/// A machine whose outputs are drained has no use for their memory until it is driven again. Whoever
/// drives thousands lends them the same: an idle one then holds none, and what is busy stays in the
/// cache. Nothing is ever lost by it, whatever is lent to whom.
#[derive(Debug)]
pub struct Spare<T>(VecDeque<T>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Spare<T> {
    /// No memory yet: it comes with the first machine that gives its own back.
    #[must_use]
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Elements that there is memory for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Gives the memory to a queue, unless something stands in that.
    pub fn lend(&mut self, queue: &mut VecDeque<T>) {
        if queue.is_empty() {
            std::mem::swap(&mut self.0, queue);
        }
    }

    /// Leaves a queue in which nothing stands without memory, and keeps it if it has none itself.
    pub fn take_back(&mut self, queue: &mut VecDeque<T>) {
        if !queue.is_empty() || queue.capacity() == 0 {
            return;
        }
        // swapped where possible: to drop a queue costs, even an empty one
        if self.0.capacity() == 0 && queue.capacity() <= KEPT {
            std::mem::swap(&mut self.0, queue);
        } else {
            *queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_memory(capacity: usize) -> VecDeque<u8> {
        VecDeque::with_capacity(capacity)
    }

    #[test]
    fn memory_goes_round() {
        let mut spare = Spare::new();
        spare.take_back(&mut with_memory(20));
        assert_eq!(spare.capacity(), 20);
        let mut queue = VecDeque::new();
        spare.lend(&mut queue);
        assert_eq!((spare.capacity(), queue.capacity()), (0, 20));
        queue.push_back(1);
        spare.take_back(&mut queue);
        assert_eq!((spare.capacity(), queue.len()), (0, 1), "it is in use");
        queue.clear();
        spare.take_back(&mut queue);
        assert_eq!((spare.capacity(), queue.capacity()), (20, 0));
        spare.take_back(&mut queue);
        assert_eq!(spare.capacity(), 20);
    }

    #[test]
    fn nobody_keeps_more_than_a_little() {
        let mut spare = Spare::new();
        let mut large = with_memory(KEPT + 1);
        spare.take_back(&mut large);
        assert_eq!((spare.capacity(), large.capacity()), (0, 0));
        spare.take_back(&mut with_memory(20));
        let mut second = with_memory(KEPT);
        spare.take_back(&mut second);
        assert_eq!((spare.capacity(), second.capacity()), (20, 0));
    }

    #[test]
    fn what_stands_somewhere_stays_there() {
        let mut spare = Spare::new();
        spare.take_back(&mut with_memory(20));
        let mut queue = VecDeque::from([1, 2]);
        spare.lend(&mut queue);
        assert_eq!((spare.capacity(), queue), (20, VecDeque::from([1, 2])));
    }
}
