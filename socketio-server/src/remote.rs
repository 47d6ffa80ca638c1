//! [`RemoteSocket`]: what a selection tells of a socket, wherever it is connected.

use engineio::Text;
use serde::de::DeserializeOwned;
use socketio_proto::{ArgsError, FromArgs, IntoArgs, NamespaceId, SocketId};

use crate::broadcast::{Answers, Broadcast};
use crate::core::{Core, NamespaceCore};
use crate::error::{AckError, SendError};
use crate::handler::ShareData;
use crate::handshake::Handshake;
use crate::rooms::Room;
use crate::socket::Socket;
use crate::sync::Arc;

/// A socket as [`Broadcast::fetch_sockets`] found it. It may have left since.
#[derive(Clone, Debug)]
pub struct RemoteSocket {
    core: Arc<Core>,
    home: Arc<NamespaceCore>,
    id: SocketId,
    handshake: Handshake,
    rooms: Vec<Room>,
    data: Option<Text>,
}

impl RemoteSocket {
    pub(crate) fn of<D>(
        core: &Arc<Core>,
        socket: &Socket<D>,
        share: Option<&ShareData<D>>,
    ) -> Self {
        Self {
            core: Arc::clone(core),
            home: Arc::clone(socket.core().home()),
            id: socket.id().clone(),
            handshake: socket.handshake().clone(),
            rooms: socket.rooms(),
            data: share.and_then(|share| share(socket.data())),
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.id
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &NamespaceId {
        &self.home.id
    }

    /// The request and the auth payload that it connected with.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// The rooms that it was in, its own id first.
    #[must_use]
    pub fn rooms(&self) -> &[Room] {
        &self.rooms
    }

    /// What its namespace [shares](crate::Namespace::share_data) of its data; `null` if that is
    /// nothing.
    ///
    /// # Errors
    /// It is not of that type.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, ArgsError> {
        serde_json::from_str(self.data.as_deref().unwrap_or("null"))
            .map_err(|error| ArgsError::new(0, error))
    }

    fn alone(&self) -> Broadcast {
        Broadcast::new(Arc::clone(&self.core), Arc::clone(&self.home)).to(&self.id)
    }

    /// Sends it an event.
    ///
    /// # Errors
    /// As [`Broadcast::emit`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.alone().emit(event, payload)
    }

    /// Sends it an event and waits for the answer, for 30 s.
    ///
    /// # Errors
    /// As every wait for an answer.
    pub async fn emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> Result<R, AckError> {
        let asked = self.alone().emit_with_ack::<R>(event, payload);
        let Answers {
            mut answers,
            mut missing,
        } = asked.await?;
        let why = missing.pop().map(|(_, why)| why);
        let answer = answers.pop().map(|(_, answer)| answer);
        answer.ok_or_else(|| why.unwrap_or(AckError::Disconnected))
    }

    /// Makes it join a room.
    pub fn join(&self, room: impl Into<Room>) {
        self.alone().sockets_join([room.into()]);
    }

    /// Makes it leave a room.
    pub fn leave(&self, room: impl Into<Room>) {
        self.alone().sockets_leave([room.into()]);
    }

    /// Puts it out of the namespace, or with `close` out of all, and ends its connection.
    pub fn disconnect(&self, close: bool) {
        self.alone().disconnect_sockets(close);
    }
}
