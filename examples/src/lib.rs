//! What the example programs share: settings from the environment, `READY`, and SIGTERM. The larger ones live here
//! as modules, so that tests can serve them in their own process.

pub mod chat;
pub mod tasks;

/// The code of the guides is compiled with the tests.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/from-rust-socketio.md")]
    mod from_rust_socketio {}
    #[doc = include_str!("../../docs/node-to-rust.md")]
    mod node_to_rust {}
    #[doc = include_str!("../../docs/proxies.md")]
    mod proxies {}
    #[doc = include_str!("../../docs/from-socketioxide.md")]
    mod from_socketioxide {}
}

use std::fmt::Display;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use engineio::net::server::{Cors, Options};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Connections that may wait to be accepted. `TcpListener::bind` leaves room for 128; a client that finds none tries again
/// after one second, then after two, four. Node has 511.
const BACKLOG: i32 = 1024;

/// A setting that cannot be used.
#[derive(Debug)]
pub struct BadSetting(String);

impl BadSetting {
    /// Says what is wrong with `name`.
    pub fn new(name: &str, problem: impl Display) -> Self {
        Self(format!("{name}: {problem}"))
    }
}

/// Reads an environment variable; `None` when it is not set or empty.
///
/// # Errors
/// When it does not read as a `T`.
pub fn setting<T: FromStr<Err: Display>>(name: &str) -> Result<Option<T>, BadSetting> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value
            .parse()
            .map(Some)
            .map_err(|error| BadSetting::new(name, format!("{error} ({value:?})"))),
        _ => Ok(None),
    }
}

/// Reads a number of milliseconds.
///
/// # Errors
/// When it is no number.
pub fn millis(name: &str) -> Result<Option<Duration>, BadSetting> {
    Ok(setting(name)?.map(Duration::from_millis))
}

/// Applies the settings that all servers know: `PING_INTERVAL_MS`, `PING_TIMEOUT_MS`,
/// `UPGRADE_TIMEOUT_MS`, `MAX_PAYLOAD`, `TRANSPORTS`, `CORS_ORIGIN`, `ALLOW_EIO3`.
///
/// # Errors
/// When one of them cannot be used.
pub fn engine_options(mut options: Options) -> Result<Options, BadSetting> {
    let engine = &mut options.engine;
    if let Some(interval) = millis("PING_INTERVAL_MS")? {
        engine.ping_interval = interval;
    }
    if let Some(timeout) = millis("PING_TIMEOUT_MS")? {
        engine.ping_timeout = timeout;
    }
    if let Some(timeout) = millis("UPGRADE_TIMEOUT_MS")? {
        engine.upgrade_timeout = timeout;
    }
    if let Some(max) = setting("MAX_PAYLOAD")? {
        engine.max_payload = max;
    }
    if let Some(transports) = setting::<String>("TRANSPORTS")? {
        (engine.polling, engine.websocket) = (false, false);
        for name in transports.split(',') {
            match name.trim() {
                "polling" => engine.polling = true,
                "websocket" => engine.websocket = true,
                other => {
                    return Err(BadSetting::new(
                        "TRANSPORTS",
                        format!("expected polling or websocket, found {other:?}"),
                    ));
                }
            }
        }
    }
    match setting::<String>("CORS_ORIGIN")?.as_deref() {
        None => {}
        Some("*") => options.cors = Some(Cors::any()),
        Some(list) => {
            let list: Vec<String> = list
                .split(',')
                .map(|origin| origin.trim().to_owned())
                .collect();
            options.cors = Some(Cors::origins(list).credentials());
        }
    }
    options.engine.allow_eio3 = match setting::<String>("ALLOW_EIO3")?.as_deref() {
        None | Some("0") => false,
        Some("1") => true,
        Some(other) => {
            return Err(BadSetting::new(
                "ALLOW_EIO3",
                format!("expected 0 or 1, found {other:?}"),
            ));
        }
    };
    Ok(options)
}

/// Binds to `HOST` and `PORT` (default 127.0.0.1 and 3000; port 0 picks a free one).
///
/// # Errors
/// When they cannot be used.
pub async fn bind() -> Result<TcpListener, BadSetting> {
    let host = setting::<String>("HOST")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let port: u16 = setting("PORT")?.unwrap_or(3000);
    let bound = TcpListener::bind((host.as_str(), port)).await;
    let bound = bound.and_then(|listener| {
        SockRef::from(&listener).listen(BACKLOG)?;
        Ok(listener)
    });
    bound.map_err(|error| {
        BadSetting::new("PORT", format!("cannot listen on {host}:{port}: {error}"))
    })
}

/// Prints `READY`, with the address when the port was picked.
///
/// # Errors
/// When the listener has no address.
pub fn ready(listener: &TcpListener) -> Result<SocketAddr, BadSetting> {
    let address = listener
        .local_addr()
        .map_err(|error| BadSetting::new("PORT", error))?;
    let mut out = std::io::stdout().lock();
    let line = match setting::<u16>("PORT")? {
        Some(0) => format!("READY {address}\n"),
        _ => "READY\n".to_owned(),
    };
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .ok();
    Ok(address)
}

/// Ready when the process is asked to end. Asked a second time, it ends at once.
pub async fn terminated() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    let mut asked = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    asked().await;
    tokio::spawn(async move {
        asked().await;
        std::process::exit(1);
    });
}

/// Runs an example: a bad setting is one line on stderr and exit status 2.
pub fn main(run: impl Future<Output = Result<(), BadSetting>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(|error| BadSetting::new("runtime", error))
        .and_then(|rt| rt.block_on(run))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(BadSetting(problem)) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}
