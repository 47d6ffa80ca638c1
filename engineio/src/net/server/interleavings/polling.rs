//! A session on long-polling, whose polls wait in the mailbox.

use super::*;

/// Polls once; the packets of the answer, `None` when the session is not there any more.
fn poll(core: &Core, handle: &Handle) -> Option<Vec<String>> {
    let request = core.next_request();
    let (sender, receiver) = oneshot::channel();
    let poll = Command::Request(Input::Poll { request }, sender);
    handle.poll(poll).ok()?;
    packets(receiver)
}

fn packets(receiver: oneshot::Receiver<Reply>) -> Option<Vec<String>> {
    let Ok(Reply::Payload(payload)) = future::block_on(receiver) else {
        return None;
    };
    let text = String::from_utf8_lossy(&payload);
    Some(text.split('\x1e').map(str::to_owned).collect())
}

/// A session, and its first answer.
fn open(core: &Arc<Core>) -> (Handle, future::JoinHandle<()>) {
    let (sender, receiver) = oneshot::channel();
    let opening = Opening::Polling(core.next_request(), sender);
    let (handle, task) = begin(core, opening, |_| Silent);
    let first = packets(receiver).expect("a payload");
    assert!(first[0].starts_with('0'), "{first:?}");
    (handle, task)
}

#[test]
fn polls_bring_what_several_threads_send_in_the_order_of_each() {
    explore(|| {
        let core = core(Options::default());
        let (handle, task) = open(&core);
        let producers = ['a', 'b'].map(|name| {
            let handle = handle.clone();
            thread::spawn(move || {
                for n in 1..=2 {
                    handle.send(text(&format!("{name}{n}"))).expect("open");
                }
            })
        });
        let mut messages = Vec::new();
        while messages.len() < 4 {
            messages.extend(poll(&core, &handle).expect("a payload"));
        }
        for name in ['a', 'b'] {
            assert_eq!(of(name, &messages), [1, 2].map(|n| format!("4{name}{n}")));
        }
        for thread in producers {
            thread.join().expect("a producer");
        }
        handle.close(CloseReason::ForcedClose);
        while poll(&core, &handle).is_some() {}
        future::block_on(task).expect("the task");
        drop(handle);
        assert_eq!((core.memory.used(), core.sessions()), (0, 0));
    });
}

#[test]
fn a_poll_brings_what_was_sent_before_the_end_and_the_end() {
    explore(|| {
        let core = core(Options::default());
        let (handle, task) = open(&core);
        let closing = {
            let handle = handle.clone();
            thread::spawn(move || {
                for message in ["a1", "a2"] {
                    handle.send(text(message)).expect("open");
                }
                handle.close(CloseReason::ForcedClose);
            })
        };
        let sending = {
            let handle = handle.clone();
            thread::spawn(move || ["b1", "b2"].map(|message| handle.send(text(message)).is_ok()))
        };
        let mut messages = Vec::new();
        while let Some(more) = poll(&core, &handle) {
            messages.extend(more);
        }
        let accepted = sending.join().expect("a producer");
        closing.join().expect("a producer");
        future::block_on(task).expect("the task");
        assert_eq!(of('a', &messages), ["4a1", "4a2"], "{messages:?}");
        let arrived = of('b', &messages);
        // one that is accepted while somebody closes may come too late
        assert_eq!(arrived, ["4b1", "4b2"][..arrived.len()]);
        assert!(arrived.len() <= accepted.into_iter().filter(|sent| *sent).count());
        assert_eq!(messages.last().map(String::as_str), Some("1"));
    });
}
