//! Orders in axum: `Server::router()` is merged into the application's.

use std::net::SocketAddr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use shop::{NewOrder, Order, Shop};

async fn order(
    State(shop): State<Shop>,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), StatusCode> {
    let order = shop
        .commit(new)
        .map_err(|shop::Unknown| StatusCode::UNPROCESSABLE_ENTITY)?;
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    Ok((StatusCode::CREATED, Json(order)))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let shop = Shop::new()?;
    let app = Router::new()
        .route("/health", get(async || "fine"))
        .route("/orders", post(order))
        .merge(shop.server.router())
        .with_state(shop.clone());
    // which is where the server finds the addresses of its peers
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let serve = axum::serve(shop::listen().await?, app);
    serve
        .with_graceful_shutdown(async move {
            shop::stopped().await;
            // WebSockets are no longer axum's to close
            shop.server.close().await;
        })
        .await
}
