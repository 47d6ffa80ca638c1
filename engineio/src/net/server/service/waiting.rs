//! [`Waiting`]: a request whose answer a session's task has to give.

use http::Response;
use tokio::sync::oneshot;

use crate::HandshakeError;
use crate::jsonp::Callback;
use crate::net::server::http::{Body, answer, answer_script, refused};
use crate::net::server::metrics::Refused;
use crate::net::server::shared::{Command, Handle};
use crate::server::{Input, PostFailure, Reply, RequestId};

/// Gives the session a request; the answer comes from its task.
pub(super) fn ask(
    session: &Handle,
    input: Input,
) -> Result<oneshot::Receiver<Reply>, HandshakeError> {
    let (sender, receiver) = oneshot::channel();
    let is_poll = matches!(input, Input::Poll { .. });
    let command = Command::Request(input, sender);
    let sent = match is_poll {
        true => session.poll(command),
        false => session.command(command),
    };
    sent.map_err(|_| HandshakeError::UnknownSession)?;
    Ok(receiver)
}

/// Reports a request whose client went away before its answer.
pub(super) struct Waiting {
    session: Handle,
    request: RequestId,
    pub(super) callback: Option<Callback>,
    pub(super) post: bool,
    answered: bool,
}

impl Waiting {
    pub(super) fn new(session: Handle, request: RequestId) -> Self {
        Self {
            session,
            request,
            callback: None,
            post: false,
            answered: false,
        }
    }

    /// Says how the body of the POST came out.
    pub(super) fn tell(&mut self, input: Input) {
        self.post = false;
        self.session.command(Command::Input(input)).ok();
    }

    /// Says that there is no body.
    pub(super) fn fail(&mut self, failure: PostFailure) {
        if let Some(why) = Refused::of_body(failure) {
            self.session.count_refused(why);
        }
        let request = self.request;
        self.tell(Input::PostFailed { request, failure });
    }

    pub(super) async fn answer(self, reply: oneshot::Receiver<Reply>) -> Response<Body> {
        let (reply, callback) = (reply.await, self.callback);
        self.done();
        reply.map_or_else(|_| unknown(), |reply| respond_to(callback, reply))
    }

    pub(super) fn done(mut self) {
        self.answered = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let request = self.request;
        let input = if self.post {
            Input::PostFailed {
                request,
                failure: PostFailure::Dropped,
            }
        } else {
            Input::PollDropped { request }
        };
        self.session.command(Command::Input(input)).ok();
    }
}

/// The session ended before it could answer.
pub(super) fn unknown() -> Response<Body> {
    refused(&HandshakeError::UnknownSession)
}

pub(super) fn respond_to(callback: Option<Callback>, reply: Reply) -> Response<Body> {
    match callback {
        None => answer(reply),
        Some(callback) => answer_script(reply, callback),
    }
}
