//! [`Levels`]: the arrays and objects that are open.

use super::placeholders::Members;

#[derive(Clone, Copy, Default)]
pub(super) enum Container {
    #[default]
    Array,
    Object,
}

#[derive(Clone, Copy, Default)]
struct Level {
    container: Container,
    members: Members,
}

/// What is open; on the heap only where it is deep.
#[derive(Default)]
pub(super) struct Levels {
    len: usize,
    /// What was opened last, in which the others lie from the outermost on.
    inner: Level,
    few: [Level; 4],
    more: Vec<Level>,
}

impl Levels {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn open(&mut self, container: Container) {
        match self.few.get_mut(self.len) {
            Some(free) => *free = self.inner,
            None => self.more.push(self.inner),
        }
        self.len += 1;
        self.inner = Level {
            container,
            members: Members::default(),
        };
    }

    /// The members of what was opened last, which ends.
    pub(super) fn close(&mut self) -> Members {
        let members = self.inner.members;
        self.len = self.len.saturating_sub(1);
        let outer = match self.few.get(self.len) {
            Some(level) => Some(*level),
            None => self.more.pop(),
        };
        self.inner = outer.unwrap_or_default();
        members
    }

    /// What was opened last.
    pub(super) fn container(&self) -> Container {
        self.inner.container
    }

    /// The members of what was opened last.
    pub(super) fn members(&mut self) -> &mut Members {
        &mut self.inner.members
    }
}
