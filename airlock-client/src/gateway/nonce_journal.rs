//! Which nonces were seen of late, behind a lock. In a program of your own prefer
//! [`approvals::RemoteGate`](crate::approvals::RemoteGate), which keeps its journal in a file.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::Host;
use airlock_core::approval::NonceJournal as Journal;
use airlock_core::runtime::SystemHost;
use parking_lot::Mutex;

/// Remembers nonces for a time; a decision is believed once.
///
/// ```
/// use std::time::Duration;
/// use airlock_client::gateway::nonce_journal::NonceJournal;
///
/// let journal = NonceJournal::new(Duration::from_secs(900));
/// assert!(journal.try_record("n1"));
/// assert!(!journal.try_record("n1"));
/// assert_eq!(journal.count(), 1);
/// ```
#[derive(Debug)]
pub struct NonceJournal {
    seen: Mutex<Journal>,
    host: Arc<dyn Host>,
}

impl NonceJournal {
    /// An empty journal.
    pub fn new(ttl: Duration) -> Self {
        Self { seen: Mutex::new(Journal::new(ttl)), host: Arc::new(SystemHost::new()) }
    }
    /// Takes note of a nonce; `false` when it was seen within the time.
    pub fn try_record(&self, nonce: &str) -> bool {
        self.seen.lock().try_record(nonce, self.host.now())
    }
    /// Whether it was seen within the time.
    pub fn has_seen(&self, nonce: &str) -> bool {
        self.seen.lock().has_seen(nonce, self.host.now())
    }
    /// How many are remembered.
    pub fn count(&self) -> usize {
        self.seen.lock().count(self.host.now())
    }
}
