//! [`UserParser`]: a form of packets that is not ours.

use std::fmt;

use engineio::{Batch, Data};

use super::scan;
use crate::error::{DecodeError, EncodeError};
use crate::limits::Limits;
use crate::packet::{Body, Packet, is_reserved};

/// A form of packets of the user's own, for both ends of a connection: it writes packets as
/// messages, and makes a reader for each connection.
///
/// A packet may take one message or several, text or binary; those of one packet follow each
/// other. Arguments are [`RawArgs`](crate::RawArgs) on both sides: JSON texts
/// ([`iter`](crate::RawArgs::iter)) with placeholders for their
/// [`attachments`](crate::RawArgs::attachments). A reader makes them of anything that is
/// [`IntoArgs`](crate::IntoArgs), by [`RawArgs::encode`](crate::RawArgs::encode).
///
/// All connections of a server share one parser, on several threads. A panic in it is one of the
/// application: it ends the connection.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use socketio_proto::{
///     AckId, Batch, Body, Data, DecodeError, EncodeError, Limits, NamespaceId, Packet, Parser,
///     RawArgs, UserDecoder, UserParser,
/// };
///
/// /// Text: a JSON object for each packet, one argument for each event, no bytes.
/// #[derive(Debug)]
/// struct Plain;
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(rename_all = "lowercase")]
/// enum Kind { Join, Leave, Event, Answer, Refused }
///
/// #[derive(Serialize, Deserialize)]
/// struct Line {
///     kind: Kind,
///     space: String,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     name: Option<String>,
///     #[serde(skip_serializing_if = "Option::is_none")]
///     id: Option<u64>,
///     #[serde(default)]
///     data: serde_json::Value,
/// }
///
/// impl UserParser for Plain {
///     fn encode(&self, packet: &Packet, _: &Limits) -> Result<Batch, EncodeError> {
///         let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
///         let first = |args: &RawArgs| {
///             if args.attachments().is_empty() {
///                 Ok(json(args.get(0).unwrap_or("null")))
///             } else {
///                 Err(EncodeError::TooManyAttachments)
///             }
///         };
///         let (kind, name, id, data) = match &packet.body {
///             Body::Connect { payload } => (Kind::Join, None, None, json(payload.as_deref().unwrap_or("null"))),
///             Body::Disconnect => (Kind::Leave, None, None, json("null")),
///             Body::Event { name, args, ack } => (Kind::Event, Some(name.to_string()), *ack, first(args)?),
///             Body::Ack { id, args } => (Kind::Answer, None, Some(*id), first(args)?),
///             Body::ConnectError { payload } => (Kind::Refused, None, None, json(payload)),
///             _ => return Err(EncodeError::Serialize("a packet of an unknown kind".into())),
///         };
///         let space = packet.namespace.to_string();
///         let line = Line { kind, space, name, id: id.map(AckId::get), data };
///         let text = serde_json::to_string(&line).map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
///         Ok(Data::from(text.as_str()).into())
///     }
///
///     fn decoder(&self, _: Limits) -> Box<dyn UserDecoder> {
///         Box::new(Reader)
///     }
/// }
///
/// /// Has nothing to remember: every packet is one message.
/// #[derive(Debug)]
/// struct Reader;
///
/// impl UserDecoder for Reader {
///     fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
///         let Data::Text(text) = data else { return Err(DecodeError::UnexpectedBinary) };
///         let line: Line = serde_json::from_str(&text).map_err(|_| DecodeError::Malformed)?;
///         let id = line.id.map(|id| AckId::new(id).ok_or(DecodeError::InvalidAckId)).transpose()?;
///         let args = RawArgs::encode(&line.data).map_err(|_| DecodeError::InvalidPayload)?;
///         let payload = line.data.is_object().then(|| line.data.to_string().into());
///         let body = match line.kind {
///             Kind::Join => Body::Connect { payload },
///             Kind::Leave => Body::Disconnect,
///             Kind::Event => Body::Event {
///                 name: line.name.ok_or(DecodeError::InvalidName)?.into(),
///                 args,
///                 ack: id,
///             },
///             Kind::Answer => Body::Ack { id: id.ok_or(DecodeError::InvalidAckId)?, args },
///             Kind::Refused => Body::ConnectError { payload: line.data.to_string().into() },
///         };
///         let namespace = NamespaceId::parse(line.space.into()).map_err(|_| DecodeError::InvalidNamespace)?;
///         Ok(Some(Packet { namespace, body }))
///     }
/// }
///
/// let parser = Parser::user(Plain);
/// let limits = Limits::default();
/// let batch = parser.event(&NamespaceId::ROOT, "move", &[3, 4], None, &limits)?;
/// let sent = batch.iter().next().unwrap().payload();
/// // what Engine.IO calls a message, `4`, stands before every text
/// assert_eq!(sent, br#"4{"kind":"event","space":"/","name":"move","data":[3,4]}"#);
///
/// let mut decoder = parser.decoder(limits);
/// let text = std::str::from_utf8(&sent[1..])?;
/// let packet = decoder.feed(text.into())?.unwrap();
/// let Body::Event { name, args, .. } = packet.body else { panic!() };
/// assert_eq!((name.as_str(), args.read::<[u8; 2]>()?), ("move", [3, 4]));
/// assert!(decoder.feed(r#"{"kind":"event","space":"/","name":"disconnect"}"#.into()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait UserParser: fmt::Debug + Send + Sync {
    /// Writes a packet.
    ///
    /// [`Limits::attachments`] is what JSON would let pass; a form without attachments may take
    /// more. The name of an event is not a reserved one. The same packet goes to every recipient
    /// of a broadcast, written once.
    ///
    /// # Errors
    /// The packet has no form in this parser. Of an event or an ack its sender hears, and nothing
    /// is sent; a connection whose other packets cannot be written is closed with
    /// [`CloseReason::ServerError`](crate::CloseReason::ServerError).
    fn encode(&self, packet: &Packet, limits: &Limits) -> Result<Batch, EncodeError>;

    /// A reader for one connection.
    fn decoder(&self, limits: Limits) -> Box<dyn UserDecoder>;
}

