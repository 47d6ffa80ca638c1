//! The endpoint for poem.
//!
//! poem runs on hyper and would take a tower service, but keeps hyper's upgrade to itself. It gives the stream away.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::service::Service as _;
use poem::{Endpoint, Request, Response};
use socketio_server::{ForeignUpgrade, PeerAddr, Server, Service};

/// A Socket.IO server as an endpoint, for its path with and without slash and, where it serves the client's files, below.
#[derive(Clone)]
pub(crate) struct SocketIo(Service);

impl SocketIo {
    pub(crate) fn new(server: &Server) -> Self {
        Self(server.service())
    }
}

impl Endpoint for SocketIo {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let peer = request.remote_addr().as_socket_addr().copied();
        let upgrade = request.take_upgrade().ok();
        let mut request = http::Request::<BoxBody<Bytes, io::Error>>::from(request);
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddr(peer));
        }
        if let Some(upgrade) = upgrade {
            let stream = async { upgrade.await.map_err(io::Error::other) };
            let stream = ForeignUpgrade::new(stream);
            request.extensions_mut().insert(stream);
        }
        let Ok::<_, Infallible>(response) = self.0.call(request).await;
        let never = |never: Infallible| -> io::Error { match never {} };
        Ok(response.map(|body| body.map_err(never)).into())
    }
}
