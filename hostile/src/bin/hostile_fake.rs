//! A server that misbehaves on demand, for the tests of the harness: it knows as much of the protocol as the honest
//! client needs, and does what the event `misbehave` names.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

static SESSIONS: AtomicUsize = AtomicUsize::new(0);
static SLOW: AtomicBool = AtomicBool::new(false);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    io::stdout().write_all(format!("READY {}\n", listener.local_addr()?).as_bytes())?;
    thread::spawn(|| {
        io::stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(0);
    });
    for stream in listener.incoming() {
        let stream = stream?;
        // a peer that goes is no failure
        thread::spawn(|| serve(stream).ok());
    }
    Ok(())
}

fn serve(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line)?;
    while stream.read_line(&mut String::new())? > 2 {}
    if line.starts_with("GET /gauges") {
        let sessions = SESSIONS.load(Ordering::SeqCst);
        let gauges = format!(r#"{{"connections":1,"sessions":{sessions}}}"#);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            gauges.len()
        );
        return stream
            .get_mut()
            .write_all(format!("{head}{gauges}").as_bytes());
    }
    stream.get_mut().write_all(
        b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )?;
    SESSIONS.fetch_add(1, Ordering::SeqCst);
    let ended = websocket(&mut stream);
    SESSIONS.fetch_sub(1, Ordering::SeqCst);
    ended
}

fn websocket(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    send(stream, r#"0{"sid":"secret"}"#)?;
    loop {
        let mut head = [0; 6];
        stream.read_exact(&mut head)?;
        let [_, len, mask @ ..] = head;
        let mut content = vec![0; usize::from(len & 0x7f)];
        stream.read_exact(&mut content)?;
        for (byte, mask) in content.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= mask;
        }
        let text = String::from_utf8_lossy(&content).into_owned();
        let event = text
            .strip_prefix("42")
            .and_then(|event| event.split_once(r#"["echo","#));
        match (text.as_str(), event) {
            ("40", _) => send(stream, r#"40{"sid":"public"}"#)?,
            ("1", _) => return stream.get_mut().write_all(&[0x88, 0]),
            (_, Some((id, args))) => {
                if SLOW.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_secs(2));
                }
                send(stream, &format!("43{id}[{args}"))?;
            }
            (fault, None) => misbehave(fault)?,
        }
    }
}

fn send(stream: &mut BufReader<TcpStream>, text: &str) -> io::Result<()> {
    let frame = [&[0x81, text.len() as u8], text.as_bytes()].concat();
    stream.get_mut().write_all(&frame)
}

fn misbehave(fault: &str) -> io::Result<()> {
    match fault {
        "crash" => std::process::exit(3),
        "slow" => SLOW.store(true, Ordering::SeqCst),
        "leak descriptors" => std::mem::forget(File::open("/dev/null")?),
        "leak sessions" => drop(SESSIONS.fetch_add(1, Ordering::SeqCst)),
        "grow" => std::mem::forget(std::hint::black_box(vec![1_u8; 50_000_000])),
        "spin" => {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(500) {
                std::hint::spin_loop();
            }
        }
        "babble" => io::stderr().write_all(&[b'x'; 10_000])?,
        "panic" => io::stderr().write_all(b"thread 'main' panicked at src/main.rs\n")?,
        _ => {}
    }
    Ok(())
}
