//! [`SessionList`]: the sessions of one connection, and which of them have something to do.

use socketio_proto::NamespaceId;

use super::{Progress, Session};

/// Sessions by their namespaces. A turn of the connection costs what its busy ones cost, however many others there are.
pub(crate) struct SessionList {
    /// In the order of the names.
    places: Vec<Place>,
    /// Where the busy ones are.
    busy: Vec<usize>,
}

struct Place {
    namespace: NamespaceId,
    session: Box<dyn Session>,
    busy: bool,
}

impl SessionList {
    pub(crate) fn new() -> Self {
        Self {
            places: Vec::new(),
            busy: Vec::with_capacity(1),
        }
    }

    /// Adds the session of a namespace that has none.
    pub(crate) fn insert(&mut self, namespace: NamespaceId, session: Box<dyn Session>) {
        self.remove(&namespace);
        let (Ok(index) | Err(index)) = self.find(&namespace);
        for busy in self.busy.iter_mut().filter(|busy| **busy >= index) {
            *busy += 1;
        }
        self.busy.push(index);
        let busy = true;
        // most clients have one: room for more would stay with them
        if self.places.is_empty() {
            self.places.reserve_exact(1);
        }
        self.places.insert(
            index,
            Place {
                namespace,
                session,
                busy,
            },
        );
    }

    pub(crate) fn remove(&mut self, namespace: &NamespaceId) -> Option<Box<dyn Session>> {
        let index = self.find(namespace).ok()?;
        Some(self.remove_at(index))
    }

    fn remove_at(&mut self, index: usize) -> Box<dyn Session> {
        self.busy.retain(|busy| *busy != index);
        for busy in self.busy.iter_mut().filter(|busy| **busy > index) {
            *busy -= 1;
        }
        self.places.remove(index).session
    }

    pub(crate) fn get(&self, namespace: &NamespaceId) -> Option<&dyn Session> {
        let place = self.places.get(self.find(namespace).ok()?)?;
        Some(&*place.session)
    }

    /// The session of a namespace, which gets something to do.
    pub(crate) fn wake(&mut self, namespace: &NamespaceId) -> Option<&mut dyn Session> {
        let index = self.find(namespace).ok()?;
        let place = self.places.get_mut(index)?;
        if !place.busy {
            place.busy = true;
            self.busy.push(index);
        }
        Some(&mut *place.session)
    }

    fn find(&self, namespace: &NamespaceId) -> Result<usize, usize> {
        self.places
            .binary_search_by(|place| place.namespace.cmp(namespace))
    }

    /// Polls the busy ones, and tells whether a client was accepted. Who is refused goes.
    pub(crate) fn poll(&mut self, mut poll: impl FnMut(&mut dyn Session) -> Progress) -> bool {
        let (mut at, mut accepted) = (0, false);
        while let Some(&index) = self.busy.get(at) {
            let Some(place) = self.places.get_mut(index) else {
                break;
            };
            match poll(&mut *place.session) {
                Progress::Refused => drop(self.remove_at(index)),
                Progress::Waits if place.session.is_idle() => {
                    place.busy = false;
                    self.busy.swap_remove(at);
                }
                progress => {
                    accepted |= progress == Progress::Accepted;
                    at += 1;
                }
            }
        }
        accepted
    }

    /// Gives back memory that is kept for what may come.
    pub(crate) fn shrink(&mut self) {
        self.places.shrink_to_fit();
        for place in &mut self.places {
            place.session.shrink();
        }
    }

    /// Bytes of events that wait for handlers. Who has any is busy.
    pub(crate) fn inbox_bytes(&self) -> usize {
        let places = self.busy.iter().filter_map(|index| self.places.get(*index));
        places.map(|place| place.session.inbox_bytes()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&NamespaceId, &dyn Session)> {
        let places = self.places.iter();
        places.map(|place| (&place.namespace, &*place.session))
    }

    /// Takes all of them out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Box<dyn Session>> {
        self.busy.clear();
        self.places.drain(..).map(|place| place.session)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;
    use std::time::Instant;

    use engineio::Text;
    use socketio_proto::server::Connection as Machine;
    use socketio_proto::{AckId, DisconnectReason, RawArgs, SocketId};

    use super::*;

    /// A session that has as much to do as it has received, and one thing to begin with.
    struct Counting(usize);

    impl Session for Counting {
        fn received(&mut self, _: Text, _: RawArgs, _: Option<AckId>) {
            self.0 += 1;
        }

        fn poll(&mut self, _: Instant, _: &mut Machine, _: &mut Context<'_>) -> Progress {
            Progress::Waits
        }

        fn id(&self) -> Option<&SocketId> {
            None
        }

        fn inbox_bytes(&self) -> usize {
            self.0
        }

        fn is_idle(&self) -> bool {
            self.0 == 0
        }

        fn upgraded(&self) {}

        fn shrink(&mut self) {}

        fn disconnected(self: Box<Self>, _: DisconnectReason) {}
    }

    fn named(name: usize) -> NamespaceId {
        NamespaceId::new(format!("/{name}")).expect("a name")
    }

    fn receive(list: &mut SessionList, name: usize, times: usize) {
        for _ in 0..times {
            let session = list.wake(&named(name)).expect("a session");
            session.received(Text::default(), RawArgs::default(), None);
        }
    }

    /// Lets nobody work, and tells how many were asked.
    fn asked(list: &mut SessionList) -> usize {
        let mut asked = 0;
        list.poll(|_| {
            asked += 1;
            Progress::Waits
        });
        asked
    }

    #[test]
    fn those_with_nothing_to_do_are_not_asked() {
        let mut list = SessionList::new();
        for name in 0..100 {
            list.insert(named(name), Box::new(Counting(0)));
        }
        assert_eq!(asked(&mut list), 100, "all of them at first");
        assert_eq!(asked(&mut list), 0);
        receive(&mut list, 42, 3);
        receive(&mut list, 7, 1);
        assert_eq!(list.inbox_bytes(), 4);
        for _ in 0..3 {
            assert_eq!(asked(&mut list), 2, "as long as they have something to do");
        }
        // others come and go, before and behind them
        list.insert(named(1000), Box::new(Counting(0)));
        list.insert(NamespaceId::ROOT, Box::new(Counting(0)));
        assert!(list.remove(&named(99)).is_some() && list.remove(&named(0)).is_some());
        assert!(list.remove(&named(0)).is_none());
        assert_eq!((asked(&mut list), asked(&mut list)), (4, 2));
        assert_eq!(list.inbox_bytes(), 4);
        assert!(list.remove(&named(42)).is_some());
        assert_eq!((list.inbox_bytes(), asked(&mut list)), (1, 1));
        assert_eq!(list.iter().count(), 99);
        assert!(list.get(&named(42)).is_none() && list.get(&named(43)).is_some());
    }

    #[test]
    fn who_is_refused_goes_and_who_is_accepted_is_asked_again() {
        let mut list = SessionList::new();
        for name in 0..10 {
            list.insert(named(name), Box::new(Counting(name % 2)));
        }
        let accepted = list.poll(|session| match session.inbox_bytes() {
            0 => Progress::Refused,
            _ => Progress::Accepted,
        });
        assert!(accepted);
        let left: Vec<String> = list.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(left, ["/1", "/3", "/5", "/7", "/9"]);
        assert_eq!(asked(&mut list), 5);
        assert_eq!(list.drain().count(), 5);
        assert_eq!((asked(&mut list), list.inbox_bytes()), (0, 0));
    }
}
