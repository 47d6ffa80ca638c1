//! [`Requests`]: the HTTP requests of a session that wait for their replies.

use tokio::sync::oneshot;

use super::shared::Command;
use crate::server::{Reply, RequestId};

/// Commands that a session on long-polling keeps room for.
const COMMANDS: usize = 8;

/// What long-polling takes of a session's task. A session that a WebSocket carries has none of it.
#[derive(Debug, Default)]
pub(super) struct Requests(Option<Box<Lists>>);

#[derive(Debug, Default)]
struct Lists {
    waiting: Vec<(RequestId, oneshot::Sender<Reply>)>,
    /// Answers to POSTs, kept back while the layer above is full.
    held: Vec<(oneshot::Sender<Reply>, Reply)>,
    /// Room for what comes in the next turn.
    commands: Vec<Command>,
}

impl Requests {
    pub(super) fn add(&mut self, request: RequestId, reply: oneshot::Sender<Reply>) {
        let lists = self.0.get_or_insert_default();
        lists.waiting.push((request, reply));
    }

    /// Answers a request; an `Ok` that is to be held back when it is released.
    pub(super) fn answer(&mut self, request: RequestId, reply: Reply, hold: bool) {
        let Some(lists) = &mut self.0 else {
            return;
        };
        let position = lists.waiting.iter().position(|(id, _)| *id == request);
        let Some((_, sender)) = position.map(|position| lists.waiting.swap_remove(position)) else {
            return;
        };
        if reply == Reply::Ok && hold {
            lists.held.push((sender, reply));
        } else {
            sender.send(reply).ok();
        }
    }

    /// Gives the answers that were held back.
    pub(super) fn release(&mut self) {
        let held = self.0.iter_mut().flat_map(|lists| lists.held.drain(..));
        for (sender, reply) in held {
            sender.send(reply).ok();
        }
    }

    /// The room for commands, which is empty.
    pub(super) fn take_room(&mut self) -> Vec<Command> {
        let lists = self.0.as_mut();
        lists.map_or_else(Vec::new, |lists| std::mem::take(&mut lists.commands))
    }

    /// Keeps the room of a session on long-polling, which has commands with each message.
    pub(super) fn keep_room(&mut self, room: Vec<Command>) {
        if room.capacity() <= COMMANDS
            && let Some(lists) = &mut self.0
        {
            lists.commands = room;
        }
    }

    /// Gives all memory back, if nobody waits.
    pub(super) fn rest(&mut self) {
        let idle = |lists: &mut Box<Lists>| lists.waiting.is_empty() && lists.held.is_empty();
        self.0.take_if(|lists| idle(lists));
    }
}
