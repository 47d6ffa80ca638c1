//! The official JavaScript client against this application.

check::tests!("with-poem");
