//! Clients that want a namespace.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use engineio::Text;
use socketio_proto::{ConnectError, NamespaceId};

use super::Driver;
use crate::handshake::Handshake;
use crate::registry::{Found, Registry, invalid_namespace};
use crate::session::internal_error;
use crate::sync::Arc;

/// A namespace that somebody wants and that patterns are being asked for.
pub(super) struct Resolving {
    namespace: NamespaceId,
    auth: Option<Text>,
    future: Pin<Box<dyn Future<Output = Result<Found, ConnectError>> + Send>>,
}

impl Driver {
    pub(super) fn connect(&mut self, now: Instant, namespace: NamespaceId, auth: Option<Text>) {
        let registry = &self.core.registry;
        if let Some((mounted, lease)) = registry.find(&self.core, &namespace) {
            let session = mounted.connect(&self.core, &self.connection, auth, lease);
            self.sessions.insert(namespace, session);
        } else if registry.has_dynamics() {
            let request = Arc::clone(&self.connection.request);
            let handshake = Handshake::new(request, namespace.clone(), auth.clone());
            let future = Registry::resolve(Arc::clone(&self.core), handshake);
            self.resolving.push(Resolving {
                namespace,
                auth,
                future: Box::pin(future),
            });
        } else {
            self.core.counters.refused.add();
            self.machine
                .refuse(now, &namespace, &invalid_namespace())
                .ok();
        }
    }

    /// Asks on for the namespaces that clients want and nobody has seen yet.
    pub(super) fn poll_resolving(&mut self, now: Instant, cx: &mut Context<'_>) {
        let mut index = 0;
        while let Some(resolving) = self.resolving.get_mut(index) {
            let polled = catch_unwind(AssertUnwindSafe(|| resolving.future.as_mut().poll(cx)));
            let result = match polled {
                Ok(Poll::Pending) => {
                    index += 1;
                    continue;
                }
                Ok(Poll::Ready(result)) => result,
                Err(_) => Err(internal_error()),
            };
            let Resolving {
                namespace, auth, ..
            } = self.resolving.swap_remove(index);
            match result {
                Ok((mounted, lease)) => {
                    let session = mounted.connect(&self.core, &self.connection, auth, lease);
                    self.sessions.insert(namespace, session);
                }
                Err(error) => {
                    self.core.counters.refused.add();
                    self.machine.refuse(now, &namespace, &error).ok();
                }
            }
        }
    }
}
