//! Leaving without losing a call: each side says that it starts nothing more, then what runs is finished.

use std::time::Duration;

use crate::limits::DRAIN_TIMEOUT;
use crate::wire;

/// How far a drain has come.
#[derive(Debug, Default)]
pub(super) struct Drain {
    sent: bool,
    received: bool,
    until: Option<Duration>,
}

impl Drain {
    /// Our word to be sent, unless it was.
    pub(super) fn send(&mut self, now: Duration, retry_after: Duration) -> Option<wire::Drain> {
        if self.sent {
            return None;
        }
        self.sent = true;
        self.until.get_or_insert(now + DRAIN_TIMEOUT);
        Some(wire::Drain { retry_after_ms: u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX) })
    }
    /// The peer's word. True when it is news.
    pub(super) fn receive(&mut self, now: Duration) -> bool {
        self.until.get_or_insert(now + DRAIN_TIMEOUT);
        !std::mem::replace(&mut self.received, true)
    }
    pub(super) fn is_begun(&self) -> bool {
        self.sent || self.received
    }
    pub(super) fn is_received(&self) -> bool {
        self.received
    }
    /// Neither side starts anything more.
    pub(super) fn is_mutual(&self) -> bool {
        self.sent && self.received
    }
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.until
    }
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now >= until)
    }
}
