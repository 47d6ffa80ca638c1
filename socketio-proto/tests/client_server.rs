//! Our client's machine against our server's, with cuts at any place: what is promised holds.
#![expect(clippy::unwrap_used, reason = "a failure of the test")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use socketio_proto::client::{self, Emit, EmitId, Settings};
use socketio_proto::server;
use socketio_proto::{Batch, CloseReason, Data, NamespaceId, Parser, RawArgs, SocketId, Text};

const NAMES: [&str; 2] = ["/", "/a"];

#[derive(Clone, Copy, Debug)]
enum Op {
    /// The client sends its next number to this namespace, and waits for the answer.
    Emit(usize),
    /// The server sends its next number to this namespace, if the client is there.
    Push(usize),
    Leave(usize),
    Enter(usize),
    /// That many messages get through, each way.
    Deliver(usize),
    /// The connection goes, with everything on it.
    Cut,
    Wait(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let place = 0..NAMES.len();
    prop_oneof![
        6 => place.clone().prop_map(Op::Emit),
        6 => place.clone().prop_map(Op::Push),
        1 => place.clone().prop_map(Op::Leave),
        3 => place.prop_map(Op::Enter),
        6 => (1..20usize).prop_map(Op::Deliver),
        2 => Just(Op::Cut),
        1 => (0..5u64).prop_map(Op::Wait),
    ]
}

struct World {
    client: client::Connection,
    server: Option<server::Connection>,
    now: Instant,
    to_server: VecDeque<Data>,
    to_client: VecDeque<Data>,
    emitted: u64,
    pushed: u64,
    /// Numbers that arrived at the server, by namespace.
    arrived: BTreeMap<NamespaceId, Vec<u64>>,
    /// Numbers that came out at the client in the present life of a namespace, and the first
    /// number that could be among them.
    received: BTreeMap<NamespaceId, Vec<u64>>,
    connected: BTreeSet<NamespaceId>,
    open: BTreeSet<EmitId>,
    ids: u8,
}

#[expect(clippy::disallowed_methods, reason = "a point to count from")]
fn any_instant() -> Instant {
    Instant::now()
}

fn ns(place: usize) -> NamespaceId {
    NamespaceId::new(*NAMES.get(place).unwrap()).unwrap()
}

fn messages(batch: &Batch) -> impl Iterator<Item = Data> {
    batch.iter().map(|frame| match frame.payload() {
        [b'4', text @ ..] if !frame.is_binary() => {
            Data::Text(Text::from_utf8(text.to_vec().into()).unwrap())
        }
        bytes => Data::Binary(bytes.to_vec().into()),
    })
}

impl World {
    fn new(retries: u32) -> Self {
        let config = Arc::new(client::Config::default());
        let mut client = client::Connection::new(Parser::Json, config);
        let mut settings = Settings::default();
        settings.retries = retries;
        for place in 0..NAMES.len() {
            client.configure(&ns(place), settings);
        }
        Self {
            client,
            server: None,
            now: any_instant(),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            emitted: 0,
            pushed: 0,
            arrived: BTreeMap::new(),
            received: BTreeMap::new(),
            connected: BTreeSet::new(),
            open: BTreeSet::new(),
            ids: 0,
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Emit(place) => {
                let emit = EmitId::new(self.emitted);
                let args = RawArgs::encode(&self.emitted).unwrap();
                self.emitted += 1;
                self.open.insert(emit);
                let options = Emit::default().ack(emit);
                let emitted = self
                    .client
                    .emit(self.now, &ns(place), "n".into(), args, options);
                emitted.unwrap();
            }
            Op::Push(place) => self.push(&ns(place)),
            Op::Leave(place) => self.client.disconnect(self.now, &ns(place)),
            Op::Enter(place) => self.client.connect(&ns(place)),
            Op::Deliver(count) => {
                for _ in 0..count {
                    self.deliver();
                }
            }
            Op::Cut => self.cut(),
            Op::Wait(seconds) => self.now += Duration::from_secs(seconds),
        }
        self.client.handle_timeout(self.now);
        self.drain();
    }

    /// The manager's part: a connection is there while one is wanted.
    fn dial(&mut self) {
        if self.server.is_none() && self.client.is_wanted() {
            let config = Arc::new(server::Config::default());
            self.server = Some(server::Connection::new(Parser::Json, config, self.now));
            self.client.handle_opened(self.now);
        }
    }

    fn cut(&mut self) {
        self.to_server.clear();
        self.to_client.clear();
        if self.server.take().is_some() {
            self.client
                .handle_closed(self.now, CloseReason::TransportClose);
        }
    }

    fn push(&mut self, name: &NamespaceId) {
        let Some(server) = &mut self.server else {
            return;
        };
        let limits = socketio_proto::Limits::default();
        let batch = Parser::Json.event(name, "n", &self.pushed, None, &limits);
        if server.send(name, batch.unwrap()).is_ok() {
            self.pushed += 1;
        }
    }

