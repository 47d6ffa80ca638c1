//! A floor on tokio: its port, and a task for each connection.

use std::io::{self, Write as _};

use tokio::net::{TcpListener, TcpStream};

/// Serves on `PORT`, or on 3000, for as long as the process lives.
///
/// # Errors
/// There is no runtime, or no such port.
pub fn serve<F>(attend: impl Fn(TcpStream) -> F + Send + 'static) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(runtime.spawn(accept(attend)))?
}

async fn accept<F>(attend: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let port = std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok());
    let listener = TcpListener::bind(("127.0.0.1", port.unwrap_or(3000))).await?;
    writeln!(io::stdout(), "READY {}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(attend(stream));
    }
}
