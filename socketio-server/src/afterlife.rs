//! What remains to be done for a socket that was disconnected: its running handlers may finish,
//! then `on_disconnect` runs. Nobody waits for it, and it waits for nobody longer than a
//! deadline.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use socketio_proto::DisconnectReason;
use tokio::time::timeout;

use crate::core::Core;
use crate::handler::Running;
use crate::session::{Job, Joined};
use crate::socket::SocketCore;
use crate::sync::{Arc, Ordering, spawn};

pub(crate) fn start<D: Send + Sync + 'static>(
    server: Arc<Core>,
    joined: Joined<D>,
    reason: DisconnectReason,
) {
    let Joined {
        socket,
        namespace,
        running,
        span,
        ..
    } = joined;
    if running.is_empty() && namespace.definition.handlers.disconnect.is_empty() {
        return;
    }
    if tokio::runtime::Handle::try_current().is_err() {
        return;
    }
    let task = Task::new(&server);
    spawn(async move {
        let mut running: Vec<Running> = running.into_iter().map(Job::into_future).collect();
        let finished = poll_fn(|cx| {
            running
                .retain_mut(|future| span.run(|| guarded(future, cx, socket.core())).is_pending());
            if running.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        timeout(server.settings.disconnect_timeout, finished)
            .await
            .ok();
        // those that did not finish go on for themselves
        for mut future in running {
            let task = Task::new(&server);
            let socket = socket.clone();
            spawn(async move {
                poll_fn(|cx| guarded(&mut future, cx, socket.core())).await;
                drop(task);
            });
        }
        for handler in &namespace.definition.handlers.disconnect {
            let started = AssertUnwindSafe(|| span.run(|| handler(socket.clone(), reason)));
            if let Ok(mut future) = catch_unwind(started) {
                poll_fn(|cx| span.run(|| guarded(&mut future, cx, socket.core()))).await;
            }
        }
        drop(task);
    });
}

/// Polls a handler; a panic ends it.
fn guarded(future: &mut Running, cx: &mut Context<'_>, socket: &SocketCore) -> Poll<()> {
    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx, socket))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(_)) | Err(_) => Poll::Ready(()),
    }
}

/// Counts a task for as long as it lives.
struct Task(Arc<Core>);

impl Task {
    fn new(server: &Arc<Core>) -> Self {
        server.tasks.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(server))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.tasks.fetch_sub(1, Ordering::SeqCst);
    }
}
