//! The floor of the usual parts: tokio, tungstenite and serde_json with nothing around them. A task and a channel for each
//! connection; JSON is checked and split, and its arguments are copied as they are.

use std::error::Error;
use std::sync::Arc;

use bench::floor::{self, JOINED, OPEN};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_async_with_config;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, Utf8Bytes};

/// What each connection holds for reading; what tungstenite's documentation names for many of them.
const PIECE: usize = 4 * 1024;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;
type Hall = floor::Hall<UnboundedSender<Message>>;
type Seat = floor::Seat<UnboundedSender<Message>>;

fn main() -> Result<(), Box<dyn Error>> {
    let hall = Arc::<Hall>::default();
    floor::serve(move |stream| {
        let hall = Arc::clone(&hall);
        async move {
            let (way, told) = unbounded_channel();
            let seat = hall.enter(way);
            // a client that breaks off is no concern of ours
            attend(stream, told, &seat, &hall).await.ok();
            hall.leave(&seat);
        }
    })?;
    Ok(())
}

async fn attend(
    stream: TcpStream,
    mut told: UnboundedReceiver<Message>,
    seat: &Arc<Seat>,
    hall: &Hall,
) -> Outcome {
    let config = WebSocketConfig::default().read_buffer_size(PIECE);
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    socket.send(Message::text(OPEN)).await?;
    loop {
        tokio::select! {
            heard = socket.next() => {
                let mut heard = Some(heard);
                // all that is there is answered in one write
                while let Some(message) = heard {
                    let Some(message) = message else {
                        return Ok(());
                    };
                    if let Some(answer) = hear(message?, seat, hall)? {
                        socket.feed(answer).await?;
                    }
                    heard = socket.next().now_or_never();
                }
            }
            Some(message) = told.recv() => {
                socket.feed(message).await?;
                while let Ok(message) = told.try_recv() {
                    socket.feed(message).await?;
                }
            }
        }
        socket.flush().await?;
    }
}

/// The answer to a message, if it wants one.
fn hear(message: Message, seat: &Arc<Seat>, hall: &Hall) -> Outcome<Option<Message>> {
    match message {
        Message::Text(text) => Ok(said(&text, seat, hall)?.map(Message::text)),
        Message::Binary(_) => Ok(Some(message)),
        // tungstenite answers pings and goodbyes
        _ => Ok(None),
    }
}

fn said(text: &Utf8Bytes, seat: &Arc<Seat>, hall: &Hall) -> Outcome<Option<String>> {
    let strange = || format!("not of the benchmark: {text}");
    let start = text.find('[').unwrap_or(text.len());
    let (packet, event) = text.split_at(start);
    let (answer, id) = match packet.split_at_checked(2) {
        Some(("40", "")) => return Ok(Some(JOINED.to_owned())),
        Some(("42", id)) => ("43", id),
        Some(("45", id)) => ("46", id),
        None if packet == "3" => return Ok(None),
        _ => return Err(strange().into()),
    };
    let event: Vec<&RawValue> = serde_json::from_str(event)?;
    let [name, args @ ..] = event.as_slice() else {
        return Err(strange().into());
    };
    match (serde_json::from_str(name.get())?, args) {
        ("echo", [arg]) => Ok(Some(format!("{answer}{id}[{arg}]"))),
        ("join", [room]) => {
            let room: &str = serde_json::from_str(room.get())?;
            hall.join(seat, room.as_bytes());
            Ok(Some(format!("{answer}{id}[true]")))
        }
        ("cast", [_]) => {
            let message = Message::Text(text.clone());
            hall.everybody(|seat| drop(seat.way.send(message.clone())));
            Ok(None)
        }
        ("room", [room, arg]) => {
            let room: &str = serde_json::from_str(room.get())?;
            let message = Message::text(format!("42[\"cast\",{arg}]"));
            hall.members(room.as_bytes(), |seat| drop(seat.way.send(message.clone())));
            Ok(None)
        }
        _ => Err(strange().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer, and what the only one who is there is told.
    fn told(message: &'static str) -> (Option<String>, Option<Message>) {
        let hall = Hall::default();
        let (way, mut told) = unbounded_channel();
        let seat = hall.enter(way);
        hall.join(&seat, b"a");
        let answer = said(&Utf8Bytes::from_static(message), &seat, &hall).unwrap();
        (answer, told.try_recv().ok())
    }

    #[test]
    fn an_echo_keeps_its_id_and_its_argument() {
        let echo = told("4217[\"echo\",\"x\"]");
        assert_eq!(echo, (Some("4317[\"x\"]".to_owned()), None));
        let (answer, _) = told("451-3[\"echo\",{\"_placeholder\":true,\"num\":0}]");
        assert_eq!(answer.unwrap(), "461-3[{\"_placeholder\":true,\"num\":0}]");
    }

    #[test]
    fn rooms_and_casts_are_for_others() {
        assert_eq!(
            told("420[\"join\",\"b\"]"),
            (Some("430[true]".to_owned()), None)
        );
        for message in ["42[\"room\",\"a\",\"x\"]", "42[\"cast\",\"x\"]"] {
            assert_eq!(
                told(message),
                (None, Some(Message::text("42[\"cast\",\"x\"]")))
            );
        }
        assert_eq!(told("42[\"room\",\"b\",\"x\"]"), (None, None));
    }
}
