//! Orders in hyper alone: the endpoint is called like a function, for the requests that are its own.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use shop::Shop;
use socketio_server::{Body, PeerAddr, Service};

/// Largest body of a request that is not the endpoint's.
const BODY_BYTES: usize = 64 * 1024;

type Answer = Response<Either<Body, Full<Bytes>>>;

async fn answer(
    shop: Shop,
    endpoint: Service,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    if endpoint.serves(request.uri().path()) {
        request.extensions_mut().insert(PeerAddr(peer));
        return Ok(endpoint.call(request).await?.map(Either::Left));
    }
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => (StatusCode::OK, Bytes::from("fine")),
        (&Method::POST, "/orders") => order(&shop, request).await.map_or_else(
            |refused| (refused, Bytes::new()),
            |written| (StatusCode::CREATED, written),
        ),
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let mut response = Response::new(Either::Right(Full::new(body)));
    *response.status_mut() = status;
    Ok(response)
}

async fn order(shop: &Shop, request: Request<Incoming>) -> Result<Bytes, StatusCode> {
    let body = Limited::new(request.into_body(), BODY_BYTES).collect();
    let body = body.await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let new = serde_json::from_slice(&body.to_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let order = shop
        .commit(new)
        .map_err(|shop::Unknown| StatusCode::UNPROCESSABLE_ENTITY)?;
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    let written = serde_json::to_vec(&order).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(written.into())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let shop = Shop::new()?;
    let endpoint = shop.server.service();
    let listener = shop::listen().await?;
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    // without it, hyper waits for ever for the rest of a head
    http.http1().timer(TokioTimer::new());
    let connections = GracefulShutdown::new();
    let mut stopped = std::pin::pin!(shop::stopped());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut stopped => break,
        };
        let (shop, endpoint) = (shop.clone(), endpoint.clone());
        let service =
            service_fn(move |request| answer(shop.clone(), endpoint.clone(), peer, request));
        let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection.into_owned()));
    }
    // polls are answered and WebSockets closed, then the connections have nothing left to do
    shop.server.close().await;
    connections.shutdown().await;
    Ok(())
}
