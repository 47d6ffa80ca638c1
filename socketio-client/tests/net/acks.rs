//! Answers, both ways.

use std::time::Duration;

use socketio_client::{
    Ack, AckError, Args, Binary, Incoming, NoAck, RawArgs, SendError, Socket, Value,
};
use socketio_server::{Namespace, Server};
use tokio::sync::Notify;

use super::support::{HOW, How, Running, within};
use std::sync::Arc;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn the_server_answers_with_anything() {
    let running = Running::contract().await;
    for how in HOW {
        let socket = running.socket(how);
        // before the connect: it waits
        let early = socket.emit_with_ack::<String>("message-with-ack", &"early");
        within("connect", socket.connect()).await.unwrap();
        assert_eq!(within("early", early).await.unwrap(), "early");
        let bytes = Binary(b"\x00\x1e\xff".as_slice().into());
        let payload = Args((1, bytes.clone(), "x"));
        let ack = socket.emit_with_ack::<Args<(u8, Binary, String)>>("message-with-ack", &payload);
        let Args((one, back, x)) = within("binary", ack).await.unwrap();
        assert_eq!((one, back, x.as_str()), (1, bytes, "x"));
        let none = socket.emit_with_ack::<RawArgs>("message-with-ack", &Args(()));
        assert!(within("none", none).await.unwrap().is_empty());
        let wrong = socket.emit_with_ack::<u8>("message-with-ack", &"text");
        assert!(matches!(
            within("wrong", wrong).await,
            Err(AckError::Decode(_))
        ));
        let refused = socket.emit_with_ack::<u8>("connect", &1).await;
        assert!(matches!(refused, Err(AckError::Send(SendError::Encode(_)))));
    }
}

#[tokio::test]
async fn a_thousand_answers_find_their_questions() {
    let running = Running::contract().await;
    let socket = running.socket(How::Upgrade);
    socket.connect();
    let asked: Vec<_> = (0..1000u32)
        .map(|n| socket.emit_with_ack::<u32>("message-with-ack", &n))
        .collect();
    for (n, ack) in (0..).zip(asked) {
        assert_eq!(within("an answer", ack).await, Ok(n));
    }
}

