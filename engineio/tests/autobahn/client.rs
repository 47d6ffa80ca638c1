//! Our client, and cases that are servers of it.

use engineio::client::{Config, Event};
use engineio::net::client::Connection;
use engineio::{CloseReason, SendError, Transport};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::MAX_MESSAGE;
use crate::cases::sections;
use crate::frames::Sender;
use crate::play::Player;
use crate::record::Record;
use crate::support::{at, connect, next, open_packet, soon, switched, text_frame};

#[tokio::test]
async fn our_client_passes_the_cases() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut record = Record::default();
    for case in sections().iter().flat_map(|section| section()) {
        let mut config = Config::default();
        config.max_buffered = MAX_MESSAGE;
        let options = at(addr)
            .session(config)
            .transports([Transport::WebSocket])
            .max_message(MAX_MESSAGE);
        let client = tokio::spawn(echo(connect(options)));
        let mut stream = switched(&listener).await;
        let open = text_frame(&open_packet(25_000, 20_000));
        stream.write_all(&open).await.unwrap();
        let player = Player::new(stream, Sender::Server);
        let (verdict, ended) = player.play(&case).await;
        let reason = soon(client).await.unwrap();
        record.add(&case.id, verdict, ended, reason);
    }
    record.compare("client.txt");
}

/// Sends everything back, to the end.
async fn echo(mut connection: Connection) -> CloseReason {
    loop {
        match next(&mut connection).await {
            Event::Opened => {}
            // it may have been closed behind the message
            Event::Message(data) => match connection.send(data.into()) {
                Ok(()) | Err(SendError::Closed) => {}
                Err(error) => panic!("{error}"),
            },
            Event::Closed(reason) => return reason,
            event => panic!("{event:?}"),
        }
    }
}
