//! A gate whose approver is in the same process: for embedders that show the question themselves, and for tests.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::artifact::RequestId;
use super::belief::{Believed, verify_decision};
use super::decision::{DecisionNonce, sign_decision};
use super::exchange::{Exchange, ExchangeState};
use super::expiry::ExpiryRule;
use super::gate::{ApprovalGate, Ask, GateError};
use super::nonces::NonceJournal;
use super::signers::{KnownSigner, KnownSigners, signer_key_id};
use super::verdict::Verdict;
use crate::crypto::{AgreementKey, Ciphertext, ContentKey, PrivateKey, artifact_hash};
use crate::host::Host;
use crate::time::Timestamp;

/// Asks a closure, and takes the same way as through the gateway: the payload is sealed for the approver, the decision signed by the
/// approver's key and believed only if it verifies. The keys live as long as the gate.
///
/// The closure is asked by [`wait`](ApprovalGate::wait), on the thread that waits, and is given what was sealed. It answers at once or
/// blocks that thread; there is nothing to wait for beyond it.
///
/// ```
/// # use std::sync::Arc;
/// # use airlock_core::approval::{Ask, LocalGate, Verdict};
/// # use airlock_core::runtime::SystemHost;
/// let reads_only = |ask: &Ask| match ask.payload["command"].as_str() {
///     Some("git status") => Verdict::Approve,
///     _ => Verdict::Reject,
/// };
/// let gate = LocalGate::new(Arc::new(SystemHost::new()), reads_only);
/// # let _ = gate;
/// ```
pub struct LocalGate<F> {
    host: Arc<dyn Host>,
    approver: F,
    signing: PrivateKey,
    opening: ContentKey,
    sealing: ContentKey,
    signers: KnownSigners,
    state: Mutex<State>,
}

struct State {
    journal: NonceJournal,
    requests: HashMap<RequestId, Request>,
}

struct Request {
    // Without its payload, which is only sealed.
    ask: Ask,
    sealed: Ciphertext,
    exchange: Exchange,
    believed: Option<Believed>,
}

impl<F: Fn(&Ask) -> Verdict + Send + Sync> LocalGate<F> {
    /// Most requests that a gate holds.
    pub const REQUESTS_MAX: usize = 200;

    /// A gate with fresh keys.
    pub fn new(host: Arc<dyn Host>, approver: F) -> Self {
        let signing = PrivateKey::generate(&*host);
        let (enforcer, person) = (AgreementKey::generate(&*host), AgreementKey::generate(&*host));
        let agree = |own: &AgreementKey, peer: &AgreementKey| {
            own.agree(&peer.public()).expect("a key of ours is of no small order")
        };
        let (sealing, opening) = (agree(&enforcer, &person), agree(&person, &enforcer));
        let signer = KnownSigner { key_id: signer_key_id(signing.public()), public_key: signing.public() };
        let state = State { journal: NonceJournal::new(NonceJournal::ADVISED_TTL), requests: HashMap::new() };
        Self {
            host,
            approver,
            signing,
            opening,
            sealing,
            signers: [signer].into_iter().collect(),
            state: Mutex::new(state),
        }
    }

    // What the approver is asked: what was sealed, and nothing that is only claimed.
    fn shown(&self, ask: &Ask, sealed: &Ciphertext) -> Ask {
        let opened = self.opening.open(sealed).expect("this gate sealed it");
        let payload = serde_json::from_slice(&opened).expect("a canonical payload is JSON");
        Ask { payload, ..ask.clone() }
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn request(&mut self, request: &RequestId) -> Result<&mut Request, GateError> {
        self.requests.get_mut(request).ok_or(GateError::UnknownRequest)
    }
    // Those that are over, whatever came of them. A decision can be asked for until then.
    fn forget_old(&mut self, now: Timestamp) {
        self.requests.retain(|_, request| now <= request.exchange.expires_at());
    }
}

#[async_trait]
impl<F: Fn(&Ask) -> Verdict + Send + Sync> ApprovalGate for LocalGate<F> {
    async fn submit(&self, ask: Ask) -> Result<RequestId, GateError> {
        let canonical = ask.canonical_payload()?;
        let now = self.host.now();
        let rule = ExpiryRule::default();
        let ttl = ask.ttl.unwrap_or(rule.default_ttl).min(rule.cap);
        let request = Request {
            sealed: self.sealing.seal(&*self.host, canonical.as_bytes()),
            exchange: Exchange::begin(artifact_hash(&canonical), now.after(ttl)),
            ask: Ask { payload: serde_json::Value::Null, ..ask },
            believed: None,
        };
        let mut state = self.state();
        state.forget_old(now);
        if state.requests.len() >= Self::REQUESTS_MAX {
            return Err(GateError::Busy);
        }
        let id = RequestId::new(&*self.host);
        state.requests.insert(id.clone(), request);
        Ok(id)
    }

