//! [`Multiplexer`]: sockets by URL, which share connections where they can.

use std::collections::HashMap;

use super::{Builder, Manager};
use crate::error::BuildError;
use crate::shared::Handle;
use crate::socket::Socket;
use crate::sync::{Arc, Mutex, Weak};

/// Sockets by URL, as Node's `io(url)` gives them: those of different namespaces on one server and
/// path share a connection. A namespace that is asked for twice gets a connection of its own
/// (`forceNew`), and so does everything that is built by [`Builder::build`].
///
/// ```no_run
/// # fn main() -> Result<(), socketio_client::BuildError> {
/// let io = socketio_client::Multiplexer::default();
/// let news = io.socket("http://localhost:3000/news")?;
/// let chat = io.socket("http://localhost:3000/chat")?; // on the same connection
/// let again = io.socket("http://localhost:3000/chat")?; // on another one
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Multiplexer {
    managers: Mutex<HashMap<String, Weak<Handle>>>,
}

impl Multiplexer {
    /// A socket of the namespace that the URL's path names.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn socket(&self, url: &str) -> Result<Socket, BuildError> {
        self.socket_with(url, |builder| builder)
    }

    /// As [`Multiplexer::socket`], with settings for the connection where a new one is needed.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn socket_with(
        &self,
        url: &str,
        settings: impl FnOnce(Builder) -> Builder,
    ) -> Result<Socket, BuildError> {
        let builder = settings(Manager::builder(url)?);
        let namespace = builder.url_namespace()?;
        let endpoint = builder.endpoint();
        let mut managers = self.managers.lock();
        managers.retain(|_, manager| manager.strong_count() > 0);
        if let Some(client) = managers.get(&endpoint).and_then(Weak::upgrade)
            && !client.knows(&namespace)
        {
            return Ok(Manager::new(client).of(namespace));
        }
        let manager = builder.build()?;
        // the first one keeps the name, as in Node
        managers
            .entry(endpoint)
            .or_insert_with(|| Arc::downgrade(&manager.client));
        Ok(manager.of(namespace))
    }
}
