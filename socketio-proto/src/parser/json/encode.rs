//! The JSON form, written straight into the buffer of a frame.

use engineio::{Batch, Frame, FrameWriter};

use crate::args::{ArgsWriter, IntoArgs};
use crate::error::EncodeError;
use crate::id::{AckId, NamespaceId};
use crate::limits::Limits;
use crate::packet::{Body, Packet};
use crate::parser::scan;

pub(in crate::parser) fn event<P: IntoArgs + ?Sized>(
    namespace: &NamespaceId,
    name: &str,
    payload: &P,
    ack: Option<AckId>,
    limits: &Limits,
) -> Result<Batch, EncodeError> {
    let mut text = head("2", namespace);
    push_id(&mut text, ack);
    let start = text.content_len();
    text.push_str("[");
    push_json(&mut text, name);
    let mut out = ArgsWriter::new(&mut text, limits.attachments).after_name();
    payload.write_args(&mut out)?;
    let (attachments, _) = out.finish();
    text.push_str("]");
    finish(text, start, "51-", attachments)
}

pub(in crate::parser) fn ack<P: IntoArgs + ?Sized>(
    namespace: &NamespaceId,
    id: AckId,
    payload: &P,
    limits: &Limits,
) -> Result<Batch, EncodeError> {
    let mut text = head("3", namespace);
    push_id(&mut text, Some(id));
    let start = text.content_len();
    text.push_str("[");
    let mut out = ArgsWriter::new(&mut text, limits.attachments);
    payload.write_args(&mut out)?;
    let (attachments, _) = out.finish();
    text.push_str("]");
    finish(text, start, "61-", attachments)
}

pub(in crate::parser) fn packet(packet: &Packet, limits: &Limits) -> Result<Batch, EncodeError> {
    let namespace = &packet.namespace;
    let (kind, payload) = match &packet.body {
        Body::Connect { payload } => ("0", payload.as_deref()),
        Body::Disconnect => ("1", None),
        Body::Event { name, args, ack } => return event(namespace, name, args, *ack, limits),
        Body::Ack { id, args } => return ack(namespace, *id, args, limits),
        Body::ConnectError { payload } => ("4", Some(payload.as_str())),
    };
    let mut text = head(kind, namespace);
    text.push_str(payload.unwrap_or_default());
    Ok(text.finish().into())
}

/// The type, and the namespace unless it is `/`.
fn head(kind: &str, namespace: &NamespaceId) -> FrameWriter {
    let mut text = FrameWriter::text();
    text.push_str(kind);
    if !namespace.is_root() {
        text.push_str(namespace.as_str());
        text.push_str(",");
    }
    text
}

fn push_id(text: &mut FrameWriter, id: Option<AckId>) {
    if let Some(id) = id {
        serde_json::to_writer(text, &id.get()).expect("a number always has a form in JSON");
    }
}

fn push_json(text: &mut FrameWriter, string: &str) {
    serde_json::to_writer(text, string).expect("a string always has a form in JSON");
}

/// Adds the attachments. That there are any is known only once the arguments are written, so the packet's type is
/// replaced by the longer one then, which is `with_one` where it is one. `start` is where the JSON starts in the message.
fn finish(
    mut text: FrameWriter,
    start: usize,
    with_one: &str,
    attachments: Vec<Frame>,
) -> Result<Batch, EncodeError> {
    if attachments.is_empty() {
        return Ok(text.finish().into());
    }
    let json = text.content().get(start..).unwrap_or_default();
    scan::elements(json, usize::MAX, attachments.len(), |_| Ok(()))
        .map_err(|_| EncodeError::Placeholder)?;
    // behind the type of the message, `4`
    match attachments.len() {
        1 => text.replace(1..2, with_one),
        many => text.replace(
            1..2,
            &format!("{}{many}-", with_one.get(..1).unwrap_or_default()),
        ),
    }
    Ok(Batch::new(text.finish(), attachments))
}
