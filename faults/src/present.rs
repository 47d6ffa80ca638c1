//! [`Present`]: who is still there, as the server's handlers know it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Which clients have sockets.
#[derive(Debug, Default)]
pub(crate) struct Present {
    sockets: Mutex<HashMap<u32, usize>>,
    changed: Notify,
}

impl Present {
    fn change(&self, client: u32, by: impl FnOnce(usize) -> usize) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sockets.entry(client).or_default();
        *count = by(*count);
        drop(sockets);
        self.changed.notify_waiters();
    }

    pub(crate) fn come(&self, client: u32) {
        self.change(client, |count| count + 1);
    }

    pub(crate) fn go(&self, client: u32) {
        self.change(client, |count| count.saturating_sub(1));
    }

    fn is_here(&self, client: u32) -> bool {
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.get(&client).is_some_and(|count| *count > 0)
    }

    /// Until the server knows that none of the client's sockets is left.
    pub(crate) async fn gone(&self, client: u32) {
        loop {
            let changed = self.changed.notified();
            if !self.is_here(client) {
                return;
            }
            changed.await;
        }
    }
}
