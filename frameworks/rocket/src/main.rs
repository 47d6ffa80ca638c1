//! Orders in rocket: the endpoint is a set of routes.

mod socketio;

use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::serde::json::Json;
use rocket::{Config, State, get, post, routes};
use shop::{NewOrder, Order, Shop};

use self::socketio::SocketIo;

#[get("/health")]
fn health() -> &'static str {
    "fine"
}

#[post("/orders", data = "<new>")]
fn order(shop: &State<Shop>, new: Json<NewOrder>) -> Result<(Status, Json<Order>), Status> {
    let order = shop
        .commit(new.into_inner())
        .map_err(|shop::Unknown| Status::UnprocessableEntity)?;
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    Ok((Status::Created, Json(order)))
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shop = Shop::new()?;
    let server = shop.server.clone();
    let endpoint = SocketIo::new(&server);
    let config = Config {
        port: shop::port()?,
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        cli_colors: false,
        log_level: rocket::config::LogLevel::Critical,
        ..Config::release_default()
    };
    rocket::custom(config)
        .manage(shop)
        .mount("/", routes![health, order])
        .mount("/socket.io", endpoint)
        .attach(AdHoc::on_liftoff("where it listens", |rocket| {
            Box::pin(async move {
                println!("READY {}:{}", rocket.config().address, rocket.config().port)
            })
        }))
        .attach(AdHoc::on_shutdown("clients are told", |_| {
            Box::pin(async move { server.close().await })
        }))
        .launch()
        .await?;
    Ok(())
}
