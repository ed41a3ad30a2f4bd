//! Argon2id over API keys and passwords, on few threads: it is slow and hungry on purpose, so that it must not become an
//! attack.
//!
//! Source: RFC 9106; parameters of data.md 10.3 (19 MiB, two passes, one lane: OWASP's first choice for Argon2id), and
//! more for passwords, which people choose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use airlock_core::{Host, Secret};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// Of an API key: 256 random bits.
    pub(crate) const KEY: Self = Self { memory_kib: 19_456, passes: 2 };
    /// Of a person's password.
    pub(crate) const PASSWORD: Self = Self { memory_kib: 65_536, passes: 3 };
}

const LANES: u32 = 1;
// More waiting than this is an attack or a storm; both are better told to come back.
const WAITING_MAX: usize = 256;

/// Too many hashes wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overloaded;

pub(crate) type Seat = OwnedSemaphorePermit;

/// Half of the cores for hashing, at least one. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Hashing {
    cost: Cost,
    seats: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    runs: Arc<AtomicU64>,
    // What an unknown key or address is checked against, so that it takes the same time.
    dummy: Arc<str>,
}

impl Hashing {
    pub(crate) fn new(host: &dyn Host) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cost = Cost::KEY;
        Self {
            cost,
            seats: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: Arc::default(),
            runs: Arc::default(),
            dummy: dummy(host, cost).into(),
        }
    }

    /// The same seats for hashes of another cost, counted apart.
    pub(crate) fn at_cost(&self, host: &dyn Host, cost: Cost) -> Self {
        Self { cost, runs: Arc::default(), dummy: dummy(host, cost).into(), ..self.clone() }
    }

    /// How many hashes were computed.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// The PHC string of a new text.
    pub(crate) async fn hash(&self, host: &dyn Host, text: Secret<String>) -> Result<String, Overloaded> {
        let mut salt = [0; 16];
        host.random(&mut salt);
        let seat = self.seat().await?;
        let cost = self.cost;
        self.run(seat, move || hash_now(text.expose(), &salt, cost)).await.map(|(phc, _)| phc)
    }

    /// Whether a hash was made at another cost than new ones are.
    pub(crate) fn needs_rehash(&self, phc: &str) -> bool {
        !phc.starts_with(&prefix(self.cost))
    }

    /// Other slow work on the same few threads.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let seat = self.seat().await?;
        let work = move || (work(), seat);
        tokio::task::spawn_blocking(work).await.map(|(value, _)| value).map_err(|_| Overloaded)
    }

    /// Whether `text` is what `phc` was made from; without `phc`, no, after the same work. `still_needed` is asked once
    /// a seat is free: another call may have answered meanwhile. The seat comes with the verdict and is kept until that
    /// is remembered, so that the next in line finds it.
    pub(crate) async fn matches(
        &self,
        text: Secret<String>,
        phc: Option<String>,
        still_needed: impl FnOnce() -> bool,
    ) -> Result<Option<(bool, Seat)>, Overloaded> {
        let seat = self.seat().await?;
        if !still_needed() {
            return Ok(None);
        }
        let (dummy, cost) = (self.dummy.clone(), self.cost);
        let work = move || {
            let known = phc.is_some();
            let phc = phc.as_deref().unwrap_or(&dummy);
            // What the hash names is what is computed, whatever new ones cost.
            let matches = PasswordHash::new(phc)
                .is_ok_and(|hash| argon2(cost).verify_password(text.expose().as_bytes(), &hash).is_ok());
            known && matches
        };
        self.run(seat, work).await.map(Some)
    }

    async fn seat(&self) -> Result<Seat, Overloaded> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= WAITING_MAX {
            return Err(Overloaded);
        }
        self.seats.clone().acquire_owned().await.map_err(|_| Overloaded)
    }

    // The seat goes with the work: who is gone does not free it early.
    async fn run<T: Send + 'static>(
        &self,
        seat: Seat,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<(T, Seat), Overloaded> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let work = move || (work(), seat);
        tokio::task::spawn_blocking(work).await.map_err(|_| Overloaded)
    }
}

fn argon2(cost: Cost) -> Argon2<'static> {
    let params = Params::new(cost.memory_kib, cost.passes, LANES, None)
        .expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(text: &str, salt: &[u8], cost: Cost) -> String {
    let hash: PasswordHash = argon2(cost)
        .hash_password_with_salt(text.as_bytes(), salt)
        .expect("salt and output have the usual lengths");
    hash.to_string()
}

fn prefix(cost: Cost) -> String {
    format!("$argon2id$v=19$m={},t={},p={LANES}$", cost.memory_kib, cost.passes)
}

// A hash of nothing that anybody knows.
fn dummy(host: &dyn Host, cost: Cost) -> String {
    let (mut salt, mut output) = ([0; 16], [0; 32]);
    host.random(&mut salt);
    host.random(&mut output);
    format!("{}{}${}", prefix(cost), BASE64.encode(salt), BASE64.encode(output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_core::runtime::SystemHost;

    #[tokio::test]
    async fn a_hash_names_its_parameters_and_matches_its_text_only() {
        let host = SystemHost::new();
        let hashing = Hashing::new(&host);
        let phc = hashing.hash(&host, Secret::new("one".into())).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let matches = async |text: &str, phc: Option<String>| {
            let verdict = hashing.matches(Secret::new(text.into()), phc, || true).await.unwrap();
            verdict.map(|(matches, _)| matches)
        };
        assert_eq!(matches("one", Some(phc.clone())).await, Some(true));
        assert_eq!(matches("two", Some(phc)).await, Some(false));
        assert_eq!(matches("one", None).await, Some(false));
        assert_eq!(matches("one", Some("no hash".into())).await, Some(false));
        assert_eq!(hashing.runs(), 5);
    }

    #[tokio::test]
    async fn passwords_cost_more_and_an_older_hash_still_matches() {
        let host = SystemHost::new();
        let keys = Hashing::new(&host);
        let people = keys.at_cost(&host, Cost::PASSWORD);
        let old = keys.hash(&host, Secret::new("one".into())).await.unwrap();
        let new = people.hash(&host, Secret::new("one".into())).await.unwrap();
        assert!(new.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{new}");
        assert!(people.needs_rehash(&old) && !people.needs_rehash(&new));
        let verdict = people.matches(Secret::new("one".into()), Some(old), || true).await.unwrap();
        assert!(verdict.is_some_and(|(matches, _)| matches));
        assert_eq!((keys.runs(), people.runs()), (1, 2));
    }

    #[test]
    fn the_dummy_is_a_hash_of_the_same_cost() {
        for cost in [Cost::KEY, Cost::PASSWORD] {
            let dummy = dummy(&SystemHost::new(), cost);
            assert!(PasswordHash::new(&dummy).is_ok() && dummy.starts_with(&prefix(cost)), "{dummy}");
        }
    }
}