#[tokio::test]
async fn we_answer_by_what_handlers_return() {
    let running = Running::contract().await;
    let socket = running.socket(How::Upgrade);
    within("connect", socket.connect()).await.unwrap();
    let ask = async |question: &str| {
        let asked = socket.emit_with_ack::<RawArgs>("ask", question);
        let answer = within(question, asked).await.unwrap();
        let texts: Vec<_> = answer.iter().map(str::to_owned).collect();
        texts.join(",")
    };
    let id = socket.on("question", async |_: Socket, question: String| {
        Ack(Args((question, 2)))
    });
    assert_eq!(ask("two values").await, r#""two values",2"#);
    socket.off_listener(id);
    let id = socket.on("question", async |socket: Socket, question: String| {
        // an own ack in between
        let own: Value = socket
            .emit_with_ack("message-with-ack", &question)
            .await
            .unwrap();
        Ack((own, Binary(b"b".as_slice().into())))
    });
    assert_eq!(
        ask("binary").await,
        r#"["binary",{"_placeholder":true,"num":0}]"#
    );
    socket.off_listener(id);
    let id = socket.on("question", async |_: Socket, _: String| {});
    assert_eq!(ask("nothing said").await, "");
    socket.off_listener(id);
    let id = socket.on("question", async |_: Socket, question: String| {
        if question == "fine" {
            Ok(Ack(1))
        } else {
            Err(Ack("not fine"))
        }
    });
    assert_eq!(ask("fine").await, "1");
    assert_eq!(ask("else").await, r#""not fine""#);
    socket.off_listener(id);

    let mut events = socket.events();
    let asked = socket.emit_with_ack::<u8>("ask", &"stream");
    let question = within("the question", events.recv()).await;
    assert!(question.wants_ack());
    question.answer(&7).unwrap();
    question.answer(&8).unwrap();
    assert_eq!(within("the first answer", asked).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_answered_learns_it_in_time() {
    let server = Server::default();
    let namespace = Namespace::new("/")
        .on("silence", async |_: socketio_server::Socket, (): ()| {
            std::future::pending::<()>().await;
        })
        .on("no answer", async |_: socketio_server::Socket, (): ()| {
            NoAck
        });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let socket = running.socket(How::WebSocket);
    within("connect", socket.connect()).await.unwrap();
    let started = tokio::time::Instant::now();
    let ack = socket.emit_with_ack::<u8>("no answer", &()).timeout(ms(50));
    assert_eq!(ack.await, Err(AckError::Timeout));
    let ack = socket.timeout(ms(50)).emit_with_ack::<u8>("no answer", &());
    assert_eq!(ack.await, Err(AckError::Timeout));
    assert!((ms(100)..ms(1000)).contains(&started.elapsed()));
    let ack = socket.timeout(ms(0)).emit_with_ack::<u8>("silence", &());
    assert_eq!(ack.await, Err(AckError::Timeout));
    socket.ack_timeout(ms(200));
    let started = tokio::time::Instant::now();
    assert_eq!(
        socket.emit_with_ack::<u8>("silence", &()).await,
        Err(AckError::Timeout)
    );
    assert!((ms(200)..ms(1000)).contains(&started.elapsed()));
}

#[tokio::test]
async fn a_disconnect_ends_the_wait_for_what_was_sent_and_only_that() {
    let arrived = Arc::new(Notify::new());
    let server = Server::default();
    let namespace = Namespace::new("/")
        .on("silence", {
            let arrived = Arc::clone(&arrived);
            async move |_: socketio_server::Socket, (): ()| {
                arrived.notify_one();
                NoAck
            }
        })
        .on("echo", async |_: socketio_server::Socket, n: u8| Ack(n));
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let socket = running.socket(How::WebSocket);
    within("connect", socket.connect()).await.unwrap();
    let sent = socket.emit_with_ack::<u8>("silence", &());
    within("its arrival", arrived.notified()).await;
    socket.disconnect();
    assert_eq!(within("the end", sent).await, Err(AckError::Disconnected));
    let unsent = socket.emit_with_ack::<u8>("echo", &7);
    let dropped = socket.volatile().emit_with_ack::<u8>("echo", &7);
    assert_eq!(within("volatile", dropped).await, Err(AckError::Dropped));
    let late = socket.timeout(ms(1)).emit_with_ack::<u8>("silence", &());
    assert_eq!(within("late", late).await, Err(AckError::Timeout));
    within("connect", socket.connect()).await.unwrap();
    assert_eq!(within("unsent", unsent).await, Ok(7));
    let never = socket.emit_with_ack::<u8>("silence", &());
    drop(socket);
    running.server.broadcast().disconnect_sockets(true);
    assert_eq!(within("the end", never).await, Err(AckError::Disconnected));
}

#[tokio::test]
async fn a_question_without_listeners_is_left_to_the_server_s_clock() {
    let server = Server::builder().ack_timeout(ms(50)).build();
    let namespace =
        Namespace::new("/").on("ask", async |socket: socketio_server::Socket, (): ()| {
            let answer = socket.emit_with_ack::<u8>("question", &());
            Ack(answer.await.unwrap_err().to_string())
        });
    server.mount(namespace).unwrap();
    let running = Running::start(server).await;
    let socket = running.socket(How::WebSocket);
    within("connect", socket.connect()).await.unwrap();
    let words = socket.emit_with_ack::<String>("ask", &());
    assert_eq!(
        within("no listener", words).await.unwrap(),
        "operation has timed out"
    );
    socket.on("question", async |_: Socket, (): ()| NoAck);
    let words = socket.emit_with_ack::<String>("ask", &());
    assert_eq!(
        within("no answer", words).await.unwrap(),
        "operation has timed out"
    );
}

/// A server that asks the client `question` when it is told to `ask`, and says what came.
async fn asking() -> Running {
    let server = Server::default();
    let ask = async |socket: socketio_server::Socket, (): ()| {
        let answer = socket.emit_with_ack::<i32>("question", &()).await;
        Ack(answer.unwrap_or(-1))
    };
    server.mount(Namespace::new("/").on("ask", ask)).unwrap();
    Running::start(server).await
}

#[tokio::test]
async fn an_answer_for_which_there_was_no_room_can_be_given_again() {
    let running = asking().await;
    let manager = running.manager().max_buffered(10_000).build().unwrap();
    let socket = manager.socket("/").unwrap();
    socket.on_raw("question", async |_: Socket, question: Incoming| {
        let large = question.answer(&"x".repeat(20_000));
        assert_eq!(large, Err(SendError::Full));
        question.answer(&1).unwrap();
        question.answer(&2).unwrap();
        NoAck
    });
    within("connect", socket.connect()).await.unwrap();
    let answer = socket.timeout(ms(2000)).emit_with_ack::<i32>("ask", &());
    assert_eq!(within("answer", answer).await, Ok(1));
}

#[tokio::test]
async fn an_answer_that_cannot_be_sent_is_an_error_for_whoever_gives_it() {
    let running = asking().await;
    let socket = running.socket(How::WebSocket);
    let many = || vec![Binary(b"x".as_slice().into()); 11];
    socket.on_raw("question", async move |_: Socket, question: Incoming| {
        let answer = question.answer(&many());
        assert!(matches!(answer, Err(SendError::Encode(_))), "{answer:?}");
        question.answer(&1).unwrap();
        NoAck
    });
    within("connect", socket.connect()).await.unwrap();
    let answer = socket.timeout(ms(2000)).emit_with_ack::<i32>("ask", &());
    assert_eq!(within("answer", answer).await, Ok(1));
    // of a handler, on_error hears
    socket.off("question");
    let told = Arc::new(Notify::new());
    let tell = Arc::clone(&told);
    socket.on_error(move |_, _| tell.notify_one());
    socket.on("question", async move |_: Socket, _: RawArgs| Ack(many()));
    socket.emit("ask", &()).unwrap();
    within("the error", told.notified()).await;
}
