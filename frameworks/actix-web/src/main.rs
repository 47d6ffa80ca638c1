//! Orders in actix-web: the endpoint is a handler.

mod socketio;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, get, post, resource};
use actix_web::{App, HttpResponse, HttpServer};
use shop::{NewOrder, Shop};

async fn health() -> &'static str {
    "fine"
}

async fn order(shop: Data<Shop>, Json(new): Json<NewOrder>) -> HttpResponse {
    let Ok(order) = shop.commit(new) else {
        return HttpResponse::new(StatusCode::UNPROCESSABLE_ENTITY);
    };
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    HttpResponse::Created().json(order)
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let shop = Shop::new()?;
    let server = shop.server.clone();
    let app = move || {
        App::new()
            .app_data(Data::new(shop.clone()))
            .app_data(Data::new(shop.server.service()))
            .route("/health", get().to(health))
            .route("/orders", post().to(order))
            .service(resource(["/socket.io", "/socket.io/{file:.*}"]).to(socketio::endpoint))
    };
    let listener = shop::listen().await?.into_std()?;
    let running = HttpServer::new(app)
        .disable_signals()
        .listen(listener)?
        .run();
    let handle = running.handle();
    actix_web::rt::spawn(async move {
        shop::stopped().await;
        // actix-web waits for WebSockets, but does not end them
        server.close().await;
        handle.stop(true).await;
    });
    running.await
}
