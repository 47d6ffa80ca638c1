//! [`Client`]: the client of a test.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use engineio::Text;
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use socketio_proto::{
    AckId, Body, ConnectError, Decoder, Event, FromArgs, IntoArgs, Limits, NamespaceId, Parser,
    RawArgs, SocketId,
};
use tokio::time::timeout;

use super::wire::{Order, Wire};
use crate::error::{AckError, SendError};
use crate::server::Server;

/// How long [`Client::emit_with_ack`] and [`Client::expect`] wait, on the test's clock.
const WAIT: Duration = Duration::from_secs(3600 * 24);

/// A client in one namespace of a server in the same process.
pub struct Client {
    wire: Wire,
    parser: Parser,
    decoder: Decoder,
    namespace: NamespaceId,
    id: SocketId,
    next_ack: u64,
    /// Events that came while an ack was awaited.
    early: VecDeque<Received>,
    left: bool,
}

/// How a [`Client`] connects.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `connect`"]
pub struct ClientBuilder {
    server: Server,
    namespace: Text,
    auth: Option<String>,
    query: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// An event from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    name: Text,
    args: RawArgs,
    ack: Option<AckId>,
}

impl Received {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments as a type.
    ///
    /// # Errors
    /// When they are not of that type.
    pub fn read<P: FromArgs>(&self) -> Result<P, socketio_proto::ArgsError> {
        self.args.read()
    }

    /// Whether the server waits for an answer: [`Client::answer`].
    #[must_use]
    pub fn wants_ack(&self) -> bool {
        self.ack.is_some()
    }
}

impl ClientBuilder {
    /// The namespace. Default `/`.
    pub fn namespace(mut self, name: impl Into<Text>) -> Self {
        self.namespace = name.into();
        self
    }

    /// The auth payload. Default none.
    ///
    /// # Panics
    /// When it does not serialise.
    pub fn auth<T: Serialize + ?Sized>(mut self, auth: &T) -> Self {
        let auth = serde_json::to_string(auth).expect("an auth payload that serialises");
        self.auth = Some(auth);
        self
    }

    /// One more parameter of the request's query, as it stands in the address.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.extend(["&", name, "=", value]);
        self
    }

    /// One more header of the request.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// The server refused the client, in the namespace or before (`connection refused: …`).
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let refused = |error: io::Error| ConnectError::new(format!("connection refused: {error}"));
        let wire = Wire::open(&self.server, &self.query, &self.headers);
        let wire = wire.await.map_err(refused)?;
        let parser = self.server.core.settings.parser.clone();
        let namespace = NamespaceId::new(self.namespace)
            .map_err(|error| ConnectError::new(error.to_string()))?;
        let connect = parser.connect(&namespace, self.auth.map(Text::from));
        let connect = connect.map_err(|error| ConnectError::new(error.to_string()))?;
        wire.orders.send(Order::Send(connect)).ok();
        let mut client = Client {
            wire,
            decoder: parser.decoder(Limits::default()),
            parser,
            namespace,
            id: SocketId::from_entropy([0; 15]),
            next_ack: 0,
            early: VecDeque::new(),
            left: false,
        };
        client.admitted().await?;
        Ok(client)
    }
}

impl Client {
    /// Connects to the root namespace.
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    pub async fn connect(server: &Server) -> Result<Self, ConnectError> {
        Self::builder(server).connect().await
    }

    /// Connects as told.
    pub fn builder(server: &Server) -> ClientBuilder {
        ClientBuilder {
            server: server.clone(),
            namespace: "/".into(),
            auth: None,
            query: String::new(),
            headers: Vec::new(),
        }
    }

    /// Waits for the answer to CONNECT.
    async fn admitted(&mut self) -> Result<(), ConnectError> {
        loop {
            match self.packet().await {
                Some(Body::Connect { payload }) => {
                    #[derive(Deserialize)]
                    struct Connected {
                        sid: SocketId,
                    }
                    let payload = payload.as_deref().unwrap_or_default();
                    let Connected { sid } = serde_json::from_str(payload)
                        .map_err(|error| ConnectError::new(error.to_string()))?;
                    self.id = sid;
                    return Ok(());
                }
                Some(Body::ConnectError { payload }) => {
                    return Err(ConnectError::from_payload(&payload));
                }
                Some(Body::Event { name, args, ack }) => {
                    self.early.push_back(Received { name, args, ack });
                }
                Some(_) => {}
                None => return Err(ConnectError::new("the connection ended")),
            }
        }
    }

