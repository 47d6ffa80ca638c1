//! Answers to requests: statuses, bodies, the order of checks, browsers.

use engineio::net::server::{Cookie, Cors, Options, Refusal};

use crate::support::{App, OPEN_POLLING, OPEN_WEBSOCKET, eventually, sid};

const UNKNOWN_TRANSPORT: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const UNKNOWN_SESSION: &str = r#"{"code":1,"message":"Session ID unknown"}"#;
const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const FORBIDDEN: &str = r#"{"code":4,"message":"Forbidden"}"#;
const UNSUPPORTED: &str = r#"{"code":5,"message":"Unsupported protocol version"}"#;

/// CONFORMANCE 1.2, 6 to 9. CVE-2023-31125. socketioxide #815.
#[tokio::test]
async fn refusals_have_nodes_bodies_in_the_order_of_nodes_checks() {
    let app = App::start().await;
    for (method, query, body) in [
        ("GET", "", UNKNOWN_TRANSPORT),
        ("GET", "EIO=4", UNKNOWN_TRANSPORT),
        ("GET", "transport=abc", UNKNOWN_TRANSPORT),
        ("GET", "EIO=4&transport=constructor", UNKNOWN_TRANSPORT),
        ("GET", "EIO=4&transport=__proto__", UNKNOWN_TRANSPORT),
        (
            "GET",
            "EIO=4&transport=polling&transport=polling",
            UNKNOWN_TRANSPORT,
        ),
        ("GET", "transport=abc&sid=abc", UNKNOWN_TRANSPORT),
        ("POST", "transport=abc", UNKNOWN_TRANSPORT),
        ("GET", "EIO=4&transport=polling&sid=abc", UNKNOWN_SESSION),
        ("GET", "EIO=4&transport=polling&sid=", UNKNOWN_SESSION),
        ("GET", "EIO=4&transport=polling&sid=%C3%A9", UNKNOWN_SESSION),
        (
            "GET",
            "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAA",
            UNKNOWN_SESSION,
        ),
        (
            "GET",
            "EIO=4&transport=polling&sid=a&sid=a",
            UNKNOWN_SESSION,
        ),
        ("GET", "EIO=3&transport=polling&sid=abc", UNKNOWN_SESSION),
        ("POST", "EIO=4&transport=polling&sid=abc", UNKNOWN_SESSION),
        ("GET", "EIO=4&transport=websocket&sid=abc", UNKNOWN_SESSION),
        ("POST", "EIO=4&transport=polling", BAD_METHOD),
        ("PUT", "EIO=4&transport=polling", BAD_METHOD),
        ("POST", "transport=polling", BAD_METHOD),
        ("GET", "EIO=4&transport=websocket", BAD_REQUEST),
        ("GET", "transport=polling", UNSUPPORTED),
        ("GET", "EIO=abc&transport=polling", UNSUPPORTED),
        ("GET", "EIO=3&transport=polling", UNSUPPORTED),
        ("GET", "EIO=4&EIO=4&transport=polling", UNSUPPORTED),
    ] {
        let answer = app
            .ask(method, &format!("/engine.io/?{query}"), "", "")
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, body),
            "{method} {query}"
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert_eq!(app.server.sessions(), 0);
}

/// CVE-2023-31125: code 0 was taken for "no error".
#[tokio::test]
async fn an_upgrade_with_an_unknown_transport_is_refused() {
    let app = App::start().await;
    for query in [
        "transport=__proto__",
        "transport=constructor",
        "transport=foo",
        "",
    ] {
        let answer = app
            .ask_upgrade(&format!("/engine.io/?EIO=4&{query}"), "")
            .await;
        answer.is(400, UNKNOWN_TRANSPORT);
    }
    app.ask_upgrade(OPEN_POLLING, "").await.is(400, BAD_REQUEST);
    app.ask_upgrade("/engine.io/?EIO=4&transport=websocket&sid=abc", "")
        .await
        .is(400, UNKNOWN_SESSION);
    app.ask_upgrade("/engine.io/?transport=websocket", "")
        .await
        .is(400, UNSUPPORTED);
    assert_eq!(app.server.sessions(), 0);
}

