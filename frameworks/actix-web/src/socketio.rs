//! The endpoint for actix-web.
//!
//! actix-web has its own types for requests, and no stream that it would hand out after a 101. Behind such an answer, the
//! request's payload is what the client writes and the answer's body is what it reads: these two become a stream here.

use std::convert::Infallible;
use std::io;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, rt};
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use hyper::service::Service as _;
use socketio_server::{ForeignUpgrade, PeerAddr, Service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::oneshot;

/// Bytes that may be under way inside, in each direction.
const BUFFER: usize = 16 * 1024;

type Sent = Result<Bytes, io::Error>;

/// Answers all requests for the server's path.
pub(crate) async fn endpoint(
    service: Data<Service>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let (body_sender, body) = Channel::<Bytes, io::Error>::new(1);
    let Ok(mut translated) = translate(&request, body) else {
        return HttpResponse::new(StatusCode::BAD_REQUEST);
    };
    let (hand_over, upgraded) = oneshot::channel::<DuplexStream>();
    let upgrade = ForeignUpgrade::new(async { upgraded.await.map_err(io::Error::other) });
    translated.extensions_mut().insert(upgrade);

    let websocket = request.headers().contains_key("upgrade");
    let mut payload = Some(payload);
    if !websocket && let Some(payload) = payload.take() {
        // the payload stays on this thread, what is read of it need not
        rt::spawn(copy_body(payload, body_sender));
    }
    let Ok::<_, Infallible>(response) = service.call(translated).await;
    let (parts, body) = response.into_parts();
    let status = StatusCode::from_u16(parts.status.as_u16());
    let mut answer = HttpResponseBuilder::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, value) in &parts.headers {
        answer.append_header((name.as_str(), value.as_bytes()));
    }
    match payload {
        Some(payload) if parts.status == http::StatusCode::SWITCHING_PROTOCOLS => {
            let (ours, theirs) = tokio::io::duplex(BUFFER);
            let (read, write) = tokio::io::split(theirs);
            rt::spawn(copy_in(payload, write));
            hand_over.send(ours).ok();
            answer.upgrade("websocket").streaming(out(read))
        }
        _ => {
            let Ok::<_, Infallible>(body) = body.collect().await;
            answer.body(body.to_bytes())
        }
    }
}

fn translate<B>(request: &HttpRequest, body: B) -> http::Result<http::Request<B>> {
    let uri = request
        .uri()
        .path_and_query()
        .map_or("/", |uri| uri.as_str());
    let mut translated = http::Request::builder()
        .method(request.method().as_str())
        .uri(uri)
        .version(match request.version() {
            actix_web::http::Version::HTTP_10 => http::Version::HTTP_10,
            actix_web::http::Version::HTTP_2 => http::Version::HTTP_2,
            _ => http::Version::HTTP_11,
        });
    for (name, value) in request.headers() {
        translated = translated.header(name.as_str(), value.as_bytes());
    }
    if let Some(peer) = request.peer_addr() {
        translated = translated.extension(PeerAddr(peer));
    }
    translated.body(body)
}

async fn copy_body(mut payload: Payload, mut body: Sender<Bytes, io::Error>) {
    while let Some(read) = payload.next().await {
        match read {
            Ok(bytes) => {
                if body.send_data(bytes).await.is_err() {
                    // the answer is there without it
                    return;
                }
            }
            Err(error) => return body.abort(io::Error::other(error.to_string())),
        }
    }
}

async fn copy_in(mut payload: Payload, mut write: WriteHalf<DuplexStream>) {
    while let Some(Ok(bytes)) = payload.next().await {
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
    write.shutdown().await.ok();
}

fn out(read: ReadHalf<DuplexStream>) -> impl Stream<Item = Sent> {
    stream::unfold(read, async |mut read| {
        let mut bytes = bytes::BytesMut::with_capacity(BUFFER);
        match read.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some((Ok(bytes.freeze()), read)),
        }
    })
}