/// Reads the messages of one connection, in order; see [`UserParser`].
///
/// What it gives out is checked: names of events that are [reserved](crate::is_reserved),
/// arguments nested deeper than [`Limits::depth`] and packets of more bytes than
/// [`Limits::packet_bytes`] are faults of the peer, whoever reads them. A packet that is not
/// complete within the connection's assembly timeout ends the connection, too.
///
/// It has to see to the rest: time and memory in proportion to the message, whatever that says of
/// itself; no panic and no deep recursion on any bytes; a JSON object, or nothing, as payload of a
/// CONNECT; attachments that are all in use.
pub trait UserDecoder: fmt::Debug + Send {
    /// Takes the next message. `None`: the packet needs more messages.
    ///
    /// # Errors
    /// The peer does not speak this form, or exceeds a limit. The connection ends.
    fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError>;
}

/// A reader whose packets keep the limits.
#[derive(Debug)]
pub(super) struct Checked {
    reader: Box<dyn UserDecoder>,
    limits: Limits,
    /// Bytes of the messages of an unfinished packet.
    buffered: Option<usize>,
}

impl Checked {
    pub(super) fn new(reader: Box<dyn UserDecoder>, limits: Limits) -> Self {
        Self {
            reader,
            limits,
            buffered: None,
        }
    }

