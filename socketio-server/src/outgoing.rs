//! [`Outgoing`]: an event on its way to a client.

use socketio_proto::{ArgsError, FromArgs, IntoArgs, RawArgs};

/// An event that is being sent, as [`on_any_outgoing`](crate::Namespace::on_any_outgoing) sees
/// it.
#[derive(Debug)]
pub struct Outgoing<'a> {
    name: &'a str,
    args: RawArgs,
}

impl<'a> Outgoing<'a> {
    /// `None` for a payload that does not encode: nothing is sent then.
    pub(crate) fn new<P: IntoArgs + ?Sized>(name: &'a str, payload: &P) -> Option<Self> {
        let args = RawArgs::encode(payload).ok()?;
        Some(Self { name, args })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name
    }

    /// Its arguments.
    #[must_use]
    pub fn args(&self) -> &RawArgs {
        &self.args
    }

    /// Its arguments as a type.
    ///
    /// # Errors
    /// When they are not of that type.
    pub fn read<P: FromArgs>(&self) -> Result<P, ArgsError> {
        self.args.read()
    }
}
