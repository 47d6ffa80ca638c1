//! The chat server of `examples/chat/PROTOCOL.md`: an axum router that serves the page, with the Socket.IO server as
//! a layer in front of it.
//!
//! State is behind one lock, and what is sent about a change is sent while it is held: sending never waits, and so
//! everybody hears of changes in the order in which they happened.

mod files;
mod rooms;
mod values;

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use hyper_util::service::TowerToHyperService;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use socketio_server::{
    Ack, ConnectError, DisconnectReason, Handshake, Namespace, Options, Server, Socket, SocketId,
};
use tokio::net::TcpListener;

use self::rooms::{LOBBY, Rooms};
use self::values::{
    Inside, Kind, Member, Refusal, Reply, RoomInfo, Sent, Whisper, Words, done, name,
};
use crate::BadSetting;

/// The official client, from npm.
const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/node_modules/socket.io-client/dist"
);
/// Everybody who was welcomed.
const EVERYONE: &str = "everyone";

/// The chat, before it is served.
#[derive(Clone, Debug)]
pub struct Chat {
    server: Server,
    router: Router,
}

impl Chat {
    /// A chat with an empty lobby.
    ///
    /// # Errors
    /// The official client, which the page needs, is not installed.
    pub fn new(options: Options) -> Result<Self, BadSetting> {
        let client = Server::builder().engine(options).serve_client(CLIENT);
        let server = client.map_err(|error| {
            let problem = format!("{error}: run `cargo xtask demo`, or `npm ci` in examples");
            BadSetting::new("the official client", problem)
        })?;
        let server = server.build();
        server
            .mount(namespace())
            .map_err(|error| BadSetting::new("namespace", error))?;
        let router = files::routes().layer(server.layer());
        Ok(Self { server, router })
    }

    /// The Socket.IO server.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Serves until `stop` is ready.
    ///
    /// # Errors
    /// The listener fails for good.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BadSetting> {
        let service = TowerToHyperService::new(self.router.clone());
        let served = self.server.serve_with(listener, service, stop).await;
        served.map_err(|error| BadSetting::new("serve", error))
    }
}

/// What a socket carries: whom it belongs to, and the way to the rooms.
struct Guest {
    nickname: String,
    /// Where it wants to be at first.
    room: String,
    rooms: Arc<Mutex<Rooms>>,
}

impl Guest {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("nickname", &self.nickname)
            .finish_non_exhaustive()
    }
}

fn namespace() -> Namespace<Guest> {
    let rooms = Arc::<Mutex<Rooms>>::default();
    Namespace::with_auth("/", move |handshake| ready(admit(&handshake, &rooms)))
        .on_connect(welcome)
        .on("join", join)
        .on("say", say)
        .on("whisper", whisper)
        .on("shout", shout)
        .on("typing", typing)
        .on_disconnect(goodbye)
        .on_error(|_, _| Ack(Refusal::new("that was not understood")))
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    nickname: Json,
    #[serde(default)]
    room: Json,
}

fn admit(handshake: &Handshake, rooms: &Arc<Mutex<Rooms>>) -> Result<Guest, ConnectError> {
    let Auth { nickname, room } = handshake.auth()?;
    let refused = |code: &str, refusal: Refusal| {
        let error = ConnectError::new(refusal.error);
        error
            .clone()
            .data(&json!({ "code": code }))
            .unwrap_or(error)
    };
    let nickname = name(nickname.as_str().unwrap_or_default(), "a nickname", 24)
        .map_err(|refusal| refused("nickname", refusal))?;
    let room = match &room {
        Json::Null => LOBBY,
        other => other.as_str().unwrap_or_default(),
    };
    let room = room_name(room).map_err(|refusal| refused("room", refusal))?;
    let guest = Guest {
        nickname,
        room,
        rooms: Arc::clone(rooms),
    };
    let checked = guest.rooms().check(&guest.room);
    checked.map_err(|refusal| refused("room", refusal))?;
    Ok(guest)
}

fn room_name(text: &str) -> Result<String, Refusal> {
    name(text, "a room", 32)
}

fn me(socket: &Socket<Guest>) -> Member {
    Member {
        id: socket.id().clone(),
        nickname: socket.data().nickname.clone(),
    }
}

/// The name of a chat room among those of the server, where each socket has a room of its own.
fn channel(room: &str) -> String {
    format!("room:{room}")
}

