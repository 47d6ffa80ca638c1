//! What is ready for a client together leaves together: one write for the answers to all that one read brought, and one for
//! what a handler sends to many.
#![expect(clippy::unwrap_used, reason = "failures of the test")]

use std::net::SocketAddr;

use bench::by_hand::Client;
use bench::on_a_thread;
use socketio_server::{Ack, Incoming, Namespace, Socket};

const ROUNDS: usize = 100;
/// Writes for a message, at a depth of sixteen.
const MOST: f64 = 0.07;

fn serve() -> SocketAddr {
    on_a_thread::serve(|server| {
        let everybody = server.clone();
        Namespace::new("/")
            .on_raw("echo", async |_: Socket, event: Incoming| {
                Ack(event.args().clone())
            })
            .on("cast", async move |_: Socket, count: usize| {
                for n in 0..count {
                    everybody.emit("cast", &n).unwrap();
                }
            })
    })
}

#[test]
fn sixteen_answers_leave_in_one_write_and_in_order() {
    let mut client = Client::connect(serve()).unwrap();
    let before = client.reads();
    for _ in 0..ROUNDS {
        for id in 10..26 {
            client.queue(&format!("42{id}[\"echo\",\"{}\"]", "x".repeat(100)));
        }
        client.send().unwrap();
        for id in 10..26 {
            let answer = client.message().unwrap();
            assert!(answer.starts_with(format!("43{id}[").as_bytes()));
        }
    }
    let each = (client.reads() - before) as f64 / (16 * ROUNDS) as f64;
    assert!(each <= MOST, "{each} reads for an answer");
}

#[test]
fn what_a_handler_sends_to_many_leaves_in_one_write_each() {
    let address = serve();
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(address).unwrap()).collect();
    let before: usize = clients.iter().map(Client::reads).sum();
    for _ in 0..ROUNDS {
        let speaker = clients.first_mut().unwrap();
        speaker.queue("42[\"cast\",16]");
        speaker.send().unwrap();
        for client in &mut clients {
            for n in 0..16 {
                let message = client.message().unwrap();
                assert_eq!(message, format!("42[\"cast\",{n}]").as_bytes());
            }
        }
    }
    let after: usize = clients.iter().map(Client::reads).sum();
    let each = (after - before) as f64 / (16 * ROUNDS * clients.len()) as f64;
    assert!(each <= MOST, "{each} reads for a message");
}
