//! The page and the official client, over HTTP.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;

use crate::BadSetting;

const POLICY: &str = "default-src 'self'; img-src 'self' blob:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The official client, from npm.
const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/node_modules/socket.io-client/dist/socket.io.min.js"
);

/// The routes of the page.
///
/// # Errors
/// The official client is not installed.
pub(super) fn routes() -> Result<Router, BadSetting> {
    let client = std::fs::read(CLIENT).map_err(|error| {
        let problem = format!("{CLIENT}: {error}: run `cargo xtask demo`, or `npm ci` in examples");
        BadSetting::new("the official client", problem)
    })?;
    let html = "text/html; charset=utf-8";
    let script = "text/javascript; charset=utf-8";
    let routes = Router::new()
        .route("/", file(html, include_str!("../../chat/index.html")))
        .route("/app.js", file(script, include_str!("../../chat/app.js")))
        .route(
            "/style.css",
            file(
                "text/css; charset=utf-8",
                include_str!("../../chat/style.css"),
            ),
        )
        .route(
            "/favicon.svg",
            file("image/svg+xml", include_str!("../../chat/favicon.svg")),
        )
        .route("/socket.io.js", file(script, client))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(map_response(guard));
    Ok(routes)
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
