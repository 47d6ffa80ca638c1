//! rust_socketio, driven by lines on stdin as every client of the benchmark: `open COUNT` and `echo DEPTH COUNT`, each
//! answered by `done`. `rest MILLIS` lets heartbeats and the like go on.

use std::error::Error;
use std::io::{Write as _, stdin, stdout};
use std::time::Duration;

use futures_util::FutureExt as _;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .ok_or("usage: rust_socketio_client URL")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut clients = Vec::new();
    let mut line = String::new();
    while stdin().read_line(&mut line)? > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["open", count] => {
                for _ in 0..count.parse::<usize>()? {
                    clients.push(runtime.block_on(connect(&url))?);
                }
            }
            ["echo", depth, count] => {
                let client = clients.first().ok_or("no client is open")?;
                runtime.block_on(echo(client, depth.parse()?, count.parse()?))?;
            }
            ["rest", millis] => {
                let pause = Duration::from_millis(millis.parse()?);
                // a timer is made inside of the runtime
                runtime.block_on(async { tokio::time::sleep(pause).await });
            }
            _ => return Err(format!("not understood: {line}").into()),
        }
        writeln!(stdout(), "done")?;
        line.clear();
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Client, Box<dyn Error>> {
    let (joined, mut heard) = mpsc::unbounded_channel();
    let client = ClientBuilder::new(url)
        .transport_type(TransportType::Websocket)
        .on(Event::Connect, move |_, _| {
            joined.send(()).ok();
            async {}.boxed()
        })
        .connect()
        .await?;
    timeout(PATIENCE, heard.recv()).await?.ok_or("not let in")?;
    Ok(client)
}

/// So many acks, so many of them on the way.
async fn echo(client: &Client, depth: usize, count: usize) -> Result<(), Box<dyn Error>> {
    let payload = json!("x".repeat(100));
    let (answered, mut answers) = mpsc::unbounded_channel();
    let (mut sent, mut came) = (0, 0);
    while came < count {
        while sent < count && sent < came + depth {
            let answered = answered.clone();
            let wanted = payload.clone();
            let heard = move |answer: Payload, _: Client| {
                let is_same = matches!(&answer, Payload::Text(values) if holds(values, &wanted));
                answered.send(is_same).ok();
                async {}.boxed()
            };
            client
                .emit_with_ack("echo", payload.clone(), PATIENCE, heard)
                .await?;
            sent += 1;
        }
        if timeout(PATIENCE, answers.recv()).await? != Some(true) {
            return Err("an answer is not what was sent".into());
        }
        came += 1;
    }
    Ok(())
}

/// The arguments come as they are, or in a list of their own.
fn holds(values: &[serde_json::Value], wanted: &serde_json::Value) -> bool {
    values == std::slice::from_ref(wanted) || values == [json!([wanted])]
}
