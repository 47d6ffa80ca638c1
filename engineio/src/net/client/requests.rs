//! [`Requests`]: the GET and the POST that are out, and the connections that wait for the next.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};

use super::http::{Answer, Channel, exchange};
use super::payload::Payload;
use super::shared::Setting;
use crate::Transport;
use crate::client::{Detail, Input, RequestId};

type Exchange = Pin<Box<dyn Future<Output = Result<Answer, Detail>> + Send>>;

pub(super) struct Requests {
    setting: Setting,
    get: Option<(RequestId, Exchange)>,
    post: Option<(RequestId, Exchange)>,
    idle: Vec<Channel>,
}

impl Requests {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            get: None,
            post: None,
            idle: Vec::new(),
        }
    }

    /// Sends a GET; `heartbeat` is how long the server may leave it open.
    pub(super) fn get(&mut self, id: RequestId, query: &str, heartbeat: Option<Duration>) {
        let method = Method::GET;
        let mut request =
            self.setting
                .request(Transport::Polling, method, query, Payload::default());
        accept_anything(&mut request);
        self.get = Some((id, self.exchange(request, heartbeat.unwrap_or_default())));
    }

    pub(super) fn post(&mut self, id: RequestId, query: &str, body: Bytes) {
        let (method, payload) = (Method::POST, Payload::new(body));
        let mut request = self
            .setting
            .request(Transport::Polling, method, query, payload);
        accept_anything(&mut request);
        let text = HeaderValue::from_static("text/plain;charset=UTF-8");
        request.headers_mut().insert(CONTENT_TYPE, text);
        self.post = Some((id, self.exchange(request, Duration::ZERO)));
    }

    fn exchange(&mut self, request: Request<Payload>, beyond: Duration) -> Exchange {
        let limit = self.setting.terms.options.request_timeout;
        let exchange = exchange(self.setting.clone(), self.idle.pop(), request);
        let Some(limit) = limit else {
            return Box::pin(exchange);
        };
        Box::pin(async move {
            let answer = tokio::time::timeout(limit + beyond, exchange).await;
            answer.unwrap_or_else(|_| Err(Detail::Io("no answer in time".to_owned())))
        })
    }

    /// Gives a request up: its connection is dropped.
    pub(super) fn abandon(&mut self, id: RequestId) {
        self.get.take_if(|(own, _)| *own == id);
        self.post.take_if(|(own, _)| *own == id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.get.is_none() && self.post.is_none()
    }

    /// No more requests follow.
    pub(super) fn rest(&mut self) {
        self.idle = Vec::new();
    }

    /// Goes on with the POST; `each` gets its answer, and what went wrong. Tells whether it was
    /// answered.
    pub(super) fn poll_posts(
        &mut self,
        cx: &mut Context<'_>,
        each: impl FnOnce(Input, Option<Detail>),
    ) -> bool {
        // a server that closes a connection which waits is heard
        self.idle.retain_mut(|channel| channel.drive(cx));
        poll(&mut self.post, &mut self.idle, cx, each)
    }

    /// Goes on with the GET; tells whether it was answered.
    pub(super) fn poll_gets(
        &mut self,
        cx: &mut Context<'_>,
        each: impl FnOnce(Input, Option<Detail>),
    ) -> bool {
        poll(&mut self.get, &mut self.idle, cx, each)
    }
}

fn accept_anything(request: &mut Request<Payload>) {
    let headers = request.headers_mut();
    if !headers.contains_key(ACCEPT) {
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    }
}

fn poll(
    slot: &mut Option<(RequestId, Exchange)>,
    idle: &mut Vec<Channel>,
    cx: &mut Context<'_>,
    each: impl FnOnce(Input, Option<Detail>),
) -> bool {
    let Some((request, exchange)) = slot else {
        return false;
    };
    let Poll::Ready(answer) = exchange.as_mut().poll(cx) else {
        return false;
    };
    let request = *request;
    *slot = None;
    match answer {
        Ok(answer) => {
            idle.extend(answer.channel);
            let Answer { status, body, .. } = answer;
            let answered = Input::Answered {
                request,
                status,
                body,
            };
            each(answered, None);
        }
        Err(detail) => each(Input::Failed { request }, Some(detail)),
    }
    true
}
