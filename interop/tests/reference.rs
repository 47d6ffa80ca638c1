//! Every script against Node's own server: a check that fails here is a wrong check, not a wrong server.

use std::time::Duration;

use interop::{Failure, Script, Server, play_restarts};

const LIMIT: Duration = Duration::from_secs(120);

fn reference() -> Result<Server, Failure> {
    Server::start(Script::node("reference_server.mjs"), 0)
}

fn node(client: &str) -> Result<(), Failure> {
    node_over(client, &["polling", "websocket", "upgrade"])
}

fn node_over(client: &str, transports: &[&str]) -> Result<(), Failure> {
    let server = reference()?;
    for transport in transports {
        Script::node("scenario.mjs")
            .arg(server.url())
            .arg(client)
            .arg(transport)
            .run(LIMIT)?;
    }
    Ok(())
}

#[test]
fn node_client_4_8() -> Result<(), Failure> {
    node("4.8")
}

#[test]
fn node_client_with_msgpack() -> Result<(), Failure> {
    let server = Script::node("reference_server.mjs").env("PARSER", "msgpack");
    let server = Server::start(server, 0)?;
    for transport in ["polling", "websocket", "upgrade"] {
        Script::node("scenario.mjs")
            .arg(server.url())
            .arg("4.8")
            .arg(transport)
            .arg("msgpack")
            .run(LIMIT)?;
    }
    Ok(())
}

#[test]
fn node_client_4_0() -> Result<(), Failure> {
    node("4.0")
}

#[test]
fn node_client_3() -> Result<(), Failure> {
    node("3")
}

#[test]
fn node_clients_before_3() -> Result<(), Failure> {
    for client in ["2", "1"] {
        node(client)?;
        node_over(client, &["jsonp", "polling-base64", "websocket-base64"])?;
    }
    Ok(())
}

#[test]
fn python_clients() -> Result<(), Failure> {
    let server = reference()?;
    for transport in ["polling", "websocket", "upgrade"] {
        for script in [Script::python, Script::python_4] {
            let script = script("scenario.py").arg(server.url()).arg(transport);
            script.run(LIMIT)?;
        }
    }
    Ok(())
}

#[test]
fn node_clients_outlive_restarts() -> Result<(), Failure> {
    for client in ["4.8", "4.0", "3"] {
        let server = reference()?;
        let (url, port) = (server.url(), server.port());
        let script = Script::node("reconnect.mjs").arg(url).arg(client).start()?;
        let server = std::cell::RefCell::new(Some(server));
        play_restarts(
            script,
            || drop(server.take()),
            || {
                *server.borrow_mut() =
                    Some(Server::start(Script::node("reference_server.mjs"), port)?);
                Ok(())
            },
        )?;
    }
    Ok(())
}

#[test]
fn a_failing_script_says_what_it_printed() {
    let server = reference().unwrap();
    let failure = Script::node("scenario.mjs")
        .arg(server.url())
        .arg("5")
        .arg("polling")
        .run(LIMIT)
        .unwrap_err();
    let text = failure.to_string();
    assert!(
        text.contains("exit status: 2") && text.contains("client must be one of"),
        "{text}"
    );
}

#[test]
fn a_script_that_is_not_there_is_a_failure() {
    let failure = Script::node("reference_server.mjs")
        .needs("/nowhere/at/all")
        .start()
        .unwrap_err();
    assert!(
        failure.to_string().contains("run `cargo xtask setup`"),
        "{failure}"
    );
}
