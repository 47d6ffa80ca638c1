//! Orders as a stack of tower services: the endpoint is a layer, and our own listener serves the stack.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use shop::Shop;
use tower::{ServiceBuilder, service_fn};

/// Largest body of a request that is not the endpoint's.
const BODY_BYTES: usize = 64 * 1024;

async fn route(
    shop: Shop,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => (StatusCode::OK, Bytes::from("fine")),
        (&Method::POST, "/orders") => order(&shop, request).await.map_or_else(
            |refused| (refused, Bytes::new()),
            |written| (StatusCode::CREATED, written),
        ),
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
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
    let server = shop.server.clone();
    let stack = ServiceBuilder::new()
        .layer(server.layer())
        .service(service_fn(move |request| route(shop.clone(), request)));
    // it knows the peers' addresses, and closes what it has open by itself
    server
        .serve_with(
            shop::listen().await?,
            TowerToHyperService::new(stack),
            shop::stopped(),
        )
        .await
}
