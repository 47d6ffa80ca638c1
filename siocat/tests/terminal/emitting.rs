//! Events, both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use socketio_server::{Builder, Namespace, Parser, Server, Socket};
use tokio::net::TcpListener;

use super::support::{HOW, Running, Siocat, within};

#[tokio::test]
async fn events_and_bytes_go_both_ways_over_every_transport() {
    let running = Running::start(Builder::default()).await;
    for (args, upgrades) in HOW {
        let mut siocat = Siocat::start(&[&[running.url().as_str()], args].concat());
        siocat
            .say(&[
                r#"["message", 1, {"b": [{"$bin": "AAH/"}], "a": "ü\n"}, null, 1.5]"#,
                r#"{"emit": ["message"]}"#,
                r#"["message", {"$bin": 7}, {"$bin": "eA==", "x": 1}]"#,
            ])
            .await;
        let mut shown = Vec::new();
        let mut upgraded = false;
        while shown.len() < 4 || upgrades && !upgraded {
            let line = siocat.text().await.unwrap();
            // the upgrade may come before the connect
            if line.contains("\"connect\":") {
                continue;
            }
            if line == r#"{"nsp":"/","transport":"websocket"}"# {
                upgraded = true;
            } else {
                shown.push(line);
            }
        }
        assert_eq!(upgraded, upgrades);
        assert_eq!(
            shown,
            [
                r#"{"nsp":"/","event":["auth",{}]}"#,
                r#"{"nsp":"/","event":["message-back",1,{"b":[{"$bin":"AAH/"}],"a":"ü\n"},null,1.5]}"#,
                r#"{"nsp":"/","event":["message-back"]}"#,
                r#"{"nsp":"/","event":["message-back",{"$bin":7},{"$bin":"eA==","x":1}]}"#,
            ]
        );
        siocat
            .ends_well(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
            .await;
    }
}

#[tokio::test]
async fn msgpack_and_credentials_are_as_the_server_wants_them() {
    let running = Running::start(Server::builder().parser(Parser::Msgpack)).await;
    let url = running.url();
    let auth = r#"{"token": "t", "n": [1]}"#;
    let mut siocat = Siocat::start(&[&url, "--parser", "msgpack", "--auth", auth, "--no-upgrade"]);
    siocat.connected("/").await;
    siocat
        .shows(&[r#"{"nsp":"/","event":["auth",{"token":"t","n":[1]}]}"#])
        .await;
    siocat
        .say(&[r#"["message", {"$bin": "eA=="}, -1, 2.5]"#])
        .await;
    siocat
        .shows(&[r#"{"nsp":"/","event":["message-back",{"$bin":"eA=="},-1,2.5]}"#])
        .await;
    siocat
        .ends_well(&[r#"{"nsp":"/","disconnect":"io client disconnect"}"#])
        .await;
}

/// A server that counts what it is sent, and answers everything.
async fn counter() -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::builder().build();
    let namespace = Namespace::new("/").on("count", {
        let count = Arc::clone(&count);
        async move |_: Socket, n: usize| {
            // in order, and none twice
            count
                .compare_exchange(n, n + 1, Ordering::SeqCst, Ordering::SeqCst)
                .ok();
        }
    });
    server.mount(namespace).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    (url, count)
}

#[tokio::test]
async fn a_piped_input_is_sent_whole_before_the_end() {
    for (args, _) in HOW {
        let (url, count) = counter().await;
        let mut siocat = Siocat::start(&[&[url.as_str()], args].concat());
        let lines: Vec<String> = (0..1000).map(|n| format!("[\"count\",{n}]")).collect();
        // no connection is there yet, and the last line has no end
        siocat.write(lines.join("\n").as_bytes()).await;
        let (lines, status, said) = siocat.end().await;
        assert_eq!((status, said.as_str()), (0, ""), "{lines:?}");
        within("all of them", async {
            while count.load(Ordering::SeqCst) < 1000 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn with_retries_everything_is_acknowledged_before_the_end() {
    let (url, count) = counter().await;
    let mut siocat = Siocat::start(&[&url, "--retries", "3", "--transport", "websocket"]);
    let lines: Vec<String> = (0..50).map(|n| format!("[\"count\",{n}]")).collect();
    siocat.write(lines.join("\n").as_bytes()).await;
    let (_, status, said) = siocat.end().await;
    assert_eq!(
        (status, said.as_str(), count.load(Ordering::SeqCst)),
        (0, "", 50)
    );

    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--retries", "2", "--ack-timeout", "50"]);
    siocat.say(&["[\"never\"]"]).await;
    let (_, status, said) = siocat.end().await;
    assert_eq!(
        (status, said.as_str()),
        (0, "siocat: line 1: no ack: timeout\n")
    );
}

#[tokio::test]
async fn bad_lines_are_reported_with_their_number_and_skipped() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--no-upgrade"]);
    siocat.connected("/").await;
    siocat.write(b"\n{\n[\"message\",1]\n\xff\xfe\n").await;
    siocat
        .say(&[
            r#"["message",{"$bin":"*"}]"#,
            r#"{"emit":["message"],"nsp":"/unknown"}"#,
            r#"["connect",1]"#,
            r#"{"emit":["connect",1],"ack":true,"tag":1}"#,
            r#"{"answer":1}"#,
            r#"["message",2]"#,
        ])
        .await;
    let mut long = vec![b' '; 16 * 1024 * 1024 + 1];
    long.push(b'\n');
    siocat.write(&long).await;
    siocat.say(&[r#"["message",3]"#]).await;
    siocat
        .shows(&[
            r#"{"nsp":"/","event":["auth",{}]}"#,
            r#"{"nsp":"/","event":["message-back",1]}"#,
            r#"{"nsp":"/","event":["message-back",2]}"#,
            r#"{"nsp":"/","event":["message-back",3]}"#,
        ])
        .await;
    let (_, status, said) = siocat.end().await;
    assert_eq!(status, 0);
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "line 2: EOF while parsing",
        "line 4: no valid UTF-8",
        "line 5: \"$bin\" is no base64",
        "line 6: there is no /unknown yet",
        "line 7: ",
        "line 8: ",
        "line 9: nothing waits for the answer 1",
        "line 11: longer than 16 MiB",
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for expected in expected {
        let is_there = lines
            .iter()
            .any(|line| line.starts_with(&format!("siocat: {expected}")));
        assert!(is_there, "{expected}: {said}");
    }
}

#[tokio::test]
async fn a_reader_that_stops_for_a_while_loses_nothing_and_one_that_goes_ends_it() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--transport", "websocket"]);
    siocat.connected("/").await;
    // far more than the pipe and siocat's own buffers hold
    siocat.say(&["[\"flood\",30000]"]).await;
    siocat.shows(&[r#"{"nsp":"/","event":["auth",{}]}"#]).await;
    for n in 0..30_000 {
        assert_eq!(siocat.line().await["event"][1][0], json!(n));
    }
    siocat.say(&["[\"flood\",1000]"]).await;
    siocat.line().await;
    siocat.close_output();
    // it has not come to the end of its input
    let stdin = siocat.keep_input();
    let (_, status, said) = siocat.end().await;
    assert_eq!((status, said.as_str()), (0, ""));
    drop(stdin);
}
