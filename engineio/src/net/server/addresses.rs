//! [`Addresses`]: what is limited by the address of a client, where it is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::Sid;
use crate::net::sync::{AtomicBool, Mutex, Ordering};
use crate::net::trace::warning;

/// The time for which [`Options::max_handshakes_per_address`](super::Options) is a number.
const MINUTE: Duration = Duration::from_secs(60);
/// As many networks are remembered without looking which of them may be forgotten.
const FEW: usize = 1024;

/// Who counts as one client: an IPv4 address, also behind NAT64 (RFC 6052), or an IPv6 network of 64 bits. A subscriber
/// has at least that one, and changes his addresses in it as he likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(IpAddr);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => match address.segments() {
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    let [(a, b), (c, d)] = [high, low].map(|part| ((part >> 8) as u8, part as u8));
                    IpAddr::from([a, b, c, d])
                }
                [a, b, c, d, ..] => Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into(),
            },
            address => address,
        })
    }
}

/// Keyed by wire data: the standard maps hash with random keys.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    sessions: Mutex<HashMap<Network, usize>>,
    handshakes: Mutex<Handshakes>,
    owners: Mutex<HashMap<Sid, Option<Network>>>,
    warned: AtomicBool,
}

impl Addresses {
    /// Counts one more session, unless there are `limit` already.
    pub(super) fn open_session(&self, network: Network, limit: usize) -> bool {
        if limit == 0 {
            return false;
        }
        let mut sessions = self.sessions.lock();
        let count = sessions.entry(network).or_default();
        let opened = *count < limit;
        *count += usize::from(opened);
        opened
    }

    /// One session less.
    pub(super) fn close_session(&self, network: Network) {
        if let Entry::Occupied(mut count) = self.sessions.lock().entry(network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Limits by address are set, and addresses are not told.
    pub(super) fn warn_once(&self) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            warning!(
                "limits by address do nothing for clients without one: see `PeerAddr` and `TrustedProxies`"
            );
        }
    }

    /// Whether one more handshake is within `limit` a minute; then it is counted.
    pub(super) fn handshake(&self, network: Network, limit: u32, now: Instant) -> bool {
        self.handshakes.lock().take(network, limit, now)
    }

    /// From now on the session is this client's.
    pub(super) fn give(&self, sid: Sid, client: Option<IpAddr>) {
        let network = client.map(Network::from);
        self.owners.lock().insert(sid, network);
    }

    /// Whether the session is this client's; `None` where it is nobody's.
    pub(super) fn owns(&self, sid: Sid, client: Option<IpAddr>) -> Option<bool> {
        let owners = self.owners.lock();
        let owner = owners.get(&sid)?;
        Some(*owner == client.map(Network::from))
    }

    /// The session has ended.
    pub(super) fn forget(&self, sid: Sid) {
        self.owners.lock().remove(&sid);
    }
}

/// When the handshakes of each network are paid off, if each takes its part of a minute: it may be a minute in debt.
#[derive(Debug, Default)]
struct Handshakes {
    paid: HashMap<Network, Instant>,
    /// With so many networks, those without debt are forgotten.
    sweep_at: usize,
}

impl Handshakes {
    fn take(&mut self, network: Network, limit: u32, now: Instant) -> bool {
        let Some(each) = MINUTE.checked_div(limit) else {
            return false;
        };
        if self.paid.len() >= self.sweep_at.max(FEW) {
            self.paid.retain(|_, paid| *paid > now);
            self.sweep_at = self.paid.len() * 2;
            self.paid.shrink_to(self.sweep_at.max(FEW));
        }
        let paid = self.paid.entry(network).or_insert(now);
        let then = (*paid).max(now) + each;
        let within = then <= now + MINUTE;
        if within {
            *paid = then;
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::from(address.parse::<IpAddr>().expect("an address"))
    }

    fn numbered(n: u32) -> Network {
        Network::from(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn who_counts_as_one_client() {
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
        assert_eq!(network("64:ff9b::1.2.3.4"), network("1.2.3.4"));
        assert_ne!(network("1.2.3.4"), network("1.2.3.5"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    }

    #[test]
    fn handshakes_are_so_many_at_once_and_then_evenly_in_time() {
        let (mut handshakes, start) = (Handshakes::default(), crate::net::clock::now());
        let one = network("1.2.3.4");
        let mut taken = |seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            (0..100).filter(|_| handshakes.take(one, 6, now)).count()
        };
        assert_eq!([0, 9, 10, 35, 36].map(&mut taken), [6, 0, 1, 2, 0]);
        assert_eq!(taken(3600), 6, "an hour is not saved up");
        let other = network("1.2.3.5");
        assert!(handshakes.take(other, 6, start + Duration::from_secs(3600)));
        assert!(!handshakes.take(network("1.2.3.6"), 0, start));
    }

    #[test]
    fn networks_without_debt_are_forgotten() {
        let (mut handshakes, start) = (Handshakes::default(), crate::net::clock::now());
        let debtor = network("2001:db8::1");
        assert!(handshakes.take(debtor, 1, start));
        for second in 0..1000 {
            let now = start + Duration::from_secs(second);
            let forgiven = handshakes.take(debtor, 1, now);
            assert_eq!(forgiven, second > 0 && second % 60 == 0, "{second}");
            for n in 0..100 {
                assert!(handshakes.take(numbered(second as u32 * 100 + n), 1, now));
            }
            // a minute of them is in debt, and as many again may wait to be forgotten
            let remembered = handshakes.paid.len();
            assert!(remembered <= 2 * 6000 + 100, "{remembered} at {second}");
        }
    }

    #[test]
    fn so_many_sessions_and_handshakes_and_nothing_is_left_of_them() {
        let (addresses, one) = (Addresses::default(), network("1.2.3.4"));
        let opened = [(); 3].map(|()| addresses.open_session(one, 2));
        assert_eq!(opened, [true, true, false]);
        addresses.close_session(one);
        assert!(addresses.open_session(one, 2));
        addresses.close_session(one);
        addresses.close_session(one);
        assert!(!addresses.open_session(one, 0));
        assert!(addresses.sessions.lock().is_empty());
        let now = crate::net::clock::now();
        let shaken = [(); 3].map(|()| addresses.handshake(one, 2, now));
        assert_eq!(shaken, [true, true, false]);
    }

    #[test]
    fn a_session_is_its_clients_until_it_ends() {
        let (addresses, sid) = (Addresses::default(), Sid::from_entropy([7; 15]));
        let [client, other] = ["1.2.3.4", "5.6.7.8"].map(|address| address.parse().ok());
        addresses.give(sid, client);
        assert_eq!(addresses.owns(sid, client), Some(true));
        assert_eq!(
            [other, None].map(|other| addresses.owns(sid, other)),
            [Some(false); 2]
        );
        addresses.forget(sid);
        assert_eq!(addresses.owns(sid, client), None);
        addresses.give(sid, None);
        assert_eq!(addresses.owns(sid, None), Some(true));
    }
}
