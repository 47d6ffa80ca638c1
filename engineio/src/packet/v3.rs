//! Packets of revision 3: as those of 4, but binary has a packet type too, `4` before base64 and
//! the byte 4 before bytes (engine.io-protocol v3, "Packet").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Packet;
use crate::dialect::MESSAGE;
use crate::{Data, DecodeError, Text};

/// Decodes a packet that a client sent as an item of a text payload or a WebSocket text frame.
///
/// # Errors
/// As [`Packet::decode`].
pub fn decode(text: &Text) -> Result<Packet, DecodeError> {
    let Some(binary) = text.strip_prefix('b') else {
        return Packet::decode(text);
    };
    let base64 = binary.strip_prefix('4').ok_or(DecodeError::UnknownPacket)?;
    let bytes = STANDARD
        .decode(base64)
        .map_err(|_| DecodeError::InvalidBase64)?;
    Ok(Packet::Message(Data::Binary(bytes.into())))
}

/// Decodes a WebSocket frame, or an item of a binary payload.
///
/// # Errors
/// As [`Packet::decode`].
pub fn from_frame(data: Data) -> Result<Packet, DecodeError> {
    match data {
        Data::Text(text) => decode(&text),
        Data::Binary(bytes) => match bytes.first() {
            None => Err(DecodeError::Empty),
            Some(&MESSAGE) => Ok(Packet::Message(Data::Binary(bytes.slice(1..)))),
            Some(_) => Err(DecodeError::UnknownPacket),
        },
    }
}

/// Appends the form in a text payload.
pub fn encode(packet: &Packet, out: &mut Vec<u8>) {
    match packet {
        Packet::Message(Data::Binary(bytes)) => {
            out.extend_from_slice(b"b4");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
        }
        packet => packet.encode(out),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn binary_has_a_type_and_the_rest_is_as_in_revision_4() {
        use DecodeError::{Empty, InvalidBase64, UnknownPacket};
        let bytes = |bytes: &'static [u8]| Packet::Message(Data::Binary(Bytes::from_static(bytes)));
        for (text, packet) in [
            ("b4AQIDBA==", Ok(bytes(&[1, 2, 3, 4]))),
            ("b4", Ok(bytes(&[]))),
            ("4é", Ok(Packet::Message("é".into()))),
            ("2probe", Ok(Packet::Ping { probe: true })),
            ("bAQIDBA==", Err(UnknownPacket)),
            ("b2AQID", Err(UnknownPacket)),
            ("b", Err(UnknownPacket)),
            ("b4!", Err(InvalidBase64)),
            ("", Err(Empty)),
        ] {
            assert_eq!(decode(&text.into()), packet, "{text}");
            if let Ok(packet) = packet {
                let mut out = Vec::new();
                encode(&packet, &mut out);
                assert_eq!(out, text.as_bytes());
            }
        }
        let frame = |bytes: &'static [u8]| from_frame(Data::Binary(Bytes::from_static(bytes)));
        assert_eq!(frame(&[4, 1]), Ok(bytes(&[1])));
        assert_eq!(frame(&[4]), Ok(bytes(&[])));
        assert_eq!(frame(&[3, 1]), Err(UnknownPacket));
        assert_eq!(frame(b"4x"), Err(UnknownPacket));
        assert_eq!(frame(&[]), Err(Empty));
    }
}
