//! How much one peer may make us hold.

/// Bounds on what is read from a peer, and on what is sent to one. A peer that exceeds them is
/// disconnected, unless the field says otherwise.
///
/// ```
/// let limits = socketio_proto::Limits::default().attachments(4).depth(32);
/// assert_eq!(limits.packet_bytes, 10_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Attachments of one packet in JSON, in both directions. 10, the default of Node's parser,
    /// which refuses more. Bytes within a message of msgpack are not counted.
    pub attachments: usize,
    /// Arguments of one event or ack, received. 10 000: each is found before anybody asks for it,
    /// which takes memory of its own. Node has no bound.
    pub arguments: usize,
    /// Bytes of one packet with its attachments. 10 000 000; never more than 4 GiB. With another
    /// parser than JSON this holds for the messages, and for what they are in JSON.
    pub packet_bytes: usize,
    /// Namespaces of one connection; one more is refused with a CONNECT_ERROR. 256.
    pub namespaces: usize,
    /// Acknowledgements that one connection may owe us; the caller gets an error. 65 536.
    pub pending_acks: usize,
    /// Arrays and objects within each other, that of the packet itself included. 128: with more,
    /// serde_json refuses the typed read of an argument.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attachments: 10,
            arguments: 10_000,
            packet_bytes: 10_000_000,
            namespaces: 256,
            pending_acks: 65_536,
            depth: 128,
        }
    }
}

impl Limits {
    /// Sets [`Limits::attachments`].
    #[must_use]
    pub fn attachments(mut self, attachments: usize) -> Self {
        self.attachments = attachments;
        self
    }

    /// Sets [`Limits::arguments`].
    #[must_use]
    pub fn arguments(mut self, arguments: usize) -> Self {
        self.arguments = arguments;
        self
    }

    /// Sets [`Limits::packet_bytes`].
    #[must_use]
    pub fn packet_bytes(mut self, packet_bytes: usize) -> Self {
        self.packet_bytes = packet_bytes;
        self
    }

    /// Sets [`Limits::namespaces`].
    #[must_use]
    pub fn namespaces(mut self, namespaces: usize) -> Self {
        self.namespaces = namespaces;
        self
    }

    /// Sets [`Limits::pending_acks`].
    #[must_use]
    pub fn pending_acks(mut self, pending_acks: usize) -> Self {
        self.pending_acks = pending_acks;
        self
    }

    /// Sets [`Limits::depth`].
    #[must_use]
    pub fn depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }
}
