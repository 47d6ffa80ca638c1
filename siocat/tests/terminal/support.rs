//! The program in a process of its own, and a server in ours.

use std::future::Future;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use socketio_server::{Ack, Builder, ConnectError, Handshake, Namespace, NoAck, RawArgs, Socket};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(Duration::from_secs(30), future).await;
    result.unwrap_or_else(|_| panic!("it took too long: {what}"))
}

/// A running siocat.
pub struct Siocat {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<Lines<BufReader<ChildStdout>>>,
    stderr: JoinHandle<String>,
    /// The line that was seen last.
    last: Option<String>,
}

impl Siocat {
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_siocat"));
        command.args(args).kill_on_drop(true);
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: Some(BufReader::new(stdout).lines()),
            stderr: tokio::spawn(read(child.stderr.take().unwrap())),
            child,
            last: None,
        }
    }

    /// Gives it lines.
    pub async fn say(&mut self, lines: &[&str]) {
        let mut text = lines.join("\n");
        text.push('\n');
        self.write(text.as_bytes()).await;
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        within("its input", stdin.write_all(bytes)).await.unwrap();
    }

    /// The end of its input.
    pub fn close_input(&mut self) {
        self.stdin.take();
    }

    /// Its input stays open whatever becomes of this.
    pub fn keep_input(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    pub fn close_output(&mut self) {
        self.stdout.take();
    }

    /// The next line as it is, `None` at the end.
    pub async fn text(&mut self) -> Option<String> {
        let stdout = self.stdout.as_mut().unwrap();
        let what = format!("a line after {:?}", self.last);
        let line = within(&what, stdout.next_line()).await.unwrap();
        self.last.clone_from(&line);
        line
    }

    pub async fn line(&mut self) -> Value {
        let line = self.text().await;
        let line = line.unwrap_or_else(|| panic!("the output ended"));
        serde_json::from_str(&line).unwrap()
    }

    /// The next lines are these.
    pub async fn shows(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.text().await.as_deref(), Some(*expected));
        }
    }

    /// The next line that has `key`; others are skipped.
    pub async fn until(&mut self, key: &str) -> Value {
        loop {
            let line = self.line().await;
            if line.get(key).is_some() {
                return line;
            }
        }
    }

    /// It is connected; what it says of that is as it should be.
    pub async fn connected(&mut self, namespace: &str) {
        let line = self.until("connect").await;
        assert_eq!(
            (&line["nsp"], &line["recovered"]),
            (&namespace.into(), &false.into())
        );
        assert!(
            line["connect"].as_str().is_some_and(|id| id.len() >= 20),
            "{line}"
        );
    }

    pub fn terminate(&self) {
        let id = self.child.id().unwrap().to_string();
        let status = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(status.unwrap().success());
    }

    /// The lines that are left, the exit status and what it said on stderr.
    pub async fn end(mut self) -> (Vec<String>, i32, String) {
        self.close_input();
        let mut lines = Vec::new();
        if self.stdout.is_some() {
            while let Some(line) = self.text().await {
                lines.push(line);
            }
        }
        let status = within("its end", self.child.wait()).await.unwrap();
        let said = within("its stderr", self.stderr).await.unwrap();
        (lines, status.code().unwrap_or(-1), said)
    }

    /// It ends without a complaint, and without a line but these.
    pub async fn ends_well(self, expected: &[&str]) {
        let (lines, status, said) = self.end().await;
        assert_eq!((lines, status, said.as_str()), (words(expected), 0, ""));
    }
}

pub fn words(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

async fn read(mut stderr: ChildStderr) -> String {
    let mut text = String::new();
    stderr.read_to_string(&mut text).await.unwrap();
    text
}

pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn start(builder: Builder) -> Self {
        Self::start_on(builder, 0).await
    }

    pub async fn start_on(builder: Builder, port: u16) -> Self {
        let server = builder.build();
        for name in ["/", "/custom"] {
            server.mount(contract(name)).unwrap();
        }
        let guarded = Namespace::with_auth("/guarded", async |_: Handshake| {
            let refused = ConnectError::new("unauthorized");
            Err::<(), _>(refused.data(&serde_json::json!({"code": 401})).unwrap())
        });
        server.mount(guarded).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            server.serve(listener, stopped).await.unwrap();
        });
        Self {
            address,
            stop: Some(stop),
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn stop(mut self) {
        self.stop.take();
        within("the end of the server", self.task).await.unwrap();
    }
}

/// The handlers of `interop/README.md` that these tests need, and some more.
pub fn contract(name: &str) -> Namespace {
    Namespace::new(name)
        .max_in_flight(2)
        .on_connect(async |socket: Socket| {
            let auth = socket.handshake().auth::<socketio_server::Value>();
            socket.emit("auth", &auth.unwrap()).ok();
        })
        .on("message", async |socket: Socket, args: RawArgs| {
            socket.emit("message-back", &args).ok();
        })
        .on("message-with-ack", async |_: Socket, args: RawArgs| {
            Ack(args)
        })
        .on("never", async |_: Socket, (): ()| NoAck)
        .on("ask", async |socket: Socket, question: RawArgs| {
            let answer = socket.emit_with_ack::<RawArgs>("question", &question);
            match answer.await {
                Ok(answer) => Ack(answer),
                Err(error) => Ack(RawArgs::encode(&error.to_string()).unwrap()),
            }
        })
        .on("flood", async |socket: Socket, n: u32| {
            for n in 0..n {
                socket.emit_ready().await.ok();
                socket.emit("drop", &(n, "x".repeat(1000))).ok();
            }
        })
        .on("bye", async |socket: Socket, (): ()| socket.disconnect())
}

/// Arguments for each way to connect, and whether it shows an upgrade.
pub const HOW: [(&[&str], bool); 3] = [
    (&["--transport", "polling"], false),
    (&["--transport", "websocket"], false),
    (&[], true),
];
