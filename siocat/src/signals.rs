//! Being told to end.

use std::io;

use tokio::sync::mpsc;

/// Says so at each SIGINT or SIGTERM.
///
/// # Errors
/// The system does not tell.
#[cfg(unix)]
pub(crate) fn watch() -> io::Result<mpsc::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (sender, receiver) = mpsc::channel(1);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(()).await.is_ok() {}
        });
    }
    Ok(receiver)
}

/// Says so at each Ctrl-C.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub(crate) fn watch() -> io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).await.is_ok() {}
    });
    Ok(receiver)
}
