//! Orders in poem: the endpoint is an `Endpoint`.

mod socketio;

use std::time::Duration;

use poem::http::StatusCode;
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json};
use poem::{EndpointExt as _, IntoResponse as _, Response, Route, Server, get, handler, post};
use shop::{NewOrder, Shop};

use self::socketio::SocketIo;

#[handler]
async fn health() -> &'static str {
    "fine"
}

#[handler]
async fn order(Data(shop): Data<&Shop>, Json(new): Json<NewOrder>) -> Response {
    let Ok(order) = shop.commit(new) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    Json(order).with_status(StatusCode::CREATED).into_response()
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let shop = Shop::new()?;
    let server = shop.server.clone();
    let endpoint = SocketIo::new(&server);
    let app = Route::new()
        .at("/health", get(health))
        .at("/orders", post(order))
        .at("/socket.io", endpoint.clone())
        .at("/socket.io/", endpoint.clone())
        .at("/socket.io/*file", endpoint)
        .data(shop);
    let stopped = async move {
        shop::stopped().await;
        server.close().await;
    };
    Server::new_with_acceptor(TcpAcceptor::from_tokio(shop::listen().await?)?)
        .run_with_graceful_shutdown(app, stopped, Some(Duration::from_secs(5)))
        .await
}
