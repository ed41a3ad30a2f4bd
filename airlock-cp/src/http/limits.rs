//! How often: a bounded set of rate limits, one for each key, in memory.
//!
//! Source: the generic cell rate algorithm (ATM Forum TM 4.0, 4.4.2): a whole token bucket in one instant.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

/// So many at once, and so many a minute after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many a minute.
    pub per_minute: u32,
    /// How many at once.
    pub burst: u32,
}

impl Rate {
    /// As many at once as in a minute.
    pub const fn per_minute(n: u32) -> Self {
        Self { per_minute: n, burst: n }
    }
    fn interval(self) -> Duration {
        Duration::from_secs(60) / self.per_minute.max(1)
    }
}

/// Rate limits by key, at most `max` of them: the idle ones are forgotten first.
#[derive(Debug)]
pub struct Buckets<K> {
    // When the bucket will be full again.
    full_at: Mutex<HashMap<K, Duration>>,
    max: usize,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// An empty set.
    pub fn new(max: usize) -> Self {
        Self { full_at: Mutex::new(HashMap::new()), max }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// With the time after which there is one.
    pub fn take(&self, key: &K, rate: Rate, now: Duration) -> Result<(), Duration> {
        let mut map = self.full_at.lock();
        if !map.contains_key(key) && map.len() >= self.max {
            map.retain(|_, full_at| *full_at > now);
            if map.len() >= self.max
                && let Some(idlest) = map.iter().min_by_key(|(_, at)| **at).map(|(k, _)| k.clone())
            {
                map.remove(&idlest);
            }
        }
        let full_at = map.entry(key.clone()).or_insert(now);
        let next = (*full_at).max(now) + rate.interval();
        let latest = now + rate.interval() * rate.burst;
        if next > latest {
            return Err(next - latest);
        }
        *full_at = next;
        Ok(())
    }

    /// Whether the next `take` would be refused, and for how long.
    pub fn wait(&self, key: &K, rate: Rate, now: Duration) -> Option<Duration> {
        let full_at = *self.full_at.lock().get(key)?;
        (full_at.max(now) + rate.interval())
            .checked_sub(now + rate.interval() * rate.burst)
            .filter(|d| !d.is_zero())
    }

    /// Gives a token back.
    pub fn refund(&self, key: &K, rate: Rate) {
        if let Some(full_at) = self.full_at.lock().get_mut(key) {
            *full_at = full_at.saturating_sub(rate.interval());
        }
    }
}

/// Which peers count as one: an IPv4 address, or an IPv6 network of 64 bits, which one household gets whole.
pub fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::V6(Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_burst_passes_then_one_for_each_interval() {
        let buckets = Buckets::new(10);
        let rate = Rate::per_minute(10);
        for _ in 0..10 {
            assert_eq!(buckets.take(&1, rate, S(100)), Ok(()));
        }
        assert_eq!(buckets.wait(&1, rate, S(100)), Some(S(6)));
        assert_eq!(buckets.take(&1, rate, S(100)), Err(S(6)));
        assert_eq!(buckets.take(&2, rate, S(100)), Ok(()));
        assert_eq!(buckets.take(&1, rate, S(106)), Ok(()));
        assert_eq!(buckets.take(&1, rate, S(106)), Err(S(6)));
        buckets.refund(&1, rate);
        assert_eq!(buckets.take(&1, rate, S(106)), Ok(()));
    }

    #[test]
    fn a_full_set_forgets_the_idle_and_keeps_the_busy() {
        let buckets = Buckets::new(2);
        let rate = Rate::per_minute(1);
        assert_eq!(buckets.take(&1, rate, S(0)), Ok(()));
        assert_eq!(buckets.take(&2, rate, S(30)), Ok(()));
        assert_eq!(buckets.take(&3, rate, S(61)), Ok(()));
        assert!(buckets.take(&2, rate, S(61)).is_err());
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let one = neighbourhood("2001:db8::1".parse().unwrap());
        assert_eq!(one, neighbourhood("2001:db8::ffff:2".parse().unwrap()));
        assert_eq!(neighbourhood("::ffff:10.0.0.1".parse().unwrap()), "10.0.0.1".parse::<IpAddr>().unwrap());
    }
}
