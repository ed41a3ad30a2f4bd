//! One request's life: it waits until a person decides, its time is over, or somebody takes it back. Nothing is undone.
//!
//! Source: the gateway's protocol, state machine of exchanges.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::artifact::ArtifactHash;
use super::decision::Decision;
use super::verdict::Verdict;
use crate::error::{Code, Coded};
use crate::time::Timestamp;

/// Where a request stands. All but the first are final, but for the step from decided to delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeState {
    /// Waits for a person.
    PendingApproval,
    /// A person decided, or a standing decision did.
    Decided,
    /// The enforcer said that it has the decision.
    Delivered,
    /// Its time passed.
    Expired,
    /// The enforcer took it back.
    Withdrawn,
    /// The pairing or the app was revoked, or an administrator ended it.
    Cancelled,
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of an exchange")]
pub struct UnknownExchangeState;

impl ExchangeState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::PendingApproval,
        Self::Decided,
        Self::Delivered,
        Self::Expired,
        Self::Withdrawn,
        Self::Cancelled,
    ];

    /// The word as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingApproval => "PendingApproval",
            Self::Decided => "Decided",
            Self::Delivered => "Delivered",
            Self::Expired => "Expired",
            Self::Withdrawn => "Withdrawn",
            Self::Cancelled => "Cancelled",
        }
    }
    /// The state of this word.
    ///
    /// # Errors
    /// [`UnknownExchangeState`] for any other text.
    pub fn parse(text: &str) -> Result<Self, UnknownExchangeState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownExchangeState)
    }
    /// Whether it still waits.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::PendingApproval)
    }
}

impl fmt::Display for ExchangeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ExchangeState {
    type Err = UnknownExchangeState;
    fn from_str(text: &str) -> Result<Self, UnknownExchangeState> {
        Self::parse(text)
    }
}

/// Why a request did not take what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Another decision came first.
    #[error("the request was decided already")]
    AlreadyDecided,
    /// It is in this state, in which it takes nothing.
    #[error("Exchange is already in state '{0}'")]
    AlreadyResolved(ExchangeState),
    /// The decision is about something else.
    #[error("the decision names another artifact hash")]
    HashMismatch,
}

impl Coded for ExchangeError {
    fn code(&self) -> Code {
        match self {
            Self::AlreadyDecided | Self::AlreadyResolved(_) => Code::Conflict,
            Self::HashMismatch => Code::InvalidArguments,
        }
    }
}

/// What became of a decision that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the one that stays.
    Stored,
    /// It is the one that was stored before: its sender heard no answer and asks again.
    Repeated,
}

/// What a store holds does not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a state and a decision that do not go together")]
pub struct Inconsistent;

/// One request, from the moment it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    artifact_hash: ArtifactHash,
    expires_at: Timestamp,
    state: ExchangeState,
    decision: Option<Decision>,
}

impl Exchange {
    /// A request that waits until `expires_at`, that instant included.
    pub fn begin(artifact_hash: ArtifactHash, expires_at: Timestamp) -> Self {
        Self { artifact_hash, expires_at, state: ExchangeState::PendingApproval, decision: None }
    }
    /// The report of what a standing decision said: decided, with nothing signed to deliver.
    pub fn reported(artifact_hash: ArtifactHash, expires_at: Timestamp) -> Self {
        Self { state: ExchangeState::Decided, ..Self::begin(artifact_hash, expires_at) }
    }
    /// As a store holds it.
    ///
    /// # Errors
    /// [`Inconsistent`] for a decision of one that was never decided, a delivery of none, or a decision about something else.
    pub fn restore(
        artifact_hash: ArtifactHash,
        expires_at: Timestamp,
        state: ExchangeState,
        decision: Option<Decision>,
    ) -> Result<Self, Inconsistent> {
        let fits = match (&decision, state) {
            (Some(decision), ExchangeState::Decided | ExchangeState::Delivered) => {
                decision.artifact_hash == artifact_hash.as_str()
            }
            (None, state) => state != ExchangeState::Delivered,
            (Some(_), _) => false,
        };
        if fits { Ok(Self { artifact_hash, expires_at, state, decision }) } else { Err(Inconsistent) }
    }

