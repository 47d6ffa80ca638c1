//! Acks, both ways.

use socketio_server::Builder;

use super::support::{HOW, Running, Siocat};

const BYE: &str = r#"{"nsp":"/","disconnect":"io client disconnect"}"#;

#[tokio::test]
async fn acks_come_with_the_tag_of_their_emit() {
    let running = Running::start(Builder::default()).await;
    for (args, _) in HOW {
        let url = running.url();
        let mut siocat = Siocat::start(&[&[url.as_str(), "--ack-timeout", "300"], args].concat());
        siocat
            .say(&[
                r#"{"emit": ["message-with-ack", 1, {"$bin": "eA=="}], "ack": true, "tag": "t1"}"#,
                r#"{"emit": ["message-with-ack"], "ack": true}"#,
                r#"{"emit": ["never"], "ack": true, "tag": {"n": 2}}"#,
                r#"{"emit": ["message-with-ack", 3], "tag": "nobody asked"}"#,
            ])
            .await;
        let (lines, status, said) = siocat.end().await;
        let acks: Vec<_> = lines.iter().filter(|line| line.contains("\"ack")).collect();
        assert_eq!(
            acks,
            [
                r#"{"nsp":"/","ack":[1,{"$bin":"eA=="}],"tag":"t1"}"#,
                r#"{"nsp":"/","ack":[]}"#,
                r#"{"nsp":"/","ack_error":"timeout","tag":{"n":2}}"#,
            ]
        );
        assert_eq!((status, said.as_str()), (0, ""));
        assert_eq!(lines.last().unwrap(), BYE);
    }
}

#[tokio::test]
async fn what_ends_a_connection_ends_the_wait() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--transport", "websocket"]);
    siocat.connected("/").await;
    siocat
        .say(&[
            r#"{"emit": ["never"], "ack": true, "tag": 1}"#,
            r#"["bye"]"#,
        ])
        .await;
    let (mut lines, status, _) = siocat.end().await;
    lines.sort();
    let expected = [
        r#"{"nsp":"/","ack_error":"disconnected","tag":1}"#,
        r#"{"nsp":"/","disconnect":"io server disconnect"}"#,
        r#"{"nsp":"/","event":["auth",{}]}"#,
    ];
    assert_eq!((lines, status), (super::support::words(&expected), 0));

    // dropped: what is volatile does not wait for a connection; never sent: the namespace is left
    let mut siocat = Siocat::start(&[&running.url()]);
    siocat
        .say(&[
            r#"{"emit": ["message-with-ack"], "ack": true, "tag": 1, "volatile": true}"#,
            r#"{"connect": "/custom"}"#,
            r#"{"disconnect": "/custom"}"#,
            r#"{"emit": ["message-with-ack"], "nsp": "/custom", "ack": true, "tag": 2}"#,
        ])
        .await;
    let (lines, status, said) = siocat.end().await;
    for line in [
        r#"{"nsp":"/","ack_error":"dropped","tag":1}"#,
        r#"{"nsp":"/custom","ack_error":"disconnected","tag":2}"#,
    ] {
        assert!(lines.iter().any(|own| own == line), "{lines:?}");
    }
    assert_eq!(
        (status, said.as_str()),
        (
            0,
            "siocat: not everything was sent: there is no connection\n"
        )
    );
}

#[tokio::test]
async fn the_server_s_questions_are_answered_by_lines() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--transport", "websocket"]);
    siocat.connected("/").await;
    siocat
        .say(&[
            r#"{"emit": ["ask", "why"], "ack": true, "tag": "a"}"#,
            r#"{"emit": ["ask", {"$bin": "eA=="}], "ack": true, "tag": "b"}"#,
        ])
        .await;
    siocat
        .shows(&[
            r#"{"nsp":"/","event":["auth",{}]}"#,
            r#"{"nsp":"/","event":["question","why"],"ack_id":1}"#,
            r#"{"nsp":"/","event":["question",{"$bin":"eA=="}],"ack_id":2}"#,
        ])
        .await;
    siocat
        .say(&[
            r#"{"answer": 2, "args": ["so", {"$bin": "AA=="}]}"#,
            r#"{"answer": 2}"#,
        ])
        .await;
    siocat
        .shows(&[r#"{"nsp":"/","ack":["so",{"$bin":"AA=="}],"tag":"b"}"#])
        .await;
    siocat.say(&[r#"{"answer": 1}"#]).await;
    siocat.shows(&[r#"{"nsp":"/","ack":[],"tag":"a"}"#]).await;
    // whoever is disconnected is not asked any more
    siocat.say(&[r#"["ask", 3]"#]).await;
    siocat
        .shows(&[r#"{"nsp":"/","event":["question",3],"ack_id":3}"#])
        .await;
    siocat.say(&[r#"{"disconnect": "/"}"#]).await;
    siocat.shows(&[BYE]).await;
    siocat.say(&[r#"{"answer": 3}"#]).await;
    let (lines, status, said) = siocat.end().await;
    assert_eq!((lines.len(), status), (0, 0));
    let expected = "siocat: line 3: nothing waits for the answer 2\n".replace('3', "4");
    assert_eq!(
        said,
        format!("{expected}siocat: line 8: nothing waits for the answer 3\n")
    );
}

#[tokio::test]
async fn questions_can_be_answered_with_their_own_words() {
    let running = Running::start(Builder::default()).await;
    let mut siocat = Siocat::start(&[&running.url(), "--auto-ack", "--transport", "polling"]);
    siocat.connected("/").await;
    siocat
        .say(&[r#"{"emit": ["ask", 1, {"$bin": "eA=="}], "ack": true}"#])
        .await;
    siocat
        .shows(&[
            r#"{"nsp":"/","event":["auth",{}]}"#,
            r#"{"nsp":"/","event":["question",1,{"$bin":"eA=="}],"ack_id":1}"#,
            r#"{"nsp":"/","ack":[1,{"$bin":"eA=="}]}"#,
        ])
        .await;
    siocat.ends_well(&[BYE]).await;
}
