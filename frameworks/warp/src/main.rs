//! Orders in warp: the filters become a service, the endpoint is a layer in front of it, and our own listener serves
//! both.

use std::convert::Infallible;

use hyper_util::service::TowerToHyperService;
use shop::{NewOrder, Shop};
use tower::ServiceBuilder;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

fn routes(shop: Shop) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let state = warp::any().map(move || shop.clone());
    let health = warp::path!("health").and(warp::get()).map(|| "fine");
    let orders = warp::path!("orders")
        .and(warp::post())
        .and(state)
        .and(warp::body::json())
        .and_then(order);
    health.or(orders)
}

async fn order(shop: Shop, new: NewOrder) -> Result<Response, Infallible> {
    let Ok(order) = shop.commit(new) else {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    };
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    Ok(warp::reply::with_status(warp::reply::json(&order), StatusCode::CREATED).into_response())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let shop = Shop::new()?;
    let server = shop.server.clone();
    let stack = ServiceBuilder::new()
        .layer(server.layer())
        .service(warp::service(routes(shop)));
    server
        .serve_with(
            shop::listen().await?,
            TowerToHyperService::new(stack),
            shop::stopped(),
        )
        .await
}