    /// Takes in a decision. The first valid one stays; who may decide, and whether the signature holds, was checked before.
    ///
    /// # Errors
    /// [`ExchangeError`]; nothing changed then, but for a deadline that had passed.
    pub fn handle_decision(&mut self, now: Timestamp, decision: &Decision) -> Result<Taken, ExchangeError> {
        self.handle_timeout(now);
        if decision.artifact_hash != self.artifact_hash.as_str() {
            return Err(ExchangeError::HashMismatch);
        }
        match (self.state, &self.decision) {
            (ExchangeState::PendingApproval, _) => {
                self.state = ExchangeState::Decided;
                self.decision = Some(decision.clone());
                Ok(Taken::Stored)
            }
            (_, Some(stored)) if stored.is_repeated_by(decision) => Ok(Taken::Repeated),
            (ExchangeState::Decided | ExchangeState::Delivered, _) => Err(ExchangeError::AlreadyDecided),
            (state, _) => Err(ExchangeError::AlreadyResolved(state)),
        }
    }
    /// The enforcer takes the request back.
    ///
    /// # Errors
    /// [`ExchangeError::AlreadyResolved`] if it waits no longer.
    pub fn handle_withdraw(&mut self, now: Timestamp) -> Result<(), ExchangeError> {
        self.end(now, ExchangeState::Withdrawn)
    }
    /// What the request rests on was revoked, or an administrator ends it.
    ///
    /// # Errors
    /// [`ExchangeError::AlreadyResolved`] if it waits no longer.
    pub fn handle_cancel(&mut self, now: Timestamp) -> Result<(), ExchangeError> {
        self.end(now, ExchangeState::Cancelled)
    }
    /// The enforcer says that it has the decision. Said of anything else it changes nothing.
    pub fn handle_ack(&mut self) {
        if self.state == ExchangeState::Decided && self.decision.is_some() {
            self.state = ExchangeState::Delivered;
        }
    }
    /// Acts on the deadline that [`Self::next_deadline`] announced.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.state = self.state(now);
    }
    /// When to call [`Self::handle_timeout`]: the first instant at which the request has expired.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.state.is_pending().then(|| self.expires_at.after(Duration::from_millis(1)))
    }

    /// Where it stands now.
    pub fn state(&self, now: Timestamp) -> ExchangeState {
        if self.state.is_pending() && now > self.expires_at { ExchangeState::Expired } else { self.state }
    }
    /// The decision as the approver sent it. None while the request waits, if it ended, and for a report.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }
    /// What was decided.
    pub fn verdict(&self) -> Option<Verdict> {
        self.decision.as_ref().map(|decision| decision.verdict)
    }
    /// What is asked about.
    pub fn artifact_hash(&self) -> &ArtifactHash {
        &self.artifact_hash
    }
    /// The last instant at which it takes a decision.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    fn end(&mut self, now: Timestamp, state: ExchangeState) -> Result<(), ExchangeError> {
        self.handle_timeout(now);
        if !self.state.is_pending() {
            return Err(ExchangeError::AlreadyResolved(self.state));
        }
        self.state = state;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Timestamp = Timestamp::from_millis(1000);
    const AFTER: Timestamp = Timestamp::from_millis(1001);

    fn exchange() -> Exchange {
        Exchange::begin("h".parse().unwrap(), END)
    }
    fn decision(verdict: Verdict, nonce: &str) -> Decision {
        Decision {
            artifact_hash: "h".to_owned(),
            verdict,
            reason: None,
            signer_key_id: Some("key-1".to_owned()),
            nonce: Some(nonce.to_owned()),
            signature: Some("s".to_owned()),
            decision_hash: None,
        }
    }
    fn ended(how: fn(&mut Exchange)) -> Exchange {
        let mut exchange = exchange();
        how(&mut exchange);
        exchange
    }

    #[test]
    fn the_first_decision_stays_and_its_repeat_is_no_conflict() {
        let mut exchange = exchange();
        let first = decision(Verdict::Approve, "n1");
        assert_eq!(exchange.handle_decision(END, &first), Ok(Taken::Stored));
        assert_eq!(exchange.handle_decision(AFTER, &first), Ok(Taken::Repeated));
        // The same act told again with another reason is the same act; the first text stays.
        let reworded = Decision { reason: Some("late".to_owned()), ..first.clone() };
        assert_eq!(exchange.handle_decision(AFTER, &reworded), Ok(Taken::Repeated));
        for other in [
            decision(Verdict::Reject, "n1"),
            decision(Verdict::Approve, "n2"),
            decision(Verdict::Reject, "n2"),
        ] {
            assert_eq!(exchange.handle_decision(END, &other), Err(ExchangeError::AlreadyDecided));
        }
        assert_eq!((exchange.decision(), exchange.state(AFTER)), (Some(&first), ExchangeState::Decided));
        exchange.handle_ack();
        assert_eq!(exchange.state(AFTER), ExchangeState::Delivered);
        assert_eq!(exchange.handle_decision(AFTER, &first), Ok(Taken::Repeated));
    }

    #[test]
    fn a_decision_about_something_else_is_refused_in_every_state() {
        let mut exchange = exchange();
        let other = Decision { artifact_hash: "H".to_owned(), ..decision(Verdict::Approve, "n") };
        assert_eq!(exchange.handle_decision(END, &other), Err(ExchangeError::HashMismatch));
        assert_eq!(exchange.state(END), ExchangeState::PendingApproval);
        assert_eq!(exchange.handle_decision(AFTER, &other), Err(ExchangeError::HashMismatch));
    }

    #[test]
    fn it_waits_up_to_its_last_instant_and_no_longer() {
        let mut exchange = exchange();
        assert_eq!(
            (exchange.state(END), exchange.state(AFTER)),
            (ExchangeState::PendingApproval, ExchangeState::Expired)
        );
        let deadline = exchange.next_deadline().unwrap();
        exchange.handle_timeout(END);
        assert_eq!(exchange.next_deadline(), Some(deadline));
        exchange.handle_timeout(deadline);
        assert_eq!(exchange.next_deadline(), None);
        // A clock that goes back does not open it again.
        assert_eq!(
            exchange.handle_decision(END, &decision(Verdict::Approve, "n")),
            Err(ExchangeError::AlreadyResolved(ExchangeState::Expired))
        );
    }

    #[test]
    fn what_has_ended_is_neither_decided_nor_ended_again() {
        for (mut exchange, state) in [
            (ended(|e| e.handle_timeout(AFTER)), ExchangeState::Expired),
            (ended(|e| e.handle_withdraw(END).unwrap()), ExchangeState::Withdrawn),
            (ended(|e| e.handle_cancel(END).unwrap()), ExchangeState::Cancelled),
        ] {
            let refused = Err(ExchangeError::AlreadyResolved(state));
            assert_eq!(exchange.handle_withdraw(END), refused);
            assert_eq!(exchange.handle_cancel(END), refused);
            assert_eq!(exchange.handle_decision(END, &decision(Verdict::Approve, "n")).map(|_| ()), refused);
            exchange.handle_ack();
            assert_eq!((exchange.state(END), exchange.decision()), (state, None));
        }
    }

    #[test]
    fn a_report_is_decided_and_has_nothing_to_deliver() {
        let mut report = Exchange::reported("h".parse().unwrap(), END);
        report.handle_ack();
        assert_eq!(report.state(AFTER), ExchangeState::Decided);
        let refused = report.handle_decision(END, &decision(Verdict::Approve, "n"));
        assert_eq!(refused, Err(ExchangeError::AlreadyDecided));
    }

    #[test]
    fn only_what_fits_together_is_restored() {
        let restore = |state, decision| Exchange::restore("h".parse().unwrap(), END, state, decision).is_ok();
        let yes = || Some(decision(Verdict::Approve, "n"));
        for state in ExchangeState::ALL {
            let decided = matches!(state, ExchangeState::Decided | ExchangeState::Delivered);
            assert_eq!(restore(state, yes()), decided, "{state}");
            assert_eq!(restore(state, None), state != ExchangeState::Delivered, "{state}");
            assert_eq!(ExchangeState::parse(state.as_str()), Ok(state));
        }
        let about_another = Decision { artifact_hash: "g".to_owned(), ..decision(Verdict::Approve, "n") };
        assert!(!restore(ExchangeState::Decided, Some(about_another)));
        assert!(ExchangeState::parse("pendingApproval").is_err());
    }
}
