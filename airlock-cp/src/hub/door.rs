//! What a stranger meets before a session: a bound on handshakes at once, on failures of one address, and a memory of
//! hellos, so that none is taken twice.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use airlock_proto::limits::NONCE_MEMORY;

/// Handshakes at once. Each may hold one frame.
const HANDSHAKES_MAX: usize = 1024;
/// Failures of one address in one window after which it is turned away.
const FAILURES_MAX: u32 = 5;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered. More in one window than this are not throttled, only bounded by [`HANDSHAKES_MAX`].
const ADDRESSES_MAX: usize = 65_536;
/// Hellos remembered: ten minutes of a hundred a second. A forgotten one gains nothing by itself: the challenge is new.
const NONCES_MAX: usize = 60_000;

#[derive(Debug)]
pub(super) struct Door {
    handshakes: Arc<Semaphore>,
    failures: Mutex<HashMap<IpAddr, Failures>>,
    nonces: Mutex<Nonces>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Duration,
    count: u32,
}

#[derive(Debug, Default)]
struct Nonces {
    known: HashSet<[u8; 32]>,
    by_age: VecDeque<(Duration, [u8; 32])>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            failures: Mutex::default(),
            nonces: Mutex::default(),
        }
    }
}

impl Door {
    /// Room for one more handshake, if there is.
    pub(super) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.handshakes.clone().try_acquire_owned().ok()
    }

    /// Whether this address failed too often of late.
    pub(super) fn is_throttled(&self, ip: IpAddr, now: Duration) -> bool {
        self.failures
            .lock()
            .get(&network(ip))
            .is_some_and(|f| now < f.since + WINDOW && f.count >= FAILURES_MAX)
    }

    /// Counts a failure of this address.
    pub(super) fn failed(&self, ip: IpAddr, now: Duration) {
        let mut failures = self.failures.lock();
        if failures.len() >= ADDRESSES_MAX {
            failures.retain(|_, f| now < f.since + WINDOW);
        }
        let full = failures.len() >= ADDRESSES_MAX;
        match failures.get_mut(&network(ip)) {
            Some(f) if now < f.since + WINDOW => f.count += 1,
            Some(f) => *f = Failures { since: now, count: 1 },
            None if full => {}
            None => _ = failures.insert(network(ip), Failures { since: now, count: 1 }),
        }
    }

    /// Takes note of a hello's nonce. False when it was seen before.
    pub(super) fn is_new(&self, nonce: [u8; 32], now: Duration) -> bool {
        let mut nonces = self.nonces.lock();
        while let Some(&(at, old)) = nonces.by_age.front() {
            if now < at + NONCE_MEMORY && nonces.by_age.len() < NONCES_MAX {
                break;
            }
            nonces.by_age.pop_front();
            nonces.known.remove(&old);
        }
        let is_new = nonces.known.insert(nonce);
        if is_new {
            nonces.by_age.push_back((now, nonce));
        }
        is_new
    }
}

/// Who owns one address of IPv6 owns the /64 around it.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn five_failures_a_minute_turn_an_address_away_until_the_minute_is_over() {
        let door = Door::default();
        let [a, b]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        for _ in 0..5 {
            assert!(!door.is_throttled(a, s(10)));
            door.failed(a, s(10));
        }
        assert!(door.is_throttled(a, s(69)) && !door.is_throttled(b, s(69)));
        // The same address as IPv6 sees it.
        assert!(door.is_throttled("::ffff:192.0.2.1".parse().unwrap(), s(11)));
        assert!(!door.is_throttled(a, s(70)));
        door.failed(a, s(70));
        assert!(!door.is_throttled(a, s(71)));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let door = Door::default();
        for i in 0..5 {
            door.failed(format!("2001:db8::{i}").parse().unwrap(), s(1));
        }
        assert!(door.is_throttled("2001:db8::ffff".parse().unwrap(), s(2)));
        assert!(!door.is_throttled("2001:db8:0:1::1".parse().unwrap(), s(2)));
    }

    #[test]
    fn a_nonce_is_taken_once_and_memory_is_bounded() {
        let door = Door::default();
        assert!(door.is_new([1; 32], s(0)));
        assert!(!door.is_new([1; 32], s(599)));
        assert!(door.is_new([1; 32], s(600)));
        for i in 0..NONCES_MAX as u64 + 10 {
            let mut nonce = [0; 32];
            nonce[..8].copy_from_slice(&i.to_le_bytes());
            door.is_new(nonce, s(601));
        }
        let nonces = door.nonces.lock();
        assert!(nonces.known.len() <= NONCES_MAX);
        assert_eq!(nonces.known.len(), nonces.by_age.len());
    }

    #[test]
    fn handshakes_at_once_are_bounded() {
        let door = Door::default();
        let inside: Vec<_> = (0..HANDSHAKES_MAX).map(|_| door.enter().unwrap()).collect();
        assert!(door.enter().is_none());
        drop(inside);
        assert!(door.enter().is_some());
    }
}
