//! Orders in salvo: the endpoint is a tower service, which salvo takes as a handler.

use salvo::conn::tcp::TcpAcceptor;
use salvo::http::ReqBody;
use salvo::prelude::*;
use shop::{NewOrder, Shop};
use socketio_server::PeerAddr;

#[handler]
async fn health() -> &'static str {
    "fine"
}

#[handler]
async fn place_order(request: &mut Request, depot: &mut Depot, response: &mut Response) {
    let Ok(shop) = depot.obtain::<Shop>() else {
        response.status_code(StatusCode::INTERNAL_SERVER_ERROR);
        return;
    };
    let Ok(new) = request.parse_json::<NewOrder>().await else {
        response.status_code(StatusCode::BAD_REQUEST);
        return;
    };
    let Ok(order) = shop.commit(new) else {
        response.status_code(StatusCode::UNPROCESSABLE_ENTITY);
        return;
    };
    let watching = shop.server.to(shop::room(&order.customer));
    watching.emit("order", &order).ok();
    response.status_code(StatusCode::CREATED);
    response.render(Json(order));
}

/// salvo's address of the peer, where the handshake looks for it.
#[handler]
async fn tell_peer(request: &mut Request) {
    if let Some(peer) = request.remote_addr().clone().into_std() {
        request.extensions_mut().insert(PeerAddr(peer));
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let shop = Shop::new()?;
    let server = shop.server.clone();
    let endpoint = TowerServiceCompat::<ReqBody, _, _, _>::compat(server.service());
    let router = Router::new()
        .push(Router::with_path("health").get(health))
        .push(
            Router::with_path("orders")
                .hoop(affix_state::inject(shop))
                .post(place_order),
        )
        .push(
            Router::with_path("socket.io/{**file}")
                .hoop(tell_peer)
                .goal(endpoint),
        );
    let acceptor = TcpAcceptor::try_from(shop::listen().await?)?;
    let salvo = Server::new(acceptor);
    let handle = salvo.handle();
    tokio::spawn(async move {
        shop::stopped().await;
        server.close().await;
        handle.stop_graceful(None);
    });
    salvo.try_serve(router).await
}