    /// The next packet of the namespace; `None` when the connection has ended.
    async fn packet(&mut self) -> Option<Body> {
        if self.left {
            return None;
        }
        loop {
            let data = self.wire.messages.recv().await?;
            match self.decoder.feed(data) {
                Ok(Some(packet)) if packet.namespace == self.namespace => {
                    self.left = matches!(packet.body, Body::Disconnect);
                    return Some(packet.body);
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// Its public id.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.id
    }

    /// Sends an event.
    ///
    /// # Errors
    /// [`SendError::Closed`], [`SendError::Encode`].
    pub fn emit<P: IntoArgs + ?Sized>(&self, event: &str, payload: &P) -> Result<(), SendError> {
        self.send(event, payload, None)
    }

    /// Sends a typed event.
    ///
    /// # Errors
    /// As [`Client::emit`].
    pub fn notify<E: Event>(&self, event: &E) -> Result<(), SendError> {
        self.emit(E::NAME, event)
    }

    fn send<P: IntoArgs + ?Sized>(
        &self,
        event: &str,
        payload: &P,
        ack: Option<AckId>,
    ) -> Result<(), SendError> {
        let limits = Limits::default();
        let batch = self
            .parser
            .event(&self.namespace, event, payload, ack, &limits)?;
        self.order(Order::Send(batch))
    }

    fn order(&self, order: Order) -> Result<(), SendError> {
        if self.left {
            return Err(SendError::Closed);
        }
        self.wire.orders.send(order).map_err(|_| SendError::Closed)
    }

    /// Sends an event and waits for the answer, for a day of the test's clock. Events that come
    /// meanwhile are kept for [`Client::recv`].
    ///
    /// # Errors
    /// As in a real client; [`AckError::Timeout`] after the day.
    pub async fn emit_with_ack<R: FromArgs>(
        &mut self,
        event: &str,
        payload: &(impl IntoArgs + ?Sized),
    ) -> Result<R, AckError> {
        let id = AckId::new(self.next_ack).ok_or(AckError::TooMany)?;
        self.next_ack += 1;
        self.send(event, payload, Some(id))?;
        let answered = async {
            loop {
                match self.packet().await {
                    Some(Body::Ack { id: own, args }) if own == id => return Ok(args),
                    Some(Body::Event { name, args, ack }) => {
                        self.early.push_back(Received { name, args, ack });
                    }
                    Some(Body::Disconnect) | None => return Err(AckError::Disconnected),
                    Some(_) => {}
                }
            }
        };
        let args = timeout(WAIT, answered)
            .await
            .unwrap_or(Err(AckError::Timeout))?;
        Ok(args.read()?)
    }

    /// Sends a typed event and waits for the answer, as [`Client::emit_with_ack`].
    ///
    /// # Errors
    /// As there.
    pub async fn call<E: Event>(&mut self, event: &E) -> Result<E::Ack, AckError> {
        self.emit_with_ack(E::NAME, event).await
    }

    /// The next event; `None` when the client was put out or the connection has ended.
    pub async fn recv(&mut self) -> Option<Received> {
        if let Some(event) = self.early.pop_front() {
            return Some(event);
        }
        loop {
            if let Body::Event { name, args, ack } = self.packet().await? {
                return Some(Received { name, args, ack });
            }
        }
    }

    /// The payload of the next event, which must have this name.
    ///
    /// # Panics
    /// When it has another, does not decode, or does not come within a day of the test's clock.
    #[track_caller]
    pub fn expect<P: FromArgs>(&mut self, event: &str) -> impl Future<Output = P> {
        let place = std::panic::Location::caller();
        async move {
            let received = timeout(WAIT, self.recv()).await;
            let Ok(Some(received)) = received else {
                panic!("{place}: the event {event:?} did not come");
            };
            let name = received.name();
            assert_eq!(name, event, "{place}: another event came first");
            received
                .read()
                .unwrap_or_else(|error| panic!("{place}: event {event:?}: {error}"))
        }
    }

    /// Answers an event, if the server waits for that.
    ///
    /// # Errors
    /// As [`Client::emit`].
    pub fn answer<P: IntoArgs + ?Sized>(
        &self,
        event: &Received,
        payload: &P,
    ) -> Result<(), SendError> {
        let Some(id) = event.ack else {
            return Ok(());
        };
        let limits = Limits::default();
        let batch = self.parser.ack(&self.namespace, id, payload, &limits)?;
        self.order(Order::Send(batch))
    }

    /// Leaves the namespace and closes the connection, as a client does that means it.
    pub fn disconnect(self) {
        if let Ok(leave) = self.parser.disconnect(&self.namespace) {
            self.order(Order::Send(leave)).ok();
        }
        self.order(Order::Close).ok();
        // the task goes on until both have left
        let Self { wire, .. } = self;
        wire.finish();
    }

    /// Breaks the connection, as a network does. Dropping the client does the same.
    pub fn cut(self) {}
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("namespace", &self.namespace)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
