//! [`Item`]: what happened, in one order for the connection and all its namespaces.
//!
//! Handlers of the client put everything into one channel. It needs no bound: events are counted
//! by the [`Events`] of their socket until they are printed, and past its limit the client reads
//! nothing more.

use std::future::ready;
use std::task::{Context, Poll, Waker};

use socketio_client::{
    AckError, ConnectFailed, DisconnectReason, Events, Incoming, Manager, ManagerEvent, RawArgs,
    Socket, SocketEvent, SocketId,
};
use tokio::sync::mpsc::UnboundedSender;

/// Namespaces by their number.
#[derive(Debug)]
pub(crate) enum Item {
    /// Of the emit with that number.
    Ack(u64, Result<RawArgs, AckError>),
    Connected {
        namespace: usize,
        id: Option<SocketId>,
        recovered: bool,
    },
    Disconnected(usize, DisconnectReason),
    Event(usize, Incoming),
    Manager(ManagerEvent),
    Refused(usize, ConnectFailed),
}

/// Tells of the connection.
pub(crate) fn manager(manager: &Manager, items: &UnboundedSender<Item>) {
    let items = items.clone();
    manager.on_event(move |event| {
        items.send(Item::Manager(event.clone())).ok();
    });
}

/// Tells of a socket. What comes back is to be given to [`printed`] after each event.
pub(crate) fn socket(socket: &Socket, namespace: usize, items: &UnboundedSender<Item>) -> Events {
    let events = socket.events();
    let to = items.clone();
    socket.on_any(move |_, event| {
        to.send(Item::Event(namespace, event.clone())).ok();
    });
    let to = items.clone();
    socket.on_connect(move |socket, recovered| {
        let id = socket.id();
        let item = Item::Connected {
            namespace,
            id,
            recovered,
        };
        to.send(item).ok();
        ready(())
    });
    let to = items.clone();
    socket.on_connect_error(move |_, error| {
        // the others are the manager's, who tells them in order with its attempts
        if matches!(error, ConnectFailed::Refused(_)) {
            to.send(Item::Refused(namespace, error)).ok();
        }
        ready(())
    });
    let to = items.clone();
    socket.on_disconnect(move |_, reason| {
        to.send(Item::Disconnected(namespace, reason)).ok();
        ready(())
    });
    events
}

/// The next event has been printed: it does not count any more.
pub(crate) fn printed(events: &mut Events) {
    // it is there: a socket's events come to it before they come to the handlers
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match events.poll_next(&mut context) {
            Poll::Ready(SocketEvent::Event(_)) | Poll::Pending => return,
            Poll::Ready(_) => {}
        }
    }
}
