//! How often: failures by account and by address, in the store, so that all replicas count together.
//!
//! An attempt is counted before it is judged and given back if it was good: a hundred at once are a hundred.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::crypto::sha256;
use airlock_core::{Host, Timestamp};

use crate::error::ServiceError;
use crate::http::limits::neighbourhood;
use crate::store::{Row, Sql, Store, StoreError, Tx};

const WINDOW: Duration = Duration::from_secs(15 * 60);
const LOCKED_FOR: Duration = Duration::from_secs(15 * 60);

/// So many within a quarter of an hour, then nothing for as long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    what: &'static str,
    max: i64,
}

/// Wrong passwords for one account.
pub(super) const ACCOUNT: Limit = Limit { what: "sign-in/account", max: 10 };
/// Wrong passwords and tokens from one address.
pub(super) const PEER: Limit = Limit { what: "sign-in/peer", max: 50 };
/// Mails to one address that anybody may ask for.
pub(super) const MAILS: Limit = Limit { what: "mail/address", max: 5 };
/// Requests from one address that send a mail or make an account.
pub(super) const ASKS: Limit = Limit { what: "mail/peer", max: 30 };
/// Invitations of one org.
pub(super) const INVITATIONS: Limit = Limit { what: "invitation/org", max: 100 };

/// Counts attempts. Cloning shares it.
#[derive(Clone, Debug)]
pub(super) struct Throttles {
    store: Store,
    host: Arc<dyn Host>,
}

impl Throttles {
    pub(super) fn new(store: Store, host: Arc<dyn Host>) -> Self {
        Self { store, host }
    }

    /// Counts one attempt.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`], for a known name as for an unknown one.
    pub(super) async fn take(&self, limit: Limit, who: &str) -> Result<(), ServiceError> {
        let (name, now) = (name(limit, who), self.host.now());
        let mut tx = self.store.begin().await?;
        let (failures, since, locked_until) = read(&mut tx, &name, now).await?;
        if let Some(until) = locked_until.filter(|until| *until > now) {
            return Err(ServiceError::TooMany { retry_after: until.since(now) });
        }
        let anew = locked_until.is_some() || now.since(since) >= WINDOW;
        let (failures, since) = if anew { (1, now) } else { (failures + 1, since) };
        // The last one allowed is judged still; the next comes after the lock.
        let locked_until = (failures >= limit.max).then(|| now.after(LOCKED_FOR));
        let sql = Sql::new("UPDATE throttles SET failures = ?, since = ?, locked_until = ? WHERE name = ?");
        tx.execute(sql.bind(failures).bind(since).bind(locked_until).bind(&name)).await?;
        Ok(tx.commit().await?)
    }

    /// Takes one attempt back: it was good.
    pub(super) async fn give_back(&self, limit: Limit, who: &str) -> Result<(), StoreError> {
        let sql = Sql::new(
            "UPDATE throttles SET failures = failures - 1, locked_until = NULL WHERE failures > 0 AND name = ?",
        );
        self.store.execute(sql.bind(name(limit, who))).await.map(|_| ())
    }

    /// Forgets all attempts on a name.
    pub(super) async fn forget(&self, limit: Limit, who: &str) -> Result<(), StoreError> {
        let sql = Sql::new("DELETE FROM throttles WHERE name = ?").bind(name(limit, who));
        self.store.execute(sql).await.map(|_| ())
    }

    /// Forgets what no longer counts.
    pub(super) async fn clear_old(&self) -> Result<(), StoreError> {
        let day_ago = self.host.now().before(Duration::from_secs(86_400));
        self.store.execute(Sql::new("DELETE FROM throttles WHERE since < ?").bind(day_ago)).await.map(|_| ())
    }
}

/// Peers as they are counted.
pub(super) fn peer(ip: Option<IpAddr>) -> String {
    ip.map_or_else(|| "unknown".to_owned(), |ip| neighbourhood(ip).to_string())
}

// A digest: the table names nobody.
fn name(limit: Limit, who: &str) -> String {
    hex::encode(sha256(&[b"airlock/throttle/v1/", limit.what.as_bytes(), b"/", who.as_bytes()]))
}

async fn read(
    tx: &mut Tx,
    name: &str,
    now: Timestamp,
) -> Result<(i64, Timestamp, Option<Timestamp>), StoreError> {
    // First the row, then its lock: two that begin at once are counted one after the other.
    let insert = Sql::new(
        "INSERT INTO throttles (name, failures, since) VALUES (?, 0, ?) ON CONFLICT (name) DO NOTHING",
    );
    tx.execute(insert.bind(name).bind(now)).await?;
    let select = Sql::new("SELECT failures, since, locked_until FROM throttles WHERE name = ? {for_update}");
    let row: Row = tx.optional(select.bind(name)).await?.ok_or(StoreError::Damaged("throttles"))?;
    Ok((row.get("failures")?, row.time("since")?, row.time_opt("locked_until")?))
}
