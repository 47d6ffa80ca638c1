//! Clients of the echo server, and what is asked of them.

use engineio::client::Event;
use engineio::net::client::{Client, Connection, Options};
use engineio::{CloseReason, Data, Transport};

pub(crate) use crate::net::{App, eventually, soon};

/// Options for a server, without what the environment may say.
pub(crate) fn options(app: &App) -> Options {
    Options::new(&app.addr.to_string()).unwrap()
}

pub(crate) fn over(app: &App, transport: Transport) -> Options {
    options(app).transports([transport])
}

pub(crate) fn connect(options: Options) -> Connection {
    Client::new(options).unwrap().connect()
}

/// A connection that is open.
pub(crate) async fn open(options: Options) -> Connection {
    let mut connection = connect(options);
    assert_eq!(next(&mut connection).await, Event::Opened);
    connection
}

pub(crate) async fn next(connection: &mut Connection) -> Event {
    soon(connection.next()).await.unwrap()
}

/// The next message; an upgrade may come before it.
pub(crate) async fn message(connection: &mut Connection) -> Data {
    loop {
        match next(connection).await {
            Event::Message(data) => return data,
            Event::Upgraded => {}
            event => panic!("{event:?}: {:?}", connection.detail()),
        }
    }
}

pub(crate) fn send(connection: &mut Connection, text: &str) {
    connection.send(Data::from(text).into()).unwrap();
}

pub(crate) async fn echoes(connection: &mut Connection, text: &str) {
    send(connection, text);
    assert_eq!(message(connection).await, Data::from(text));
}

/// Why the connection ended; nothing follows.
pub(crate) async fn closed(connection: &mut Connection) -> CloseReason {
    loop {
        match next(connection).await {
            Event::Closed(reason) => {
                assert_eq!(soon(connection.next()).await, None);
                return reason;
            }
            Event::Upgraded | Event::Message(_) => {}
            event => panic!("{event:?}"),
        }
    }
}

/// Nothing is left at the server.
pub(crate) async fn nothing_left(app: &App) {
    let server = &app.server;
    eventually(|| (server.open_sessions(), server.connections()) == (0, 0)).await;
}
