//! The registry of sessions, and the memory that all of them share.

use super::super::core::Registration;
use super::*;

/// A session without a task: nobody takes what is queued.
fn idle(core: &Arc<Core>, n: u8) -> Option<(Handle, Registration)> {
    let sid = Sid::from_entropy([n; 15]);
    let registration = core.register_as(sid, Terms::default())?;
    Some((Handle::clone(&registration), registration))
}

fn bytes(count: usize) -> Data {
    Data::Binary(vec![0; count].into())
}

#[test]
fn queues_that_fill_at_the_same_time_stay_within_the_memory_budget() {
    explore(|| {
        let core = core(Options {
            memory_budget: Some(50_000),
            ..Options::default()
        });
        let sessions = [1, 2].map(|n| idle(&core, n).expect("a new id"));
        let threads = sessions.map(|(handle, registration)| {
            thread::spawn(move || {
                handle.send([Frame::message(&bytes(60_000))]).ok();
                (handle, registration)
            })
        });
        let sessions = threads.map(|thread| thread.join().expect("a thread"));
        assert!(core.memory.used() <= 50_000, "{}", core.memory.used());
        drop(sessions);
        assert_eq!((core.memory.used(), core.sessions()), (0, 0));
    });
}

#[test]
fn what_queues_share_is_counted_until_the_last_of_them_has_let_go() {
    explore(|| {
        let core = core(Options::default());
        let sessions = [1, 2].map(|n| idle(&core, n).expect("a new id"));
        let batch = sessions[0].0.share(&bytes(50_000).into());
        let threads = sessions.map(|(handle, registration)| {
            let batch = batch.clone();
            thread::spawn(move || {
                handle.send(batch).expect("open");
                drop(handle.finish());
                drop(registration);
            })
        });
        drop(batch);
        for thread in threads {
            thread.join().expect("a thread");
        }
        assert_eq!((core.memory.used(), core.sessions()), (0, 0));
    });
}

#[test]
fn a_session_that_begins_while_the_server_closes_is_refused_or_closed() {
    explore(|| {
        let core = core(Options::default());
        let threads = [1, 2].map(|n| {
            let core = Arc::clone(&core);
            thread::spawn(move || idle(&core, n))
        });
        core.close(CloseReason::ForcedClose);
        for thread in threads {
            if let Some((handle, registration)) = thread.join().expect("a thread") {
                let mut commands = Vec::new();
                let cx = Context::from_waker(Waker::noop());
                handle.begin(&cx, &mut commands);
                assert!(matches!(commands[..], [Command::Close(_)]), "{commands:?}");
                drop(registration);
            }
        }
        assert!(idle(&core, 3).is_none());
        assert_eq!(core.sessions(), 0);
    });
}

#[test]
fn an_id_that_is_given_again_belongs_to_who_has_it_now() {
    explore(|| {
        let core = core(Options {
            same_address: true,
            ..Options::default()
        });
        let [old, new] = [1, 2].map(|n| Some([127, 0, 0, n].into()));
        let (_, mut first) = idle(&core, 1).expect("a new id");
        assert!(first.belong(old));
        let ending = thread::spawn(move || drop(first));
        let second = idle(&core, 1).map(|(_, mut second)| {
            assert!(second.belong(new));
            second
        });
        ending.join().expect("a thread");
        let owned = core.addresses.owns(Sid::from_entropy([1; 15]), new);
        assert_eq!(owned, second.as_ref().map(|_| true));
    });
}

#[test]
fn handshakes_at_the_same_time_are_no_more_than_an_address_may() {
    explore(|| {
        let core = core(Options::default());
        let now = crate::net::clock::now();
        let threads = [(); 3].map(|()| {
            let core = Arc::clone(&core);
            let network = std::net::IpAddr::from([127, 0, 0, 1]).into();
            thread::spawn(move || core.addresses.handshake(network, 2, now))
        });
        let taken = threads.map(|thread| thread.join().expect("a thread"));
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 2);
    });
}

#[test]
fn an_address_never_has_more_sessions_than_it_may() {
    explore(|| {
        let core = core(Options {
            max_sessions_per_address: Some(1),
            ..Options::default()
        });
        let address = Some([127, 0, 0, 1].into());
        let held = Arc::new(crate::net::sync::AtomicUsize::new(0));
        let threads = [1, 2, 3].map(|n| {
            let (core, held) = (Arc::clone(&core), Arc::clone(&held));
            thread::spawn(move || {
                let (_, mut registration) = idle(&core, n).expect("a new id");
                if registration.belong(address) {
                    let order = crate::net::sync::Ordering::SeqCst;
                    assert_eq!(held.fetch_add(1, order), 0);
                    held.fetch_sub(1, order);
                }
            })
        });
        for thread in threads {
            thread.join().expect("a thread");
        }
        let (_, mut registration) = idle(&core, 4).expect("a new id");
        assert!(registration.belong(address));
    });
}
