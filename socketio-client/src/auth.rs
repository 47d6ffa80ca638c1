//! [`Auth`]: where the credentials of a namespace come from.

use std::future::Future;
use std::pin::Pin;

use engineio::Text;
use serde::Serialize;
use socketio_proto::{ConnectError, EncodeError};

use crate::sync::Arc;

/// Credentials that are on their way.
pub(crate) type Asking = Pin<Box<dyn Future<Output = Result<Option<Text>, ConnectError>> + Send>>;

/// Asked at every connection.
#[derive(Clone, Default)]
pub(crate) enum Auth {
    #[default]
    None,
    Value(Text),
    Function(Arc<dyn Fn() -> Asking + Send + Sync>),
}

/// A value that is a JSON object.
pub(crate) fn object<T: Serialize + ?Sized>(value: &T) -> Result<Text, EncodeError> {
    let text = serde_json::to_string(value)
        .map_err(|error| EncodeError::Serialize(error.to_string().into()))?;
    if text.starts_with('{') {
        Ok(text.into())
    } else {
        let expected = "credentials are an object";
        Err(EncodeError::Serialize(expected.into()))
    }
}

pub(crate) fn function<F, Fut, T>(function: F) -> Auth
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, ConnectError>> + Send + 'static,
    T: Serialize,
{
    Auth::Function(Arc::new(move || {
        let asking = function();
        Box::pin(async move {
            let value = asking.await?;
            let object = object(&value);
            Ok(Some(
                object.map_err(|error| ConnectError::new(error.to_string()))?,
            ))
        })
    }))
}
