//! [`Frames`]: a queue of which most of the time there is one.

use std::collections::VecDeque;

use crate::Frame;

/// More room than this is given back as soon as it is empty.
const KEPT: usize = 64;

/// Frames, oldest first. The first one is in place: a client that takes what it is sent never has a second one waiting.
#[derive(Debug, Default)]
pub(super) struct Frames {
    first: Option<Frame>,
    /// Empty unless there is a first one.
    more: VecDeque<Frame>,
}

impl Frames {
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn first(&self) -> Option<&Frame> {
        self.first.as_ref()
    }

    pub(super) fn last(&self) -> Option<&Frame> {
        self.more.back().or(self.first.as_ref())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.first.iter().chain(&self.more)
    }

    pub(super) fn push(&mut self, frame: Frame) {
        match &self.first {
            None => self.first = Some(frame),
            Some(_) => self.more.push_back(frame),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        let first = self.first.take();
        if self.more.capacity() > 0 {
            self.first = self.more.pop_front();
            if self.more.is_empty() && self.more.capacity() > KEPT {
                self.more = VecDeque::new();
            }
        }
        first
    }

    /// Gives memory back, if nothing waits.
    pub(super) fn shrink(&mut self) {
        if self.more.is_empty() {
            self.more = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Data;

    #[test]
    fn frames_leave_in_the_order_in_which_they_came() {
        let frame = |n: u8| Frame::message(&Data::Binary(vec![n].into()));
        let mut frames = Frames::default();
        assert!(frames.is_empty() && frames.pop().is_none() && frames.last().is_none());
        let (mut next, mut oldest) = (0, 0);
        for (come, leave) in [(1, 1), (3, 2), (200, 100), (1, 1), (5, 106)] {
            for _ in 0..come {
                frames.push(frame(next));
                assert_eq!(frames.last(), Some(&frame(next)));
                next += 1;
            }
            assert_eq!(frames.len(), usize::from(next - oldest));
            let waiting: Vec<_> = (oldest..next).map(frame).collect();
            assert!(frames.iter().eq(&waiting));
            for _ in 0..leave {
                assert_eq!(frames.first(), Some(&frame(oldest)));
                assert_eq!(frames.pop(), Some(frame(oldest)));
                oldest += 1;
            }
        }
        assert!(frames.is_empty() && frames.pop().is_none());
        assert_eq!(frames.more.capacity(), 0);
    }
}
