//! The endpoint for rocket.
//!
//! rocket 0.5 runs on hyper 0.14, whose requests are other types than ours, and hands the stream of an upgrade to an
//! `IoHandler`.

use std::convert::Infallible;
use std::io;
use std::io::Cursor;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use hyper::service::Service as _;
use rocket::data::{ByteUnit, Data, IoHandler, IoStream};
use rocket::http::{Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Request, Response};
use socketio_server::{ForeignUpgrade, PeerAddr, Server, Service};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::oneshot;

/// A Socket.IO server as routes, to be mounted at its path.
#[derive(Clone)]
pub(crate) struct SocketIo(Service);

impl SocketIo {
    pub(crate) fn new(server: &Server) -> Self {
        Self(server.service())
    }
}

impl From<SocketIo> for Vec<Route> {
    fn from(endpoint: SocketIo) -> Self {
        let methods = [Method::Get, Method::Post, Method::Options];
        // the path with and without slash, and what is below: the client's files may be there
        let route = |method| Route::new(method, "/<below..>", endpoint.clone());
        methods.map(route).into()
    }
}

#[rocket::async_trait]
impl Handler for SocketIo {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        if !self.0.serves(request.uri().path().as_str()) {
            return Outcome::Forward((data, Status::NotFound));
        }
        let (body_sender, body) = Channel::<Bytes, io::Error>::new(1);
        let Ok(mut translated) = translate(request, body) else {
            return Outcome::Error(Status::BadRequest);
        };
        let (hand_over, upgraded) = oneshot::channel::<IoStream>();
        let upgrade = ForeignUpgrade::new(async { upgraded.await.map_err(io::Error::other) });
        translated.extensions_mut().insert(upgrade);

        // the endpoint has a limit of its own for bodies
        let copied = copy(data.open(ByteUnit::max_value()), body_sender);
        let answered = self.0.call(translated);
        tokio::pin!(answered);
        let answered: Result<_, Infallible> = tokio::select! {
            biased;
            answered = &mut answered => answered,
            () = copied => answered.await,
        };
        let Ok(answer) = answered;

        let (parts, body) = answer.into_parts();
        let mut response = Response::new();
        response.set_status(Status::new(parts.status.as_u16()));
        for (name, value) in &parts.headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            response.adjoin_raw_header(name.as_str().to_owned(), value.into_owned());
        }
        if parts.status == http::StatusCode::SWITCHING_PROTOCOLS {
            response.add_upgrade("websocket", HandOver(hand_over));
        } else {
            let Ok::<_, Infallible>(body) = body.collect().await;
            let body = body.to_bytes();
            response.set_sized_body(body.len(), Cursor::new(body));
        }
        Outcome::Success(response)
    }
}

fn translate<B>(request: &Request<'_>, body: B) -> http::Result<http::Request<B>> {
    let mut translated = http::Request::builder()
        .method(request.method().as_str())
        .uri(request.uri().to_string());
    for header in request.headers().iter() {
        translated = translated.header(header.name.as_str(), header.value.as_bytes());
    }
    if let Some(peer) = request.remote() {
        translated = translated.extension(PeerAddr(peer));
    }
    translated.body(body)
}

async fn copy(data: impl AsyncRead, mut body: Sender<Bytes, io::Error>) {
    tokio::pin!(data);
    loop {
        let mut bytes = BytesMut::new();
        match data.read_buf(&mut bytes).await {
            Ok(0) => return,
            Ok(_) => {
                if body.send_data(bytes.freeze()).await.is_err() {
                    // the answer is there without it
                    return;
                }
            }
            Err(error) => return body.abort(error),
        }
    }
}

/// Gives the connection to the session that waits for it.
struct HandOver(oneshot::Sender<IoStream>);

#[rocket::async_trait]
impl IoHandler for HandOver {
    async fn io(self: Pin<Box<Self>>, stream: IoStream) -> io::Result<()> {
        let Self(hand_over) = *Pin::into_inner(self);
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        hand_over.send(stream).map_err(gone)
    }
}
