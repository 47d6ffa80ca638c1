//! The server of an exchange.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use socketio_server::{
    Ack, Builder, ConnectError, DisconnectReason, Handshake, Namespace, Server, Socket,
};
use testkit::ledger::{Side, What};

use super::{MESSAGES, WINDOW};
use crate::Outcome;
use crate::book::{Book, Who};
use crate::message::Message;
use crate::present::Present;

/// What a socket of the server knows.
#[derive(Debug)]
struct Seat {
    who: Who,
    sent: AtomicU64,
}

/// A server that sends [`MESSAGES`] on each connection, [`WINDOW`] of them before the client has said anything.
pub(super) fn server(
    builder: Builder,
    book: &Arc<Book>,
    present: &Arc<Present>,
) -> Outcome<Server> {
    let (heard, told, left) = (Arc::clone(book), Arc::clone(book), Arc::clone(book));
    let (came, went) = (Arc::clone(present), Arc::clone(present));
    let auth = async |handshake: Handshake| -> Result<Seat, ConnectError> {
        let who = handshake.auth()?;
        let sent = AtomicU64::new(0);
        Ok(Seat { who, sent })
    };
    let namespace = Namespace::with_auth("/", auth)
        .on_connect(async move |socket: Socket<Seat>| {
            let who = socket.data().who;
            came.come(who.client);
            let recovered = socket.is_recovered();
            told.write(who, Side::Server, What::Connected { recovered });
            (0..WINDOW).for_each(|_| send(&socket, &told));
        })
        .on("n", async move |socket: Socket<Seat>, message: Message| {
            heard.write(socket.data().who, Side::Server, message.received());
            send(&socket, &heard);
        })
        .on("end", async |_: Socket<Seat>, (): ()| Ack(true))
        .on_disconnect(
            async move |socket: Socket<Seat>, reason: DisconnectReason| {
                let who = socket.data().who;
                let reason = reason.to_string().into();
                left.write(who, Side::Server, What::Disconnected { reason });
                went.go(who.client);
            },
        );
    let server = builder.build();
    server.mount(namespace)?;
    Ok(server)
}

fn send(socket: &Socket<Seat>, book: &Book) {
    let Seat { who, sent } = socket.data();
    let n = sent.fetch_add(1, Ordering::SeqCst);
    if n < MESSAGES {
        let message = Message::new(n, 0);
        book.write(*who, Side::Server, message.sent());
        if socket.emit("n", &message).is_err() {
            book.write(*who, Side::Server, message.refused());
        }
    }
}
