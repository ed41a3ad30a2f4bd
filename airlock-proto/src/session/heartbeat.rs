//! Tells a peer that lives from one that does not. HTTP/2's own pings cannot: a proxy answers them.

use std::time::Duration;

use crate::limits::PINGS_MISSED_MAX;

/// What a passed deadline means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing is due.
    Quiet,
    /// Send a ping of this number.
    Ping(u64),
    /// The peer was silent for too long.
    Dead,
}

#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    heard: Duration,
    next_ping: Duration,
    seq: u64,
}

impl Heartbeat {
    pub(super) fn new(interval: Duration, now: Duration) -> Self {
        Self { interval, heard: now, next_ping: now + interval, seq: 0 }
    }
    /// Any frame is a sign of life.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }
    pub(super) fn deadline(&self) -> Duration {
        self.next_ping.min(self.dead_at())
    }
    pub(super) fn timeout(&mut self, now: Duration) -> Beat {
        if now >= self.dead_at() {
            return Beat::Dead;
        }
        if now < self.next_ping {
            return Beat::Quiet;
        }
        // From now, not from when it was due: a process that was stopped does not catch up on pings.
        self.next_ping = now + self.interval;
        self.seq += 1;
        Beat::Ping(self.seq)
    }
    fn dead_at(&self) -> Duration {
        self.heard + self.interval * PINGS_MISSED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn pings_are_sent_each_interval_and_three_of_silence_are_death() {
        let mut beat = Heartbeat::new(s(15), s(100));
        assert_eq!(beat.deadline(), s(115));
        assert_eq!(beat.timeout(s(114)), Beat::Quiet);
        assert_eq!(beat.timeout(s(115)), Beat::Ping(1));
        assert_eq!(beat.timeout(s(130)), Beat::Ping(2));
        beat.heard(s(131));
        assert_eq!(beat.timeout(s(145)), Beat::Ping(3));
        assert_eq!(beat.timeout(s(160)), Beat::Ping(4));
        assert_eq!(beat.timeout(s(175)), Beat::Ping(5));
        assert_eq!(beat.deadline(), s(176));
        assert_eq!(beat.timeout(s(176)), Beat::Dead);
    }
}