    fn deliver(&mut self) {
        if let Some(data) = self.to_server.pop_front()
            && let Some(server) = &mut self.server
        {
            server.handle_data(self.now, data);
        }
        if let Some(data) = self.to_client.pop_front() {
            self.client.handle_data(self.now, data);
        }
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            self.dial();
            if let Some(output) = self.client.poll_output() {
                self.client_output(output);
            } else if let Some(output) = self.server.as_mut().and_then(|s| s.poll_output()) {
                self.server_output(output);
            } else {
                break;
            }
        }
    }

    fn client_output(&mut self, output: client::Output) {
        match output {
            client::Output::Send(batch) => self.to_server.extend(messages(&batch)),
            client::Output::Close(reason) => {
                assert_eq!(
                    reason,
                    CloseReason::ForcedClose,
                    "nobody broke the protocol"
                );
                self.cut();
            }
            client::Output::Event(event) => self.client_event(event),
        }
    }

    fn client_event(&mut self, event: client::Event) {
        match event {
            client::Event::AuthNeeded { namespace, attempt } => {
                // one that was overtaken is refused
                self.client.authenticate(&namespace, attempt, None).ok();
            }
            client::Event::Connected { namespace, .. } => {
                assert!(self.connected.insert(namespace));
            }
            client::Event::Disconnected { namespace, .. } => {
                assert!(self.connected.remove(&namespace));
                self.received.remove(&namespace);
            }
            client::Event::Received {
                namespace, args, ..
            } => {
                let numbers = self.received.entry(namespace).or_default();
                numbers.push(args.read().unwrap());
                assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
            }
            client::Event::Acked { emit, args, .. } => {
                assert!(self.open.remove(&emit), "an ack ended twice");
                assert_eq!(
                    EmitId::new(args.read().unwrap()),
                    emit,
                    "the answer of another"
                );
            }
            client::Event::AckFailed { emit, .. } => {
                assert!(self.open.remove(&emit), "an ack ended twice");
            }
            other => panic!("{other:?}"),
        }
    }

    fn server_output(&mut self, output: server::Output) {
        match output {
            server::Output::Send(batch) => self.to_client.extend(messages(&batch)),
            server::Output::Close(reason) => panic!("the server closes: {reason}"),
            server::Output::Event(event) => self.server_event(event),
        }
    }

    fn server_event(&mut self, event: server::Event) {
        let server = self.server.as_mut().unwrap();
        match event {
            server::Event::ConnectRequested { namespace, .. } => {
                self.ids = self.ids.wrapping_add(1);
                let id = SocketId::from_entropy([self.ids; 15]);
                server.accept(self.now, &namespace, id, None).unwrap();
            }
            server::Event::Received {
                namespace,
                args,
                ack,
                ..
            } => {
                let number: u64 = args.read().unwrap();
                self.arrived
                    .entry(namespace.clone())
                    .or_default()
                    .push(number);
                let limits = socketio_proto::Limits::default();
                let answer = Parser::Json.ack(&namespace, ack.unwrap(), &number, &limits);
                server.send(&namespace, answer.unwrap()).unwrap();
            }
            server::Event::Disconnected { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Everything is delivered, through all times.
    fn settle(&mut self) {
        for place in 0..NAMES.len() {
            self.run(Op::Enter(place));
        }
        for _ in 0..100 {
            while !self.to_server.is_empty() || !self.to_client.is_empty() {
                self.deliver();
            }
            match self.client.poll_timeout() {
                Some(next) => self.now = next,
                None => return,
            }
            self.client.handle_timeout(self.now);
            self.drain();
        }
        panic!("it never rests");
    }
}

proptest! {
    #[test]
    fn events_arrive_at_most_once_in_order_and_every_ack_ends(
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let mut world = World::new(0);
        let cuts = ops.iter().any(|op| matches!(op, Op::Cut | Op::Leave(_) | Op::Wait(_)));
        for op in ops {
            world.run(op);
        }
        world.settle();
        prop_assert!(world.open.is_empty());
        prop_assert_eq!((world.client.buffered(), world.client.pending_acks()), (0, 0));
        let mut count = 0;
        for numbers in world.arrived.values() {
            prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{:?}", numbers);
            count += numbers.len() as u64;
        }
        // without a fault all of them do
        prop_assert!(cuts || count == world.emitted);
    }

    #[test]
    fn with_retries_they_arrive_at_least_once_and_first_in_order(
        ops in prop::collection::vec(op(), 0..80),
    ) {
        let mut world = World::new(1_000_000);
        for op in ops {
            world.run(op);
        }
        world.settle();
        prop_assert!(world.open.is_empty());
        prop_assert_eq!(world.client.buffered(), 0);
        let mut all = BTreeSet::<u64>::new();
        for numbers in world.arrived.values() {
            // an event is doubled only by the one behind which it comes again
            prop_assert!(numbers.is_sorted(), "{:?}", numbers);
            all.extend(numbers);
        }
        prop_assert_eq!(all.len() as u64, world.emitted);
    }
}
