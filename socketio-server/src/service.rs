//! [`Service`] and [`Layer`]: the endpoint for tower, hyper and axum.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use engineio::net::server::{
    Body, Handle, Handshake, Layer as EngineLayer, Layered, Service as EngineService,
};
use http::{Request, Response};
use http_body::Body as HttpBody;

use crate::driver::Driver;
use crate::sync::Arc;

pub(crate) type Make = Box<dyn Fn(Arc<Handshake>, Handle) -> Driver + Send + Sync>;

/// The endpoint as a [`tower_service::Service`] and a [`hyper::service::Service`]. Clones
/// share the server.
///
/// With axum: `router.merge(server.router())` (feature `axum`), or
/// `router.layer(server.layer())`.
#[derive(Clone, Debug)]
pub struct Service {
    engine: EngineService<Make>,
}

impl Service {
    pub(crate) fn new(engine: EngineService<Make>) -> Self {
        Self { engine }
    }

    /// Whether the request is for this endpoint.
    #[must_use]
    pub fn serves(&self, path: &str) -> bool {
        self.engine.serves(path)
    }

    /// The path of the endpoint, as it was set.
    #[must_use]
    pub fn path(&self) -> &str {
        self.engine.path()
    }

    /// Puts the endpoint in front of another service.
    #[must_use]
    pub fn into_layer(self) -> Layer {
        Layer {
            engine: self.engine.into_layer(),
        }
    }
}

impl<B> tower_service::Service<Request<B>> for Service
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <EngineService<Make> as tower_service::Service<Request<B>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        tower_service::Service::call(&mut self.engine, with_peer(request))
    }
}

impl<B> hyper::service::Service<Request<B>> for Service
where
    B: HttpBody + Send + 'static,
    B::Data: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <EngineService<Make> as hyper::service::Service<Request<B>>>::Future;

    fn call(&self, request: Request<B>) -> Self::Future {
        hyper::service::Service::call(&self.engine, request)
    }
}

/// The endpoint as a [`tower_layer::Layer`]: other requests go to the service behind it.
#[derive(Clone, Debug)]
pub struct Layer {
    engine: EngineLayer<Make>,
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Attached<S>;

    fn layer(&self, inner: S) -> Attached<S> {
        Attached {
            layered: tower_layer::Layer::layer(&self.engine, inner),
        }
    }
}

/// What [`Layer`] makes of another service.
#[derive(Clone, Debug)]
pub struct Attached<S> {
    layered: Layered<Make, S>,
}

impl<S, B, R> tower_service::Service<Request<B>> for Attached<S>
where
    S: tower_service::Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    R: HttpBody<Data = Bytes> + 'static,
{
    type Response = <Layered<Make, S> as tower_service::Service<Request<B>>>::Response;
    type Error = S::Error;
    type Future = <Layered<Make, S> as tower_service::Service<Request<B>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.layered.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.layered.call(with_peer(request))
    }
}

/// Takes the address of the peer from axum, where that knows it.
#[cfg(feature = "axum")]
fn with_peer<B>(mut request: Request<B>) -> Request<B> {
    use axum::extract::ConnectInfo;
    use engineio::net::server::PeerAddr;

    let extensions = request.extensions_mut();
    if let Some(ConnectInfo(peer)) = extensions.get::<ConnectInfo<std::net::SocketAddr>>() {
        let peer = PeerAddr(*peer);
        extensions.insert(peer);
    }
    request
}

#[cfg(not(feature = "axum"))]
fn with_peer<B>(request: Request<B>) -> Request<B> {
    request
}
