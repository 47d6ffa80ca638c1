//! The handlers of an event, one after another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Context;

use socketio_proto::answer::Answered;
use socketio_proto::{AckId, EventErrorKind};

use crate::events::Events;
use crate::handler::{Outcome, Running, empty_ack};

use super::job::{Event, Job, Stage, poll};
use super::joined::Joined;

impl<D: Send + Sync + 'static> Joined<D> {
    /// Lets an event have this stage and those behind it. A future that waits is put aside; most
    /// are done before they would have to be.
    pub(super) fn run(
        &mut self,
        mut event: Event,
        mut stage: Stage,
        mut answered: Answered,
        cx: &mut Context<'_>,
    ) {
        let span = self.span.event(&event.name);
        loop {
            let ack = event.ack.filter(|_| answered != Answered::Sent);
            let call = AssertUnwindSafe(|| span.run(|| self.call(stage, &mut event, ack)));
            let (result, last) = match catch_unwind(call) {
                Ok(Some((mut future, last))) => {
                    let Some(result) = poll(&mut future, &span, cx, self.socket.core()) else {
                        self.running.push(Job {
                            event,
                            future,
                            stage,
                            last,
                            answered,
                            span,
                        });
                        return;
                    };
                    dispose(future);
                    (result, last)
                }
                Ok(None) => match stage {
                    Stage::Before(_) => {
                        stage = Stage::Listener(0);
                        continue;
                    }
                    Stage::Listener(1..) => return self.done(&event, answered),
                    Stage::Listener(0) | Stage::Connect(_) => return,
                },
                Err(panic) => (Err(EventErrorKind::panicked(&*panic)), false),
            };
            match self.settle(&event, stage, answered, result) {
                Some(now) if last => return self.done(&event, now),
                Some(now) => answered = now,
                None => return,
            }
            stage = stage.next();
        }
    }

    /// Polls the futures that were put aside.
    pub(super) fn go_on(&mut self, cx: &mut Context<'_>) {
        let mut index = 0;
        // what is put aside meanwhile was polled
        for _ in 0..self.running.len() {
            let socket = self.socket.core();
            let job = self.running.get_mut(index);
            let Some(result) = job.and_then(|job| job.poll(cx, socket)) else {
                index += 1;
                continue;
            };
            let Job {
                event,
                future,
                stage,
                last,
                answered,
                ..
            } = self.running.remove(index);
            dispose(future);
            match self.settle(&event, stage, answered, result) {
                Some(now) if last => self.done(&event, now),
                Some(now) => self.run(event, stage.next(), now, cx),
                None => {}
            }
        }
    }

    /// Whether the client was answered, now that a stage came to this result. `None`: no stage
    /// follows, since one that judges the event did not let it pass.
    fn settle(
        &self,
        event: &Event,
        stage: Stage,
        answered: Answered,
        result: Outcome,
    ) -> Option<Answered> {
        match (result, answered) {
            (Ok(_), Answered::Sent) => Some(Answered::Sent),
            (Ok(Answered::Default), before) => Some(before),
            (Ok(now), _) => Some(now),
            (Err(kind), _) => {
                let answered = self.failed(&event.name, event.ack, kind);
                (!matches!(stage, Stage::Before(_))).then_some(answered)
            }
        }
    }

    /// All listeners had it: who waits for an answer and got none gets an empty one.
    fn done(&self, event: &Event, answered: Answered) {
        if let (Some(ack), Answered::Default) = (event.ack, answered) {
            empty_ack(self.socket.core(), ack);
        }
    }

    /// The future of a stage, if there is such a stage, and whether it is known to be the last.
    fn call(
        &mut self,
        stage: Stage,
        event: &mut Event,
        ack: Option<AckId>,
    ) -> Option<(Running, bool)> {
        let handlers = &self.namespace.definition.handlers;
        match stage {
            Stage::Connect(index) => match handlers.connect.get(index) {
                Some(handler) => Some((handler(self.socket.clone()), false)),
                None => Some((self.serve()?, false)),
            },
            Stage::Before(index) => {
                let judge = handlers.before_event.get(index)?;
                let judging = judge(self.socket.clone(), event.incoming(ack));
                let judging: Running = Box::pin(async move {
                    let agreed = judging.await.map_err(EventErrorKind::Refused);
                    agreed.map(|()| Answered::Default)
                });
                Some((judging, false))
            }
            Stage::Listener(index) => {
                let listeners = handlers.listeners(&event.name);
                let listener = listeners.get(index)?;
                let last = index + 1 == listeners.len();
                let args = match last {
                    true => std::mem::take(&mut event.args),
                    false => event.args.clone(),
                };
                let running = listener.call(&self.socket, &event.name, args, ack);
                Some((running, last))
            }
        }
    }

    /// Starts the loop, once.
    fn serve(&mut self) -> Option<Running> {
        let run = self.namespace.definition.handlers.serve.as_ref()?;
        if self.served.is_some() {
            return None;
        }
        let (events, inbox) = Events::new(self.socket.clone());
        self.served = Some(inbox);
        let future = run(events);
        Some(Box::pin(async move {
            future.await;
            Ok(Answered::Default)
        }))
    }
}

/// What a panicking future holds may panic again.
fn dispose(future: Running) {
    catch_unwind(AssertUnwindSafe(|| drop(future))).ok();
}
