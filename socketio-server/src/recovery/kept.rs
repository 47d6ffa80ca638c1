//! [`Kept`]: an event that waits for its offset.

use engineio::Batch;
use socketio_proto::{ArgsWriter, EncodeError, IntoArgs, NamespaceId, RawArgs};

use crate::core::Settings;

/// An event whose payload is encoded; what is left to do runs no code of the application's.
pub(crate) struct Kept<'a> {
    settings: &'a Settings,
    namespace: &'a NamespaceId,
    event: &'a str,
    args: RawArgs,
}

impl<'a> Kept<'a> {
    pub(crate) fn new<P: IntoArgs + ?Sized>(
        settings: &'a Settings,
        namespace: &'a NamespaceId,
        event: &'a str,
        payload: &P,
    ) -> Result<Self, EncodeError> {
        Ok(Self {
            settings,
            namespace,
            event,
            args: RawArgs::encode(payload)?,
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.args.size()
    }

    pub(crate) fn encode(&self, offset: &str) -> Result<Batch, EncodeError> {
        let payload = WithOffset(&self.args, offset);
        let limits = &self.settings.protocol.limits;
        self.settings
            .parser
            .event(self.namespace, self.event, &payload, None, limits)
    }
}

/// Arguments, and the offset behind them.
struct WithOffset<'a>(&'a RawArgs, &'a str);

impl IntoArgs for WithOffset<'_> {
    fn write_args(&self, out: &mut ArgsWriter<'_>) -> Result<(), EncodeError> {
        self.0.write_args(out)?;
        out.value(self.1)
    }
}
