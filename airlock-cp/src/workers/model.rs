//! A worker and an enrollment token, as they are known.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::crypto::PublicKey;
use airlock_core::id::{OrgId, SessionId, TenantId, TenantSlug, WorkerId};
use serde::{Deserialize, Serialize};

/// A worker of which nothing was heard for so long is not connected, whatever its row says: its control plane died.
pub(crate) const SILENT_MAX: Duration = Duration::from_secs(60);

/// Where a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerStatus {
    /// Its tunnel is up.
    Connected,
    /// Its tunnel is down.
    Disconnected,
    /// It was taken back.
    Revoked,
}

/// What is known of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkerRecord {
    /// Its id.
    pub id: WorkerId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Where it stands.
    pub status: WorkerStatus,
    /// Fingerprint of its public key.
    pub key_fingerprint: String,
    /// The host's name, in its own words.
    pub hostname: String,
    /// The program's version, in its own words.
    pub version: String,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// Its tunnel, when it is up.
    pub session_id: Option<SessionId>,
    /// Since when the tunnel is up.
    pub connected_at: Option<Timestamp>,
    /// When it was last heard of.
    pub last_seen_at: Option<Timestamp>,
}

/// What the tunnel's handshake needs of a worker.
#[derive(Clone, Debug)]
pub struct WorkerKey {
    /// In whose log its events stand.
    pub org: OrgId,
    /// The tenant's name in the URL.
    pub slug: TenantSlug,
    /// The key that it signs with.
    pub public_key: PublicKey,
    /// Whether it was taken back.
    pub revoked: bool,
    /// Whether its tenant is let in.
    pub tenant_disabled: bool,
}

/// An enrollment token to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEnrollment {
    /// The worker that it makes.
    pub worker_id: String,
    /// How long it may be used, seconds; an hour when absent, a day at most.
    pub ttl_s: Option<u64>,
}

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentStatus {
    /// It can be used once.
    Pending,
    /// It was used.
    Used,
    /// It is past its time.
    Expired,
    /// It was taken back.
    Revoked,
}

/// What is known of an enrollment token: never its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnrollmentRecord {
    /// Its public part.
    pub id: String,
    /// Whose.
    pub tenant_id: TenantId,
    /// The worker that it makes.
    pub worker_id: WorkerId,
    /// Where it stands.
    pub status: EnrollmentStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it may be used.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}
