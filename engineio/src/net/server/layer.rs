//! [`Layer`]: the endpoint in front of another service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;

use super::handshake::Handshake;
use super::http::Body;
use super::shared::Handle;
use super::{Service, Upper};

/// Puts the endpoint in front of another service, such as a whole axum `Router`.
pub struct Layer<F> {
    service: Service<F>,
}

impl<F> Layer<F> {
    pub(super) fn new(service: Service<F>) -> Self {
        Self { service }
    }
}

impl<F> fmt::Debug for Layer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("service", &self.service)
            .finish()
    }
}

impl<F, S> fmt::Debug for Layered<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl<F> Clone for Layer<F> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
        }
    }
}

impl<F, S> tower_layer::Layer<S> for Layer<F> {
    type Service = Layered<F, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Layered {
            service: self.service.clone(),
            inner,
        }
    }
}

/// What [`Layer`] makes of another service.
pub struct Layered<F, S> {
    service: Service<F>,
    inner: S,
}

impl<F, S: Clone> Clone for Layered<F, S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<F, U, S, B, R> tower_service::Service<Request<B>> for Layered<F, S>
where
    F: Fn(Arc<Handshake>, Handle) -> U + Send + Sync + 'static,
    U: Upper,
    S: tower_service::Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    R: HttpBody<Data = Bytes> + 'static,
{
    type Response = Response<EitherBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.service.serves(request.uri().path()) {
            let response = self.service.handle(request);
            return Box::pin(async move {
                let Ok(response) = response.await;
                Ok(response.map(EitherBody::Own))
            });
        }
        let response = self.inner.call(request);
        Box::pin(async move {
            Ok(response
                .await?
                .map(|body| EitherBody::Inner(Box::pin(body))))
        })
    }
}

/// The body of an answer: of the endpoint, or of the service behind it.
#[derive(Debug)]
pub enum EitherBody<R> {
    /// The endpoint's.
    Own(Body),
    /// The other service's.
    Inner(Pin<Box<R>>),
}

impl<R: HttpBody<Data = Bytes>> HttpBody for EitherBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, R::Error>>> {
        match &mut *self {
            Self::Own(body) => {
                let frame = Pin::new(body).poll_frame(cx);
                frame.map_err(|never| match never {})
            }
            Self::Inner(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(body) => body.is_end_stream(),
            Self::Inner(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Own(body) => body.size_hint(),
            Self::Inner(body) => body.size_hint(),
        }
    }
}