#[derive(Serialize)]
struct Welcome<'a> {
    me: Member,
    #[serde(flatten)]
    inside: Inside,
    rooms: Vec<RoomInfo<'a>>,
}

async fn welcome(socket: Socket<Guest>) {
    let mut rooms = socket.data().rooms();
    // others may have made the last rooms since this one was let in
    let room = match rooms.check(&socket.data().room) {
        Ok(()) => socket.data().room.as_str(),
        Err(_) => LOBBY,
    };
    enter(&socket, &mut rooms, room);
    let welcome = Welcome {
        me: me(&socket),
        inside: rooms.inside(room),
        rooms: rooms.list(),
    };
    socket.emit("welcome", &welcome).ok();
    socket.join(EVERYONE);
    tell_rooms(&socket, &rooms);
}

fn enter(socket: &Socket<Guest>, rooms: &mut Rooms, room: &str) {
    rooms.enter(me(socket), room);
    socket.join(channel(room));
    let joined = json!({ "room": room, "member": me(socket) });
    socket.to(channel(room)).emit("joined", &joined).ok();
}

fn leave(socket: &Socket<Guest>, rooms: &mut Rooms, reason: &str) {
    let Some(room) = rooms.leave(socket.id()) else {
        return;
    };
    socket.leave(channel(&room));
    let left = json!({ "room": room, "member": me(socket), "reason": reason });
    socket.to(channel(&room)).emit("left", &left).ok();
}

fn tell_rooms(socket: &Socket<Guest>, rooms: &Rooms) {
    let list = rooms.list();
    socket.emit("rooms", &list).ok();
    socket.to(EVERYONE).emit("rooms", &list).ok();
}

async fn join(socket: Socket<Guest>, room: String) -> Reply<Inside> {
    let room = room_name(&room)?;
    let mut rooms = socket.data().rooms();
    if rooms.room_of(socket.id()) != Some(room.as_str()) {
        rooms.check(&room)?;
        leave(&socket, &mut rooms, "switched");
        enter(&socket, &mut rooms, &room);
        tell_rooms(&socket, &rooms);
    }
    Ok(done(rooms.inside(&room)))
}

async fn say(socket: Socket<Guest>, words: Words) -> Reply<Sent> {
    let (text, image) = words.check()?;
    let mut rooms = socket.data().rooms();
    let room = rooms.room_of(socket.id()).unwrap_or(LOBBY).to_owned();
    let mut message = rooms.message(Kind::Room, me(&socket), text, image);
    message.room = Some(room.clone());
    socket.to(channel(&room)).emit("message", &message).ok();
    let (id, at) = (message.id, message.at);
    rooms.keep(&room, message);
    Ok(done(Sent { id, at }))
}

async fn whisper(socket: Socket<Guest>, whisper: Whisper) -> Reply<Sent> {
    let wanted: Option<SocketId> = whisper.to.parse().ok();
    let (text, image) = whisper.check()?;
    let mut rooms = socket.data().rooms();
    let to = wanted
        .filter(|id| rooms.room_of(id).is_some())
        .ok_or_else(|| Refusal::new("that person is not here any more"))?;
    if to == *socket.id() {
        return Err(Refusal::new("that is you").into());
    }
    let mut message = rooms.message(Kind::Private, me(&socket), text, image);
    message.to = Some(to.clone());
    socket.to(to).emit("message", &message).ok();
    let (id, at) = (message.id, message.at);
    Ok(done(Sent { id, at }))
}

async fn shout(socket: Socket<Guest>, words: Words) -> Reply<Sent> {
    let (text, _) = words.without_image().check()?;
    let mut rooms = socket.data().rooms();
    let message = rooms.message(Kind::Everyone, me(&socket), text, None);
    socket.to(EVERYONE).emit("message", &message).ok();
    let (id, at) = (message.id, message.at);
    Ok(done(Sent { id, at }))
}

async fn typing(socket: Socket<Guest>, typing: bool) {
    let rooms = socket.data().rooms();
    let Some(room) = rooms.room_of(socket.id()) else {
        return;
    };
    let event = json!({ "room": room, "member": me(&socket), "typing": typing });
    let others = socket.to(channel(room)).volatile();
    others.emit("typing", &event).ok();
}

async fn goodbye(socket: Socket<Guest>, reason: DisconnectReason) {
    let mut rooms = socket.data().rooms();
    leave(&socket, &mut rooms, reason.as_str());
    tell_rooms(&socket, &rooms);
}
