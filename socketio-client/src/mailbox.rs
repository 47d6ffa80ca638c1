//! [`Mailbox`]: orders from any thread for one task. It holds nothing while it is empty, where a
//! channel keeps a block of places for each client.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use tokio::sync::Notify;

use crate::order::Order;
use crate::sync::Mutex;

#[derive(Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    /// The task has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    /// The task, while it waits.
    waker: Option<Waker>,
    has_ended: bool,
}

/// Room that an empty mailbox keeps.
const KEPT: usize = 8;

impl Mailbox {
    /// Gives an order. One that nobody takes any more is forgotten, and comes back as `false`.
    pub(crate) fn push(&self, order: Order) -> bool {
        let mut state = self.state.lock();
        if state.has_ended {
            return false;
        }
        state.orders.push_back(order);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// The next order. Without one, the task of `cx` is woken by the next.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Option<Order> {
        let mut state = self.state.lock();
        let order = state.orders.pop_front();
        if order.is_none() {
            if state.orders.capacity() > KEPT {
                state.orders = VecDeque::new();
            }
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
        order
    }

    /// Nobody takes orders from now on. The bytes of those that nobody took.
    pub(crate) fn end(&self) -> usize {
        let mut state = self.state.lock();
        state.has_ended = true;
        state.waker = None;
        let orders = std::mem::take(&mut state.orders);
        drop(state);
        let bytes = orders.iter().map(Order::size).sum();
        // dropped here: there are senders in them, whose other ends run
        drop(orders);
        self.ended.notify_waiters();
        bytes
    }

    /// Waits until nobody takes orders any more.
    pub(crate) async fn ended(&self) {
        loop {
            let ended = self.ended.notified();
            if self.state.lock().has_ended {
                return;
            }
            ended.await;
        }
    }
}