    pub(super) fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
        let bytes = self.buffered.take().unwrap_or(0).saturating_add(data.len());
        if bytes > self.limits.packet_bytes {
            return Err(DecodeError::TooLarge);
        }
        let packet = self.reader.feed(data)?;
        match &packet {
            Some(packet) => self.check(packet)?,
            None => self.buffered = Some(bytes),
        }
        Ok(packet)
    }

    fn check(&self, packet: &Packet) -> Result<(), DecodeError> {
        let args = match &packet.body {
            Body::Event { name, .. } if is_reserved(name) => return Err(DecodeError::ReservedName),
            Body::Event { args, .. } | Body::Ack { args, .. } => args,
            Body::Connect {
                payload: Some(json),
            }
            | Body::ConnectError { payload: json } => {
                if json.len() > self.limits.packet_bytes {
                    return Err(DecodeError::TooLarge);
                }
                return scan::value(json.as_bytes(), self.limits.depth);
            }
            Body::Connect { payload: None } | Body::Disconnect => return Ok(()),
        };
        if args.size() > self.limits.packet_bytes {
            return Err(DecodeError::TooLarge);
        }
        if args.len() > self.limits.arguments {
            return Err(DecodeError::TooManyArguments);
        }
        // the array that they would be in is a level
        let depth = self.limits.depth.saturating_sub(1);
        args.iter()
            .try_for_each(|argument| scan::value(argument.as_bytes(), depth))
    }

    pub(super) fn is_assembling(&self) -> bool {
        self.buffered.is_some()
    }

    pub(super) fn buffered(&self) -> usize {
        self.buffered.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::RawArgs;
    use crate::error::DecodeError::*;
    use crate::id::NamespaceId;
    use crate::parser::Parser;

    /// Events whose name is the text up to `|`, and whose argument is the rest; `+` waits for more.
    #[derive(Debug, Default)]
    struct Pieces(String);

    impl UserParser for Pieces {
        fn encode(&self, _: &Packet, _: &Limits) -> Result<Batch, EncodeError> {
            Err(EncodeError::TooLarge)
        }

        fn decoder(&self, _: Limits) -> Box<dyn UserDecoder> {
            Box::new(Self::default())
        }
    }

    impl UserDecoder for Pieces {
        fn feed(&mut self, data: Data) -> Result<Option<Packet>, DecodeError> {
            let Data::Text(text) = data else {
                return Err(UnexpectedBinary);
            };
            if let Some(piece) = text.strip_suffix('+') {
                self.0.push_str(piece);
                return Ok(None);
            }
            let whole = std::mem::take(&mut self.0) + &text;
            let (name, json) = whole.split_once('|').ok_or(Malformed)?;
            let json: Box<serde_json::value::RawValue> =
                serde_json::from_str(json).map_err(|_| InvalidPayload)?;
            let body = Body::Event {
                name: name.into(),
                args: RawArgs::encode(&json).unwrap(),
                ack: None,
            };
            let namespace = NamespaceId::ROOT;
            Ok(Some(Packet { namespace, body }))
        }
    }

    #[test]
    fn the_readers_of_users_are_held_to_the_limits() {
        let limits = Limits::default().packet_bytes(20).depth(3);
        let parser = Parser::user(Pieces::default());
        for (text, expected) in [
            ("a|[[1]]", Ok(true)),
            ("a|[[[1]]]", Err(TooDeep)),
            ("disconnect|1", Err(ReservedName)),
            ("no bar", Err(Malformed)),
            ("a|\"of sixteen bytes\"", Ok(true)),
            ("a|\"sixteen and more\"x", Err(TooLarge)),
            ("a+", Ok(false)),
        ] {
            let mut decoder = parser.decoder(limits);
            let result = decoder.feed(text.into());
            assert_eq!(result.map(|packet| packet.is_some()), expected, "{text}");
            assert_eq!(decoder.is_assembling(), expected == Ok(false));
        }
    }

    #[test]
    fn the_arguments_of_a_packet_are_counted_for_the_reader() {
        for (arguments, expected) in [(0, Err(TooManyArguments)), (1, Ok(()))] {
            let limits = Limits::default().arguments(arguments);
            let mut decoder = Parser::user(Pieces::default()).decoder(limits);
            assert_eq!(decoder.feed("a|1".into()).map(drop), expected);
        }
    }

    #[test]
    fn unfinished_packets_are_counted_for_the_reader() {
        let limits = Limits::default().packet_bytes(20);
        let mut decoder = Parser::user(Pieces::default()).decoder(limits);
        assert_eq!(decoder.feed("a|[1,+".into()), Ok(None));
        assert_eq!((decoder.buffered(), decoder.is_assembling()), (6, true));
        assert!(matches!(decoder.feed("2]".into()), Ok(Some(_))));
        assert_eq!((decoder.buffered(), decoder.is_assembling()), (0, false));
        assert_eq!(decoder.feed("a|[1,+".into()), Ok(None));
        assert_eq!(decoder.feed("1,1,1,1,1,1,1,1,+".into()), Err(TooLarge));
        assert!(!decoder.is_assembling());
    }

    #[test]
    fn what_has_no_form_is_an_error_of_its_sender() {
        let parser = Parser::user(Pieces::default());
        let (root, limits) = (NamespaceId::ROOT, Limits::default());
        let event = |name: &str| parser.event(&root, name, &1, None, &limits);
        assert_eq!(event("a"), Err(EncodeError::TooLarge));
        assert_eq!(event("disconnect"), Err(EncodeError::Reserved));
    }
}
