//! Requests that two servers read differently: what stands behind them must not be executed.

use super::MB;
use crate::attack::POLLING;
use crate::outcome::{check, short};
use crate::{Attack, Outcome, Script};

pub(super) const SCRIPTS: &[Script] = &[
    Script::new("Content-Length: +3", "CVE-2021-32715", |attack| {
        smuggle(attack, "Content-Length: +3\r\n\r\n4ab")
    })
    .memory(MB),
    Script::new("two lengths", "CVE-2021-21299", |attack| {
        smuggle(attack, "Content-Length: 3\r\nContent-Length: 4\r\n\r\n4ab")
    })
    .memory(MB),
    Script::new("a list of lengths", "CVE-2021-21299", |attack| {
        smuggle(attack, "Content-Length: 3, 4\r\n\r\n4ab")
    })
    .memory(MB),
    Script::new("Content-Length and Transfer-Encoding", "CVE-2021-21299", length_and_chunked).memory(MB),
    Script::new("Transfer-Encoding: xchunked", "CVE-2021-21299", |attack| {
        smuggle(attack, "Transfer-Encoding: xchunked\r\n\r\n3\r\n4ab\r\n0\r\n\r\n")
    })
    .memory(MB),
    Script::new("two Transfer-Encodings", "CVE-2021-21299", |attack| {
        smuggle(attack, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n3\r\n4ab\r\n0\r\n\r\n")
    })
    .memory(MB),
    Script::new("a chunk size that overflows", "CVE-2021-32714", |attack| {
        smuggle(attack, "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n4ab\r\n0\r\n\r\n")
    })
    .memory(MB),
    Script::new("a chunk size that is no number", "CVE-2021-32714", |attack| {
        smuggle(attack, "Transfer-Encoding: chunked\r\n\r\n+3\r\n4ab\r\n0\r\n\r\n")
    })
    .memory(MB),
    Script::new("a chunk that ends with a bare LF", "1.3 (bare LF)", |attack| {
        smuggle(attack, "Transfer-Encoding: chunked\r\n\r\n3\n4ab\n0\n\n")
    })
    .memory(MB),
    Script::new("a header that is folded or padded", "1.3 (smuggling)", padded_headers).memory(MB),
    Script::new("a body behind a GET", "CVE-2020-35863", body_of_a_get).memory(MB),
];

/// A POST with this end of its head, and a handshake behind it.
fn smuggle(attack: &Attack<'_>, headers_and_body: &str) -> Outcome {
    let target = attack.open()?;
    let before = attack.gauges()?.sessions;
    let mut peer = attack.peer()?;
    let behind = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.pour(
        format!("POST {target} HTTP/1.1\r\nHost: x\r\n{headers_and_body}{behind}").as_bytes(),
        1,
    )?;
    let said = peer.ended()?;
    let said = String::from_utf8_lossy(&said);
    check!(
        said.starts_with("HTTP/1.1 400"),
        "it said {:?}",
        short(&said)
    );
    check!(
        !said.contains("\"sid\""),
        "the request behind was executed: {:?}",
        short(&said)
    );
    let sessions = attack.gauges()?.sessions;
    check!(sessions <= before, "{sessions} sessions");
    Ok(())
}

/// RFC 9112, 6.1: the length may be ignored, but then the connection must end with the answer.
fn length_and_chunked(attack: &Attack<'_>) -> Outcome {
    for headers in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    ] {
        let target = attack.open()?;
        let mut peer = attack.peer()?;
        let behind = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\n\r\n");
        let body = "2\r\n40\r\n0\r\n\r\n";
        peer.pour(
            format!("POST {target} HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}{behind}").as_bytes(),
            1,
        )?;
        let said = peer.ended()?;
        let said = String::from_utf8_lossy(&said);
        check!(
            said.starts_with("HTTP/1.1 200") && said.ends_with("\r\n\r\nok"),
            "it said {:?}",
            short(&said)
        );
        attack.post(&target, "1")?.has(200)?;
    }
    Ok(())
}

fn padded_headers(attack: &Attack<'_>) -> Outcome {
    for headers in [
        "Content-Length : 3\r\n\r\n4ab",
        "X: y\r\n Content-Length: 3\r\n\r\n4ab",
        "\tX: y\r\n\r\n",
    ] {
        smuggle(attack, headers)?;
    }
    Ok(())
}

fn body_of_a_get(attack: &Attack<'_>) -> Outcome {
    let inner = "GET /gauges HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut peer = attack.peer()?;
    peer.send(format!(
        "GET {POLLING} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{inner}",
        inner.len()
    ))?;
    peer.answer()?.has(200)?;
    peer.send(format!(
        "GET {POLLING}x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    ))?;
    let said = peer.ended()?;
    let said = String::from_utf8_lossy(&said);
    check!(
        said.starts_with("HTTP/1.1 400"),
        "the body was executed: {:?}",
        short(&said)
    );
    Ok(())
}
