//! The server: it sends to every client as much as that wants.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use socketio_server::{
    Ack, Builder, ConnectError, DisconnectReason, Handshake, Namespace, Server, Socket,
};
use testkit::Random;
use testkit::ledger::{Side, What};

use crate::Outcome;
use crate::book::{Book, Who};
use crate::message::Message;
use crate::present::Present;

/// What a client asks for when it connects.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) who: Who,
    /// How many messages it wants.
    pub(crate) messages: u64,
    /// What the pauses between them follow from.
    pub(crate) seed: u64,
    /// Whether some messages are to have attachments.
    pub(crate) binary: bool,
}

impl Wish {
    pub(crate) fn message(&self, n: u64) -> Message {
        if self.binary {
            Message::new(n, 0)
        } else {
            Message::text(n)
        }
    }
}

/// The longest pause between two messages, in microseconds.
pub(crate) const PAUSE: u64 = 6000;

pub(crate) fn server(
    builder: Builder,
    book: &Arc<Book>,
    present: &Arc<Present>,
) -> Outcome<Server> {
    let [heard, asked, told, left] = [(); 4].map(|()| Arc::clone(book));
    let (came, went) = (Arc::clone(present), Arc::clone(present));
    let auth = async |handshake: Handshake| -> Result<Wish, ConnectError> { handshake.auth() };
    let namespace = Namespace::with_auth("/", auth)
        .on_connect(async move |socket: Socket<Wish>| {
            let who = socket.data().who;
            came.come(who.client);
            let recovered = socket.is_recovered();
            told.write(who, Side::Server, What::Connected { recovered });
            tokio::spawn(talk(socket, told));
        })
        .on("n", async move |socket: Socket<Wish>, message: Message| {
            heard.write(socket.data().who, Side::Server, message.received());
        })
        .on(
            "ask",
            async move |socket: Socket<Wish>, message: Message| {
                asked.write(socket.data().who, Side::Server, message.received());
                Ack(true)
            },
        )
        .on("end", async |_: Socket<Wish>, _: Message| Ack(true))
        .on_disconnect(
            async move |socket: Socket<Wish>, reason: DisconnectReason| {
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

async fn talk(socket: Socket<Wish>, book: Arc<Book>) {
    let wish = *socket.data();
    let mut random = Random::new(wish.seed);
    for n in 0..wish.messages {
        let message = wish.message(n);
        book.write(wish.who, Side::Server, message.sent());
        if socket.emit("n", &message).is_err() {
            book.write(wish.who, Side::Server, message.refused());
            return;
        }
        tokio::time::sleep(Duration::from_micros(random.below(PAUSE))).await;
    }
}