    async fn wait(&self, request: &RequestId, _at_most: Duration) -> Result<Option<Believed>, GateError> {
        let (ask, hash) = {
            let mut state = self.state();
            let held = state.request(request)?;
            match (held.exchange.state(self.host.now()), &held.believed) {
                (ExchangeState::PendingApproval, _) => {
                    (self.shown(&held.ask, &held.sealed), held.exchange.artifact_hash().clone())
                }
                (_, Some(believed)) => return Ok(Some(believed.clone())),
                (ended, None) => return Err(GateError::Ended(ended)),
            }
        };
        // Without the lock: the closure may take its time, or use this gate.
        let verdict = (self.approver)(&ask);
        let nonce = DecisionNonce::random(&*self.host);
        let key_id = signer_key_id(self.signing.public());
        let decision = sign_decision(&self.signing, &key_id, &hash, verdict, &nonce, None);

        let now = self.host.now();
        let mut state = self.state();
        let State { journal, requests } = &mut *state;
        let held = requests.get_mut(request).ok_or(GateError::UnknownRequest)?;
        if held.exchange.handle_decision(now, &decision).is_err() {
            // Another waiter's answer came first, or the request ended while the closure thought.
            return match &held.believed {
                Some(believed) => Ok(Some(believed.clone())),
                None => Err(GateError::Ended(held.exchange.state(now))),
            };
        }
        let expires_at = Some(held.exchange.expires_at());
        let believed = verify_decision(&decision, &hash, &self.signers, journal, expires_at, now)?;
        held.exchange.handle_ack();
        held.believed = Some(believed.clone());
        Ok(Some(believed))
    }

    async fn withdraw(&self, request: &RequestId) -> Result<(), GateError> {
        let now = self.host.now();
        let mut state = self.state();
        let exchange = &mut state.request(request)?.exchange;
        exchange.handle_withdraw(now).map_err(|_| GateError::Ended(exchange.state(now)))
    }
}

impl<F> fmt::Debug for LocalGate<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalGate(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use serde_json::json;

    use super::*;
    use crate::test_util::FixedHost;

    // The local gate waits for nothing.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => unreachable!("a local gate is ready at once"),
        }
    }
    fn ask(command: &str) -> Ask {
        Ask::new("command-approval".parse().unwrap(), json!({"command": command}))
    }
    fn wait(gate: &impl ApprovalGate, id: &RequestId) -> Result<Option<Believed>, GateError> {
        now(gate.wait(id, Duration::ZERO))
    }
    fn only_status(ask: &Ask) -> Verdict {
        if ask.payload["command"] == "git status" { Verdict::Approve } else { Verdict::Reject }
    }

    #[test]
    fn the_approver_sees_the_payload_and_its_answer_is_believed_each_time_it_is_asked_for() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let gate = LocalGate::new(Arc::new(FixedHost::new()), move |ask: &Ask| {
            counted.fetch_add(1, Ordering::SeqCst);
            only_status(ask)
        });
        let (yes, no) =
            (now(gate.submit(ask("git status"))).unwrap(), now(gate.submit(ask("rm -rf /"))).unwrap());
        let believed = wait(&gate, &yes).unwrap().unwrap();
        assert!(believed.is_approved());
        assert_eq!(believed.artifact_hash(), &artifact_hash(r#"{"command":"git status"}"#));
        assert_eq!(wait(&gate, &yes).unwrap(), Some(believed));
        assert!(!wait(&gate, &no).unwrap().unwrap().is_approved());
        // Two requests for the same thing are asked about twice.
        let again = now(gate.submit(ask("git status"))).unwrap();
        assert!(wait(&gate, &again).unwrap().unwrap().is_approved());
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn what_was_taken_back_or_came_too_late_is_not_answered() {
        let host = Arc::new(FixedHost::new());
        let gate = LocalGate::new(host.clone(), |_: &Ask| Verdict::Approve);
        let taken_back = now(gate.submit(ask("a"))).unwrap();
        now(gate.withdraw(&taken_back)).unwrap();
        assert!(matches!(wait(&gate, &taken_back), Err(GateError::Ended(ExchangeState::Withdrawn))));
        assert!(matches!(now(gate.withdraw(&taken_back)), Err(GateError::Ended(ExchangeState::Withdrawn))));
        let late = now(gate.submit(Ask { ttl: Some(Duration::from_secs(1)), ..ask("b") })).unwrap();
        host.advance(Duration::from_millis(1001));
        assert!(matches!(wait(&gate, &late), Err(GateError::Ended(ExchangeState::Expired))));
        assert!(matches!(wait(&gate, &RequestId::new(&*host)), Err(GateError::UnknownRequest)));
    }

    #[test]
    fn an_answer_that_was_thought_about_too_long_is_none() {
        let host = Arc::new(FixedHost::new());
        let clock = Arc::clone(&host);
        let gate = LocalGate::new(host, move |_: &Ask| {
            clock.advance(Duration::from_secs(601));
            Verdict::Approve
        });
        let id = now(gate.submit(ask("a"))).unwrap();
        assert!(matches!(wait(&gate, &id), Err(GateError::Ended(ExchangeState::Expired))));
    }

    #[test]
    fn requests_are_bounded_and_those_that_are_over_make_room() {
        let host = Arc::new(FixedHost::new());
        let gate = LocalGate::new(host.clone(), only_status);
        for _ in 0..200 {
            now(gate.submit(ask("a"))).unwrap();
        }
        assert!(matches!(now(gate.submit(ask("a"))), Err(GateError::Busy)));
        host.advance(Duration::from_millis(600_001));
        assert!(now(gate.submit(ask("a"))).is_ok());
    }

    #[test]
    fn a_payload_without_a_form_is_not_asked_about() {
        let mut deep = json!(1);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        let gate = LocalGate::new(Arc::new(FixedHost::new()), only_status);
        let refused = now(gate.submit(Ask::new("x".parse().unwrap(), deep)));
        assert!(matches!(refused, Err(GateError::Payload(_))));
        assert_eq!(format!("{gate:?}"), "LocalGate(..)");
    }
}
