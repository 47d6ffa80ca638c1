//! Arguments: what an event or an acknowledgement carries, undecoded and typed.
//!
//! On the wire they are the elements of a JSON array, behind the name in an event's case.
//! [`RawArgs`] keeps them as slices of the packet's text; [`FromArgs`] and [`IntoArgs`] lead to
//! typed values and back.

mod binary;
mod raw;
mod value;
mod writer;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ArgsError, EncodeError};

pub use binary::Binary;
pub use raw::RawArgs;
pub(crate) use raw::Spans;
pub use value::{Map, Value};
pub use writer::ArgsWriter;

/// Several arguments: a tuple of up to eight values, one for each argument.
///
/// ```
/// # use socketio_proto::{Args, RawArgs};
/// let raw = RawArgs::encode(&Args((1, "two")))?;
/// assert_eq!((raw.get(0), raw.get(1)), (Some("1"), Some("\"two\"")));
/// let Args((one, two, three)) = raw.read::<Args<(u8, String, Option<u8>)>>()?;
/// assert_eq!((one, two.as_str(), three), (1, "two", None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// Without `Args` a tuple is *one* argument, an array. `Args(())` is no argument at all, while
/// `()` is one argument, `null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Args<T>(pub T);

/// What arguments can be read as: any deserialisable value (the first argument, `null` when
/// there is none, further ones ignored), [`Args`] of a tuple, or [`RawArgs`].
#[diagnostic::on_unimplemented(
    message = "the arguments of an event cannot be read as `{Self}`",
    label = "cannot be read from arguments",
    note = "one argument needs `serde::Deserialize` without borrowed data",
    note = "several arguments are read as `Args<(A, B)>`, up to eight"
)]
pub trait FromArgs: Sized {
    /// Reads the arguments.
    ///
    /// # Errors
    /// The first argument that does not have its type.
    fn from_args(args: &RawArgs) -> Result<Self, ArgsError>;
}

impl<T: DeserializeOwned> FromArgs for T {
    fn from_args(args: &RawArgs) -> Result<Self, ArgsError> {
        args.value(0)
    }
}

impl FromArgs for RawArgs {
    fn from_args(args: &RawArgs) -> Result<Self, ArgsError> {
        Ok(args.clone())
    }
}

/// What can be sent as arguments: any serialisable value (exactly one argument), [`Args`] of a
/// tuple, or [`RawArgs`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the arguments of an event",
    label = "cannot be sent as arguments",
    note = "one argument needs `serde::Serialize`",
    note = "several arguments are sent as `Args((a, b))`, up to eight"
)]
pub trait IntoArgs {
    /// Writes the arguments in order.
    ///
    /// # Errors
    /// An argument does not serialise, or has too many attachments.
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError>;
}

impl<T: Serialize + ?Sized> IntoArgs for T {
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
        out.value(self)
    }
}

impl IntoArgs for RawArgs {
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
        out.raw(self)
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => {$(
        impl<$($name: DeserializeOwned),*> FromArgs for Args<($($name,)*)> {
            fn from_args(_args: &RawArgs) -> Result<Self, ArgsError> {
                Ok(Self(($(_args.value::<$name>($index)?,)*)))
            }
        }

        impl<$($name: Serialize),*> IntoArgs for Args<($($name,)*)> {
            fn write_args(&self, _out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
                $(_out.value(&self.0.$index)?;)*
                Ok(())
            }
        }
    )*};
}

tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

#[cfg(test)]
mod tests;
