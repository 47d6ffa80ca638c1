//! Our client, driven by lines on stdin as every client of the benchmark: `open COUNT` and `echo DEPTH COUNT`, each
//! answered by `done`. `rest MILLIS` lets heartbeats and the like go on.

use std::error::Error;
use std::io::{Write as _, stdin, stdout};
use std::time::Duration;

use socketio_client::{Manager, Socket, Transport};

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: client_echo URL")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut sockets = Vec::new();
    let mut line = String::new();
    while stdin().read_line(&mut line)? > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["open", count] => {
                for _ in 0..count.parse::<usize>()? {
                    sockets.push(runtime.block_on(connect(&url))?);
                }
            }
            ["echo", depth, count] => {
                let socket = sockets.first().ok_or("no socket is open")?;
                runtime.block_on(echo(socket, depth.parse()?, count.parse()?))?;
            }
            ["rest", millis] => {
                let pause = Duration::from_millis(millis.parse()?);
                runtime.block_on(async { tokio::time::sleep(pause).await });
            }
            _ => return Err(format!("not understood: {line}").into()),
        }
        writeln!(stdout(), "done")?;
        line.clear();
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Socket, Box<dyn Error>> {
    let manager = Manager::builder(url)?
        .transports([Transport::WebSocket])
        .build()?;
    let socket = manager.socket("/")?;
    socket.connect().await?;
    Ok(socket)
}

/// So many acks, so many of them on the way: a task for each place, which asks again when it is answered.
async fn echo(socket: &Socket, depth: usize, count: usize) -> Result<(), Box<dyn Error>> {
    let places = (0..depth).map(|place| {
        let socket = socket.clone();
        tokio::spawn(async move {
            let payload = "x".repeat(100);
            let mut came = 0;
            for _ in (place..count).step_by(depth) {
                let answer = socket.emit_with_ack::<String>("echo", &payload).await;
                came += usize::from(answer.is_ok_and(|answer| answer == payload));
            }
            came
        })
    });
    let places: Vec<_> = places.collect();
    let mut came = 0;
    for place in places {
        came += place.await?;
    }
    if came == count {
        Ok(())
    } else {
        Err(format!("{came} answers of {count} are what was sent").into())
    }
}
