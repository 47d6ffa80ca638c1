//! Our server, and cases that are clients of it.

use engineio::net::server::Options;

use crate::MAX_MESSAGE;
use crate::cases::sections;
use crate::frames::Sender;
use crate::net::{App, OPEN_WEBSOCKET};
use crate::play::Player;
use crate::record::Record;

#[tokio::test]
async fn our_server_passes_the_cases() {
    let mut options = Options::default();
    options.engine.max_payload = MAX_MESSAGE;
    options.hard_budget = 2 * MAX_MESSAGE;
    let mut app = App::with(options).await;
    let mut record = Record::default();
    for case in sections().iter().flat_map(|section| section()) {
        let mut websocket = app.upgrade(OPEN_WEBSOCKET).await;
        assert!(websocket.text().await.starts_with("0{"));
        let player = Player::new(websocket.http.stream, Sender::Client);
        let (verdict, ended) = player.play(&case).await;
        record.add(&case.id, verdict, ended, app.reason().await);
    }
    record.compare("server.txt");
}
