//! [`Event`]: name, payload and acknowledgement tied together, for both ends of a connection.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// An event as a type: the value is its single argument.
///
/// [`event!`](crate::event!) writes the implementation.
pub trait Event: Serialize + DeserializeOwned + Send + 'static {
    /// The name on the wire.
    const NAME: &'static str;
    /// What the receiver answers.
    type Ack: Serialize + DeserializeOwned + Send + 'static;
}

/// Declares that a type is an event: `event!(Type => "name" -> Answer);`. Without an answer it
/// is `()`. A reserved name does not compile.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use socketio_proto::{Event, event};
///
/// #[derive(Serialize, Deserialize)]
/// struct Rename { name: String }
/// #[derive(Serialize, Deserialize)]
/// struct Renamed { old: String }
/// event!(Rename => "rename" -> Renamed);
/// assert_eq!(Rename::NAME, "rename");
/// ```
/// ```compile_fail
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Gone;
/// socketio_proto::event!(Gone => "disconnect");
/// ```
#[macro_export]
macro_rules! event {
    ($type:ty => $name:literal) => {
        $crate::event!($type => $name -> ());
    };
    ($type:ty => $name:literal -> $ack:ty) => {
        impl $crate::Event for $type {
            const NAME: &'static str = {
                assert!(!$crate::is_reserved($name), "the name of the event is reserved");
                $name
            };
            type Ack = $ack;
        }
        const _: &str = <$type as $crate::Event>::NAME;
    };
}
