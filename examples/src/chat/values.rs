//! What travels: the shapes of `PROTOCOL.md`, and what may be in them.

use serde::{Deserialize, Serialize};
use socketio_server::{Ack, Binary, SocketId};

const MIMES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const MAX_TEXT: usize = 4000;
const MAX_IMAGE: usize = 500_000;

/// The answer to an event: what was done, or why not.
pub(super) type Reply<T> = Result<Ack<Done<T>>, Ack<Refusal>>;

/// `{ "ok": true, … }`
#[derive(Debug, Serialize)]
pub(super) struct Done<T> {
    ok: bool,
    #[serde(flatten)]
    value: T,
}

/// `{ "ok": false, "error": … }`
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    ok: bool,
    pub(super) error: String,
}

pub(super) fn done<T>(value: T) -> Ack<Done<T>> {
    Ack(Done { ok: true, value })
}

impl Refusal {
    pub(super) fn new(error: impl Into<String>) -> Self {
        let error = error.into();
        Self { ok: false, error }
    }
}

impl From<Refusal> for Ack<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Member {
    pub(super) id: SocketId,
    pub(super) nickname: String,
}

/// A line of the list of rooms.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct RoomInfo<'a> {
    pub(super) name: &'a str,
    pub(super) members: usize,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) mime: String,
    pub(super) data: Binary,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Room,
    Private,
    Everyone,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<SocketId>,
    pub(super) from: Member,
    pub(super) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<Image>,
    pub(super) at: u64,
}

/// What the sender of a message learns.
#[derive(Debug, Serialize)]
pub(super) struct Sent {
    pub(super) id: u64,
    pub(super) at: u64,
}

/// What somebody who enters a room sees.
#[derive(Debug, Serialize)]
pub(super) struct Inside {
    pub(super) room: String,
    pub(super) members: Vec<Member>,
    pub(super) history: Vec<Message>,
}

/// What somebody wants to say.
#[derive(Debug, Deserialize)]
pub(super) struct Words {
    text: String,
    image: Option<Image>,
}

/// And to whom. (`flatten` would lose the binary: serde keeps flattened fields aside in a form that has none.)
#[derive(Debug, Deserialize)]
pub(super) struct Whisper {
    pub(super) to: String,
    text: String,
    image: Option<Image>,
}

impl Whisper {
    pub(super) fn check(self) -> Result<(String, Option<Image>), Refusal> {
        let Self { text, image, .. } = self;
        Words { text, image }.check()
    }
}

impl Words {
    pub(super) fn without_image(mut self) -> Self {
        self.image = None;
        self
    }

    pub(super) fn check(self) -> Result<(String, Option<Image>), Refusal> {
        let Self { text, image } = self;
        if text.is_empty() && image.is_none() {
            return Err(Refusal::new("the message is empty"));
        }
        if text.chars().count() > MAX_TEXT {
            let text = format!("the message is longer than {MAX_TEXT} characters");
            return Err(Refusal::new(text));
        }
        if let Some(image) = &image {
            if !MIMES.contains(&image.mime.as_str()) {
                let text = "only PNG, JPEG, GIF and WebP images can be sent";
                return Err(Refusal::new(text));
            }
            if image.data.len() > MAX_IMAGE {
                return Err(Refusal::new("the image is larger than 500 kB"));
            }
        }
        Ok((text, image))
    }
}

/// A nickname or the name of a room, without the white space around it.
pub(super) fn name(text: &str, what: &str, max: usize) -> Result<String, Refusal> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > max || name.chars().any(char::is_control) {
        return Err(Refusal::new(format!("{what} needs 1 to {max} characters")));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_is_counted_in_code_points_after_trimming() {
        assert_eq!(name("  Ada \n", "it", 3).unwrap(), "Ada");
        assert_eq!(name("🦀🦀", "it", 2).unwrap(), "🦀🦀");
        for bad in ["", "   ", "four", "a\u{7}"] {
            assert!(name(bad, "it", 3).is_err(), "{bad:?}");
        }
    }
}
