//! [`Definition`]: what a namespace, or all children of a pattern, have in common.

use std::future::{Future, ready};
use std::pin::Pin;

use socketio_proto::ConnectError;

use crate::handler::Handlers;
use crate::handshake::Handshake;
use crate::sync::Arc;

/// The steps that let a client in, or keep it out.
pub(crate) type Joining<D> = Pin<Box<dyn Future<Output = Result<D, ConnectError>> + Send>>;
pub(super) type Auth<D> = Box<dyn Fn(Handshake) -> Joining<D> + Send + Sync>;
pub(super) type BeforeConnect = Box<dyn Fn(Handshake) -> Joining<()> + Send + Sync>;

pub(crate) struct Definition<D> {
    pub(super) before_connect: Vec<BeforeConnect>,
    pub(super) auth: Auth<D>,
    pub(crate) handlers: Handlers<D>,
}

impl Definition<()> {
    pub(super) fn open() -> Self {
        Self::new(Box::new(|_| Box::pin(ready(Ok(())))))
    }
}

impl<D> Definition<D> {
    pub(super) fn new(auth: Auth<D>) -> Self {
        Self {
            before_connect: Vec::new(),
            auth,
            handlers: Handlers::default(),
        }
    }
}

impl<D: 'static> Definition<D> {
    /// All steps in order; the last one makes the data of the socket.
    pub(crate) fn join(self: &Arc<Self>, handshake: Handshake) -> Joining<D> {
        if self.before_connect.is_empty() {
            return (self.auth)(handshake);
        }
        let definition = Arc::clone(self);
        Box::pin(async move {
            for step in &definition.before_connect {
                step(handshake.clone()).await?;
            }
            (definition.auth)(handshake).await
        })
    }
}