#[tokio::test]
async fn a_websocket_handshake_that_is_none_is_a_bad_request() {
    let app = App::start().await;
    for headers in [
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
    ] {
        let headers = format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{headers}");
        app.ask("GET", OPEN_WEBSOCKET, &headers, "")
            .await
            .is(400, BAD_REQUEST);
    }
    assert_eq!(app.server.sessions(), 0);
}

/// A41, socketioxide #816.
#[tokio::test]
async fn the_path_is_served_with_and_without_slash_and_nothing_below_or_beside() {
    let app = App::start().await;
    for (path, status) in [
        ("/engine.io/", 200),
        ("/engine.io", 200),
        ("/engine.io/x", 404),
        ("/engine.io-admin", 404),
        ("/engine.io//", 404),
        ("/", 404),
        ("/favicon.ico", 404),
    ] {
        let answer = app.get(&format!("{path}?EIO=4&transport=polling")).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test]
async fn answers_must_not_be_stored() {
    let app = App::start().await;
    let answer = app.get(OPEN_POLLING).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=UTF-8")
    );
}

#[tokio::test]
async fn a_preflight_is_answered_with_what_is_allowed() {
    let mut options = Options::default();
    options.cors = Some(Cors::origins(["https://good.example"]).credentials());
    let app = App::with(options).await;
    let wanted = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-a\r\n";
    let ask = async |origin: &str| {
        let headers = format!("Origin: {origin}\r\n{wanted}");
        app.ask("OPTIONS", "/engine.io/", &headers, "").await
    };
    let answer = ask("https://good.example").await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://good.example")
    );
    assert_eq!(
        answer.header("access-control-allow-credentials"),
        Some("true")
    );
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-a"));
    assert!(answer.header("access-control-max-age").is_some());
    let answer = ask("https://evil.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("vary"), Some("Origin"));
}

/// CVE-2020-28481, CVE-2019-13611. A16 on both transports.
#[tokio::test]
async fn foreign_origins_are_refused_on_both_transports() {
    let mut listed = Options::default();
    listed.cors = Some(Cors::origins(["https://good.example", "null"]));
    let mut any = Options::default();
    any.cors = Some(Cors::any().credentials());
    let (none, listed, any) = (
        App::start().await,
        App::with(listed).await,
        App::with(any).await,
    );
    for (origin, allowed) in [
        ("", [true, true, true]),
        ("http://localhost", [true, true, true]),
        ("https://localhost", [true, true, true]),
        ("http://localhost:80", [true, true, true]),
        ("http://localhost:8080", [false, false, true]),
        ("https://good.example", [false, true, true]),
        ("https://good.example.evil.example", [false, false, true]),
        ("https://evil.example", [false, false, true]),
        ("null", [false, true, true]),
    ] {
        for (app, allowed) in [&none, &listed, &any].into_iter().zip(allowed) {
            let mut headers = "Cookie: session=secret\r\n".to_owned();
            if !origin.is_empty() {
                headers += &format!("Origin: {origin}\r\n");
            }
            let polling = app.ask("GET", OPEN_POLLING, &headers, "").await;
            let websocket = app.ask_upgrade(OPEN_WEBSOCKET, &headers).await;
            if allowed {
                assert_eq!((polling.status, websocket.status), (200, 101), "{origin}");
            } else {
                polling.is(403, FORBIDDEN);
                websocket.is(403, FORBIDDEN);
                assert_eq!(polling.header("access-control-allow-origin"), None);
            }
            let star = polling.header("access-control-allow-origin") == Some("*");
            let credentials = polling.header("access-control-allow-credentials");
            assert!(!star || credentials.is_none());
        }
    }
}

/// A16: the upgrade of a session is as good a target as a new one.
#[tokio::test]
async fn a_foreign_origin_may_not_upgrade_a_session() {
    let app = App::start().await;
    let target = app.open().await;
    let upgrade = target.replace("polling", "websocket");
    let answer = app
        .ask_upgrade(&upgrade, "Origin: https://evil.example\r\n")
        .await;
    answer.is(403, FORBIDDEN);
    app.post(&target, "4a").await.is(200, "ok");
    app.get(&target).await.is(200, "4a");
}

