//! [`Step`]: what a client that wants in is waiting for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use socketio_proto::ConnectError;

use crate::handshake::Handshake;
use crate::namespace::{Joining, Mounted};
use crate::recovery::{Resume, Returning};
use crate::sync::Arc;

use super::internal_error;

/// What a client that wants in is waiting for.
pub(super) enum Step<D: Send + Sync + 'static> {
    /// The steps of the namespace.
    Fresh(Joining<D>),
    /// Its old session.
    Back(Recovering<D>),
}

pub(super) enum Stepped<D: Send + Sync + 'static> {
    Fresh(D),
    Back(Option<Box<Back<D>>>),
}

impl<D: Send + Sync + 'static> Step<D> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stepped<D>, ConnectError>> {
        match self {
            Self::Fresh(joining) => poll_guarded(joining, cx).map_ok(Stepped::Fresh),
            Self::Back(recovering) => poll_guarded(recovering, cx).map_ok(Stepped::Back),
        }
    }

    pub(super) fn fresh(namespace: &Mounted<D>, handshake: &Handshake) -> Self {
        let join = AssertUnwindSafe(|| namespace.definition.join(handshake.clone()));
        let refused = |_| -> Joining<D> { Box::pin(std::future::ready(Err(internal_error()))) };
        Self::Fresh(catch_unwind(join).unwrap_or_else(refused))
    }
}
/// Polls a step; a panic in it refuses the client.
fn poll_guarded<T>(step: &mut Joining<T>, cx: &mut Context<'_>) -> Poll<Result<T, ConnectError>> {
    catch_unwind(AssertUnwindSafe(|| step.as_mut().poll(cx)))
        .unwrap_or_else(|_| Poll::Ready(Err(internal_error())))
}

/// A session that is there, and how far its client got.
pub(super) struct Back<D: Send + Sync + 'static> {
    pub(super) returning: Returning<D>,
    pub(super) offset: Option<Box<str>>,
}

type Recovering<D> = Joining<Option<Box<Back<D>>>>;

/// Looks for the old session of a client, and lets the steps judge it again if they shall.
pub(super) fn recover<D: Send + Sync + 'static>(
    namespace: Arc<Mounted<D>>,
    handshake: Handshake,
    Resume { key, offset }: Resume,
) -> Recovering<D> {
    Box::pin(async move {
        let Some(sessions) = &namespace.sessions else {
            return Ok(None);
        };
        let Some(returning) = Arc::clone(sessions).take(key).await else {
            return Ok(None);
        };
        if !sessions.limits().skip_middlewares {
            namespace.definition.join(handshake).await?;
        }
        Ok(Some(Box::new(Back { returning, offset })))
    })
}
