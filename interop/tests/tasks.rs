//! The `tasks` example: who watches a project hears of a task when it is committed, and of nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failure of the test"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::Served;
use examples::tasks::Tasks;
use interop::{Failure, Running, Script};
use serde_json::{Value, json};
use socketio_server::Options;

const WAIT: Duration = Duration::from_secs(10);

fn served(database: Option<&str>) -> Served {
    let tasks = Tasks::new(Options::default(), database).unwrap();
    let server = tasks.server().clone();
    Served::start(server, 0, async move |listener, stop| {
        tasks.serve(listener, stop).await.unwrap();
    })
}

/// One request; status and body of the answer.
fn http(served: &Served, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(("127.0.0.1", served.port())).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn hears(watcher: &mut Running) -> Result<Value, Failure> {
    Ok(serde_json::from_str(&watcher.line(WAIT)?).unwrap())
}

fn watches(transport: &str) -> Result<(), Failure> {
    let served = served(None);
    let (status, project) = http(&served, "POST", "/projects", Some(&json!({"name": "one"})));
    assert_eq!((status, &project), (201, &json!({"id": 1, "name": "one"})));
    let tasks = "/projects/1/tasks";
    let (_, first) = http(&served, "POST", tasks, Some(&json!({"title": "first"})));

    let mut watcher = Script::node("tasks_watch.mjs")
        .arg(served.url())
        .arg("1")
        .arg(transport)
        .start()?;
    assert_eq!(hears(&mut watcher)?, json!({ "watching": [first] }));

    // the insert works, its commit does not: there is no project 2
    let (status, _) = http(
        &served,
        "POST",
        "/projects/2/tasks",
        Some(&json!({"title": "nowhere"})),
    );
    assert_eq!(status, 409);
    let (status, _) = http(&served, "POST", tasks, Some(&json!({"title": ""})));
    assert_eq!(status, 409);
    let (status, second) = http(&served, "POST", tasks, Some(&json!({"title": "second"})));
    assert_eq!(status, 201);
    let heard = hears(&mut watcher)?;
    assert_eq!(
        heard,
        json!({"event": "task added", "task": second}),
        "nothing before it"
    );
    // what was heard of can be read
    let (_, listed) = http(&served, "GET", tasks, None);
    assert_eq!(listed, json!([first, second]));

    let (status, done) = http(&served, "PUT", "/tasks/2/done", Some(&json!(true)));
    assert_eq!((status, &done["done"]), (200, &json!(true)));
    let heard = hears(&mut watcher)?;
    assert_eq!(heard, json!({"event": "task changed", "task": done}));

    watcher.say("end")?;
    watcher.finish(WAIT)?;
    served.settles();
    served.stop();
    Ok(())
}

#[test]
fn a_task_is_heard_of_after_its_commit_polling() -> Result<(), Failure> {
    watches("polling")
}

#[test]
fn a_task_is_heard_of_after_its_commit_websocket() -> Result<(), Failure> {
    watches("websocket")
}

#[test]
fn a_task_is_heard_of_after_its_commit_upgrade() -> Result<(), Failure> {
    watches("upgrade")
}

#[test]
fn a_project_that_is_not_there_is_not_watched() -> Result<(), Failure> {
    let served = served(None);
    let mut watcher = Script::node("tasks_watch.mjs")
        .arg(served.url())
        .arg("7")
        .arg("websocket")
        .start()?;
    let refused = hears(&mut watcher)?;
    assert_eq!(refused, json!({"refused": "there is no such thing"}));
    watcher.say("end")?;
    watcher.finish(WAIT)?;
    served.settles();
    Ok(())
}

#[test]
fn tasks_outlive_a_restart() {
    let file = std::env::temp_dir().join(format!("tasks-{}.db", std::process::id()));
    let path = file.to_str().unwrap();
    let first = served(Some(path));
    http(&first, "POST", "/projects", Some(&json!({"name": "kept"})));
    first.stop();
    let second = served(Some(path));
    let (_, projects) = http(&second, "GET", "/projects", None);
    assert_eq!(projects, json!([{"id": 1, "name": "kept"}]));
    second.stop();
    std::fs::remove_file(file).unwrap();
}