/// A17: a browser has to be able to read why it was refused.
#[tokio::test]
async fn refusals_have_the_cors_headers_too() {
    let mut options = Options::default();
    options.cors = Some(Cors::origins(["https://good.example"]));
    let app = App::with(options).await;
    let origin = "Origin: https://good.example\r\n";
    let answer = app
        .ask("GET", "/engine.io/?EIO=4&transport=x", origin, "")
        .await;
    answer.is(400, UNKNOWN_TRANSPORT);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://good.example")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn the_handshake_sets_the_cookie_and_nothing_else_does() {
    let mut options = Options::default();
    options.cookie = Some(Cookie::new("io"));
    let app = App::with(options).await;
    let answer = app.get(OPEN_POLLING).await;
    let sid = sid(&answer.body);
    let cookie = format!("io={sid}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(answer.header("set-cookie"), Some(cookie.as_str()));
    let target = format!("{OPEN_POLLING}&sid={sid}");
    assert_eq!(app.post(&target, "4a").await.header("set-cookie"), None);
    assert_eq!(app.get(&target).await.header("set-cookie"), None);
}

/// CONFORMANCE 1.2, 7: the hook comes before the version.
#[tokio::test]
async fn the_hook_refuses_in_its_own_words_on_both_transports() {
    let options = Options::default().allow_request(|parts| {
        let allowed = parts.headers.contains_key("x-token");
        async move {
            if allowed {
                Ok(())
            } else {
                Err(Refusal::new("no \"token\""))
            }
        }
    });
    let app = App::with(options).await;
    let body = r#"{"code":4,"message":"no \"token\""}"#;
    app.get(OPEN_POLLING).await.is(403, body);
    app.get("/engine.io/?transport=polling").await.is(403, body);
    app.ask_upgrade(OPEN_WEBSOCKET, "").await.is(403, body);
    app.get("/engine.io/?EIO=4&transport=x")
        .await
        .is(400, UNKNOWN_TRANSPORT);
    let token = "X-Token: 1\r\n";
    assert_eq!(app.ask("GET", OPEN_POLLING, token, "").await.status, 200);
    assert_eq!(app.ask_upgrade(OPEN_WEBSOCKET, token).await.status, 101);
}

/// engine.io 6.6.11: a session could be continued with another version.
#[tokio::test]
async fn another_version_on_a_session_is_refused_and_changes_nothing() {
    let app = App::start().await;
    let target = app.open().await;
    for version in ["EIO=3", "EIO=5", "x=y"] {
        let wrong = target.replace("EIO=4", version);
        app.get(&wrong).await.is(400, BAD_REQUEST);
        app.post(&wrong, "4forged").await.is(400, BAD_REQUEST);
        let upgrade = wrong.replace("polling", "websocket");
        app.ask_upgrade(&upgrade, "").await.is(400, BAD_REQUEST);
    }
    app.post(&target, "4a").await.is(200, "ok");
    app.get(&target).await.is(200, "4a");
}

#[tokio::test]
async fn other_methods_on_a_session_are_refused_and_change_nothing() {
    let app = App::start().await;
    let target = app.open().await;
    for method in ["PUT", "DELETE", "PATCH"] {
        app.ask(method, &target, "", "").await.is(400, BAD_REQUEST);
    }
    app.post(&target, "4a").await.is(200, "ok");
    app.get(&target).await.is(200, "4a");
}

/// CVE-2017-16031, the cheap part: no repetition, no counter.
#[tokio::test]
async fn session_ids_do_not_repeat_and_share_no_prefix() {
    let app = App::start().await;
    let mut http = app.connect().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..300 {
        http.request("GET", OPEN_POLLING, "", "").await;
        let answer = http.answer().await;
        assert!(seen.insert(sid(&answer.body)[..8].to_owned()));
    }
    app.server.close();
    let server = &app.server;
    eventually(|| server.is_closing()).await;
}
