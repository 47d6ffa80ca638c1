//! Other ways to write packets, the same on both ends.

use socketio_client::parser::{
    Batch, Data, DecodeError, Decoder, EncodeError, Frame, Packet, UserDecoder, UserParser,
};
use socketio_client::{Args, Binary, Limits, Parser, SendError};
use socketio_server::Server;

use super::support::{HOW, Running, contract_server, next, within};

/// JSON behind an exclamation mark; no bytes.
#[derive(Debug)]
struct Loud;

#[derive(Debug)]
struct LoudDecoder(Decoder);

impl UserParser for Loud {
    fn encode(&self, packet: &Packet, limits: &Limits) -> Result<Batch, EncodeError> {
        let batch = Parser::Json.encode(packet, &limits.attachments(0))?;
        let frame = batch.iter().next().expect("one frame");
        let text = std::str::from_utf8(frame.payload()).expect("text");
        let loud = text.replacen('4', "!", 1);
        Ok(Batch::from(Frame::message(&Data::from(loud.as_str()))))
    }

    fn decoder(&self, limits: Limits) -> Box<dyn UserDecoder> {
        Box::new(LoudDecoder(Parser::Json.decoder(limits)))
    }
}

impl UserDecoder for LoudDecoder {
    fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        match data {
            Data::Text(text) => {
                let text = text.strip_prefix('!').ok_or(DecodeError::Malformed)?;
                self.0.feed(Data::from(text))
            }
            Data::Binary(_) => Err(DecodeError::UnexpectedBinary),
        }
    }
}

#[tokio::test]
async fn msgpack_carries_everything_over_every_transport() {
    let builder = Server::builder().parser(Parser::Msgpack);
    let running = Running::start(contract_server(builder)).await;
    let bytes = Binary(b"\x00\x1e\xff".as_slice().into());
    for how in HOW {
        let manager = running.manager().transports(how.transports());
        let manager = manager.parser(Parser::Msgpack).build().unwrap();
        let socket = manager.socket("/").unwrap();
        within("connect", socket.connect()).await.unwrap();
        // more of them than JSON lets pass
        let many = vec![bytes.clone(); 20];
        let ack =
            socket.emit_with_ack::<Args<(Vec<Binary>, u8)>>("message-with-ack", &Args((&many, 7)));
        assert_eq!(
            within("an answer", ack).await,
            Ok(Args((many, 7))),
            "{how:?}"
        );
    }
}

#[tokio::test]
async fn a_user_s_parser_carries_what_it_can_and_says_what_it_cannot() {
    let builder = Server::builder().parser(Parser::user(Loud));
    let running = Running::start(contract_server(builder)).await;
    let manager = running
        .manager()
        .parser(Parser::user(Loud))
        .build()
        .unwrap();
    let socket = manager.socket("/custom").unwrap();
    let mut events = socket.events();
    within("connect", socket.connect()).await.unwrap();
    socket.emit("message", &"hello").unwrap();
    for expected in ["connect", "auth({})", r#"message-back("hello")"#] {
        assert_eq!(next(&mut events).await, expected);
    }
    let refused = socket.emit("message", &Binary::default());
    assert_eq!(
        refused,
        Err(SendError::Encode(EncodeError::TooManyAttachments))
    );
}

#[tokio::test]
async fn a_server_with_another_parser_is_left_again_and_again_without_a_spin() {
    let running = Running::contract().await;
    let manager = running.manager().parser(Parser::Msgpack).build().unwrap();
    let socket = manager.socket("/").unwrap();
    let log = super::support::Log::default();
    log.watch(&manager);
    let connecting = socket.connect();
    log.has("reconnect_attempt 1").await;
    socket.disconnect();
    assert!(within("the end", connecting).await.is_err());
}
