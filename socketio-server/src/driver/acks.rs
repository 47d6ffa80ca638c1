//! Answers that are waited for.

use std::time::Instant;

use socketio_proto::{AckId, Misuse, NamespaceId, RawArgs};

use super::Driver;
use crate::ack::{Patience, Waiter};
use crate::error::AckError;

impl Driver {
    pub(super) fn expect_ack(
        &mut self,
        now: Instant,
        namespace: NamespaceId,
        id: AckId,
        waiter: Waiter,
    ) {
        let until = match waiter.patience {
            Patience::AfterSending { wait, .. } => now + wait,
            Patience::Until(until) => until,
        };
        match self.machine.expect_ack(now, &namespace, id, until) {
            Ok(()) => {
                self.waiters.insert((namespace, id), waiter);
            }
            Err(Misuse::TooManyAcks) => waiter.end(Err(AckError::TooMany)),
            Err(_) => waiter.end(Err(AckError::Disconnected)),
        }
    }

    pub(super) fn acked(&mut self, namespace: NamespaceId, id: AckId, args: RawArgs) {
        if let Some(waiter) = self.waiters.remove(&(namespace, id)) {
            waiter.end(Ok(args));
        }
    }

    pub(super) fn ack_expired(&mut self, now: Instant, namespace: NamespaceId, id: AckId) {
        let Some(waiter) = self.waiters.remove(&(namespace.clone(), id)) else {
            return;
        };
        match waiter.patience {
            // the client cannot answer what still waits for it
            Patience::AfterSending { position, .. }
                if !self.connection.handle.has_sent(position) =>
            {
                self.expect_ack(now, namespace, id, waiter);
            }
            Patience::AfterSending { .. } | Patience::Until(_) => {
                self.core.counters.acks_expired.add();
                waiter.end(Err(AckError::Timeout));
            }
        }
    }
}
