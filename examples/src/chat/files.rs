//! The page, over HTTP.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

const POLICY: &str = "default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the page. The official client comes from the Socket.IO endpoint.
pub(super) fn routes() -> Router {
    let html = "text/html; charset=utf-8";
    let script = "text/javascript; charset=utf-8";
    let style = "text/css; charset=utf-8";
    Router::new()
        .route("/", file(html, include_str!("../../chat/index.html")))
        .route("/app.js", file(script, include_str!("../../chat/app.js")))
        .route(
            "/style.css",
            file(style, include_str!("../../chat/style.css")),
        )
        .route(
            "/favicon.svg",
            file("image/svg+xml", include_str!("../../chat/favicon.svg")),
        )
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(map_response(guard))
}

fn file(mime: &'static str, content: impl Into<Bytes>) -> axum::routing::MethodRouter {
    let content = content.into();
    get(async move || ([(header::CONTENT_TYPE, mime)], content))
}

async fn nothing(_: Request) -> StatusCode {
    StatusCode::NOT_FOUND
}

async fn guard(response: Response) -> Response {
    let policy = HeaderValue::from_static(POLICY);
    let options = HeaderName::from_static("x-content-type-options");
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (options, HeaderValue::from_static("nosniff")),
    ];
    (headers, response).into_response()
}
