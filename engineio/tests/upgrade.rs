//! Moving from long-polling to WebSocket (engine.io-protocol v4, "Upgrade").

use engineio::server::LinkId;
use engineio::{CloseReason, Config, Data, Transport};
use testkit::{Pair, Scripted, Upgrade, ms, secs};

fn texts(data: &[Data]) -> Vec<String> {
    let text = |data: &Data| match data {
        Data::Text(text) => text.as_str().to_owned(),
        Data::Binary(bytes) => format!("{bytes:?}"),
    };
    data.iter().map(text).collect()
}

fn numbers(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

#[test]
fn an_upgrade_is_probe_pong_and_five() {
    let mut s = Scripted::polling();
    s.open_link(1).expect(&[]);
    assert!(s.session().is_probing());
    s.text(1, "2probe").expect(&["frame 1: 3probe"]);
    assert_eq!(s.session().transport(), Transport::Polling);
    assert_eq!(s.session().link(), None);
    s.text(1, "5").expect(&["upgraded"]);
    assert_eq!(s.session().transport(), Transport::WebSocket);
    assert_eq!(s.session().link(), Some(LinkId::new(1)));
    s.text(1, "4hello")
        .send("hi")
        .expect(&["message hello", "frame 1: 4hi"]);
}

/// Contract 5. CONFORMANCE 1.4, 26.
#[test]
fn messages_sent_during_the_upgrade_arrive_once_and_in_order() {
    for (http, websocket) in [(0, 0), (40, 40), (5, 90), (90, 5)] {
        let mut p = Pair::polling(Config::default(), true).latency(ms(http), ms(websocket));
        for n in 0..50 {
            p.client.send(numbers("up", 50)[n].as_str());
            p.serve(numbers("down", 50)[n].as_str());
            p.run_for(ms(7));
        }
        p.run_for(secs(5));
        assert_eq!(p.upgraded(), 1, "{p}");
        assert_eq!(texts(p.received()), numbers("up", 50), "{p}");
        assert_eq!(texts(p.client.received()), numbers("down", 50), "{p}");
        assert!(matches!(p.client.upgrade(), Upgrade::Done(_)));
    }
}

/// CONFORMANCE 1.4, 23. A19: engineioxide closed the session on any failed upgrade.
#[test]
fn a_probe_that_fails_leaves_long_polling_as_it_was() {
    for fail in [
        |s: &mut Scripted| s.text(1, "abc").outputs(),
        |s: &mut Scripted| s.text(1, "5").outputs(),
        |s: &mut Scripted| s.text(1, "4hello").outputs(),
        |s: &mut Scripted| s.text(1, "1").outputs(),
        |s: &mut Scripted| s.link(1, Data::Binary(vec![1].into())).outputs(),
        |s: &mut Scripted| s.text(1, "2probe").text(1, "2").outputs(),
        |s: &mut Scripted| s.text(1, "2probe").text(1, "4early").outputs(),
        |s: &mut Scripted| s.advance(secs(10)).outputs(),
        |s: &mut Scripted| s.cut(1, CloseReason::TransportError).outputs(),
        |s: &mut Scripted| {
            s.text(1, "2probe")
                .cut(1, CloseReason::TransportClose)
                .outputs()
        },
    ] {
        let mut s = Scripted::polling();
        s.poll(1).post_head(2).open_link(1).expect(&[]);
        let outputs = fail(&mut s);
        let allowed = ["frame 1: 3probe", "close link 1"];
        assert!(
            outputs.iter().all(|line| allowed.contains(&line.as_str())),
            "{outputs:?}"
        );
        assert!(!s.session().is_probing());
        s.send("a").post_body(2, "4b");
        s.expect(&["message b", "reply 2: ok", "reply 1: 4a"]);
        s.text(1, "4ghost").expect(&[]);
        // and another probe may be tried
        s.upgrade(2).expect(&["frame 2: 3probe", "upgraded"]);
    }
}

/// #731, #732: an abandoned upgrade kept the session and its buffers for ever.
#[test]
fn a_probe_has_ten_seconds_whatever_it_says() {
    let mut s = Scripted::polling();
    s.open_link(1)
        .advance(secs(9))
        .text(1, "2probe")
        .expect(&["frame 1: 3probe"]);
    s.advance(ms(999)).expect(&[]);
    s.advance(ms(1)).expect(&["close link 1"]);
    assert_eq!(s.timeout(), Some(secs(25)));
}

#[test]
fn a_probe_may_not_go_on_probing() {
    let mut s = Scripted::polling();
    s.open_link(1)
        .text(1, "2probe")
        .text(1, "2probe")
        .text(1, "2probe");
    s.expect(&["frame 1: 3probe"; 3]);
    s.text(1, "2probe").expect(&["close link 1"]);
}

/// CONFORMANCE 1.4, 24. #136: the NOOP came at the wrong moment.
#[test]
fn a_waiting_poll_is_freed_100_ms_after_the_probe() {
    let mut s = Scripted::polling();
    s.poll(1).open_link(1).advance(secs(1)).text(1, "2probe");
    s.expect(&["frame 1: 3probe"]);
    s.advance(ms(99)).expect(&[]);
    s.advance(ms(1)).expect(&["reply 1: 6"]);
}

/// #497, #554: the NOOP came only once, and a second poll waited for ever.
#[test]
fn every_poll_after_the_probe_is_freed_100_ms_after_it_came() {
    let mut s = Scripted::polling();
    s.open_link(1)
        .text(1, "2probe")
        .expect(&["frame 1: 3probe"]);
    for request in 1..5 {
        s.advance(ms(50)).poll(request).advance(ms(99)).expect(&[]);
        s.advance(ms(1)).expect(&[&format!("reply {request}: 6")]);
    }
}

#[test]
fn a_poll_before_the_probe_waits() {
    let mut s = Scripted::polling();
    s.poll(1).open_link(1).advance(secs(5)).expect(&[]);
}

#[test]
fn messages_cancel_the_noop() {
    let mut s = Scripted::polling();
    s.poll(1).open_link(1).text(1, "2probe").send("a");
    s.expect(&["frame 1: 3probe", "reply 1: 4a"]);
    s.advance(secs(1)).expect(&[]);
}

/// CONFORMANCE 1.4, 25: the poll may be seen before the `5`.
#[test]
fn a_poll_that_meets_the_upgrade_packet_gets_400() {
    let mut s = Scripted::polling();
    s.open_link(1)
        .text(1, "2probe")
        .poll(1)
        .advance(ms(50))
        .text(1, "5");
    s.expect(&["frame 1: 3probe", "reply 1: refused 3", "upgraded"]);
    // #136 and 0.5.1: no NOOP afterwards, on no transport
    s.advance(secs(1)).expect(&[]);
}

#[test]
fn requests_after_the_upgrade_get_400_and_change_nothing() {
    let mut s = Scripted::polling();
    s.upgrade(1).poll(1).post_head(2);
    s.expect(&[
        "frame 1: 3probe",
        "upgraded",
        "reply 1: refused 3",
        "reply 2: refused 3",
    ]);
    s.text(1, "4here").expect(&["message here"]);
}

/// CONFORMANCE 1.4, 27. A18: a parallel upgrade could close the session.
#[test]
fn a_second_websocket_is_closed_and_the_first_goes_on() {
    let mut s = Scripted::polling();
    s.open_link(1).open_link(2).expect(&["close link 2"]);
    s.text(2, "2probe")
        .text(2, "5")
        .cut(2, CloseReason::TransportError)
        .expect(&[]);
    s.text(1, "2probe")
        .text(1, "5")
        .expect(&["frame 1: 3probe", "upgraded"]);
    s.open_link(3).text(3, "2probe").expect(&["close link 3"]);
    s.cut(3, CloseReason::TransportClose)
        .text(1, "4here")
        .expect(&["message here"]);
}

/// A18: in Node a second WebSocket may take over a session that was opened on one.
#[test]
fn a_session_opened_on_a_websocket_cannot_be_taken_over() {
    let mut s = Scripted::websocket();
    s.upgrade(1).expect(&["close link 1"]);
    s.text(1, "4forged")
        .send("secret")
        .expect(&["frame 0: 4secret"]);
    assert_eq!(s.session().transport(), Transport::WebSocket);
}

#[test]
fn what_waited_for_a_poll_leaves_on_the_websocket_before_what_comes_later() {
    let mut s = Scripted::polling();
    s.send("a")
        .send("b")
        .open_link(1)
        .text(1, "2probe")
        .send("c")
        .text(1, "5");
    s.send("d");
    s.expect(&[
        "frame 1: 3probe",
        "frame 1: 4a",
        "frame 1: 4b",
        "frame 1: 4c",
        "upgraded",
        "frame 1: 4d",
    ]);
}

/// #135: the connect handler ran twice.
#[test]
fn an_upgrade_opens_nothing_and_is_told_once() {
    let mut p = Pair::polling(Config::default(), true).latency(ms(10), ms(10));
    p.drive_until(|p| p.upgraded() == 1);
    p.run_for(secs(60));
    assert_eq!((p.upgraded(), p.closed()), (1, None), "{p}");
    assert_eq!(p.client.pings(), 2);
}

/// #479, #487: two polls during the upgrade and nothing for 25 s.
#[test]
fn an_upgrade_is_over_in_well_under_a_second() {
    let mut p = Pair::polling(Config::default(), true).latency(ms(30), ms(30));
    p.run_for(ms(500));
    assert_eq!(p.upgraded(), 1, "{p}");
}

#[test]
fn a_websocket_that_breaks_while_it_is_probed_costs_nothing() {
    for moment in [5, 15, 25, 35, 45] {
        let mut p = Pair::polling(Config::default(), true).latency(ms(10), ms(10));
        p.serve("before");
        p.run_for(ms(moment));
        p.cut_websocket();
        p.client.send("up");
        p.serve("after");
        p.run_for(secs(5));
        if p.closed().is_none() {
            assert_eq!(texts(p.client.received()), ["before", "after"], "{p}");
            assert_eq!(texts(p.received()), ["up"], "{p}");
        } else {
            assert!(matches!(p.client.upgrade(), Upgrade::Done(_)), "{p}");
        }
    }
}

/// engine.io #284.
#[test]
fn closing_during_an_upgrade_still_delivers_what_was_sent() {
    let mut s = Scripted::polling();
    s.open_link(1)
        .text(1, "2probe")
        .send("a")
        .close(CloseReason::ForcedClose);
    s.expect(&["frame 1: 3probe", "close link 1", "closed: forced close"]);
    s.poll(1).expect(&["reply 1: 4a|6|1"]);
}

#[test]
fn an_upgrade_ends_a_post_whose_body_is_missing() {
    let mut s = Scripted::polling();
    s.post_head(1).upgrade(1);
    s.expect(&["frame 1: 3probe", "reply 1: refused 3", "upgraded"]);
    s.post_body(1, "4late").expect(&[]);
}

#[test]
fn the_heartbeat_runs_on_while_a_probe_is_silent() {
    let mut s = Scripted::polling();
    s.advance(secs(20)).open_link(1).poll(1).advance(secs(5));
    s.expect(&["reply 1: 2"]);
    s.advance(secs(20));
    s.expect(&["close link 1", "closed: ping timeout"]);
}

/// #579: what is closed leaves no socket behind.
#[test]
fn a_session_that_ends_takes_its_probe_with_it() {
    for end in [
        |s: &mut Scripted| s.close(CloseReason::ForcedClose).outputs(),
        |s: &mut Scripted| s.close(CloseReason::ServerError).outputs(),
        |s: &mut Scripted| s.drop_poll(1).outputs(),
        |s: &mut Scripted| s.post(2, "1").outputs(),
        |s: &mut Scripted| s.post(2, "nonsense").outputs(),
    ] {
        let mut s = Scripted::polling();
        s.poll(1)
            .open_link(1)
            .text(1, "2probe")
            .expect(&["frame 1: 3probe"]);
        let outputs = end(&mut s);
        assert!(outputs.contains(&"close link 1".to_owned()), "{outputs:?}");
        s.text(1, "5").text(1, "4late").expect(&[]);
    }
}

#[test]
fn a_probe_that_ended_leaves_no_timer() {
    let mut s = Scripted::polling();
    s.open_link(1).cut(1, CloseReason::TransportClose);
    assert_eq!(s.timeout(), Some(secs(25)));
    s.open_link(2).text(2, "garbage");
    assert_eq!(s.timeout(), Some(secs(25)));
}
