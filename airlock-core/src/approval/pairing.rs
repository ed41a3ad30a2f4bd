//! How an enforcer and an approver come to know each other: one session, from its code to its routing token.
//!
//! Source: the gateway's protocol. Enforcer first: `initiate → complete`. Approver first: `pre_generate → claim → complete`.

use std::fmt;
use std::time::Duration;

use crate::error::{Code, Coded};
use crate::time::Timestamp;

/// How long a code lives that an enforcer asked for.
pub const INITIATED_TTL: Duration = Duration::from_secs(600);
/// How long a code lives that an approver made in advance.
pub const PRE_GENERATED_TTL: Duration = Duration::from_secs(1800);
/// How long a session lives at least after its code was claimed.
pub const CLAIMED_TTL: Duration = Duration::from_secs(600);
/// The wrong answer that ends a session.
pub const WRONG_ANSWERS_MAX: u32 = 5;

/// Who began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairingKind {
    /// The enforcer shows a code, the approver types it.
    Initiated,
    /// The approver shows a code, the enforcer's user types it.
    PreGenerated,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairingState {
    /// Made, perhaps claimed, not completed.
    Pending,
    /// The approver answered; the routing token works.
    Completed,
    /// Its time passed before that.
    Expired,
    /// The approver refused, somebody guessed too often, or either side ended it later.
    Revoked,
}

/// The text names no state or kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word of a pairing")]
pub struct UnknownPairingWord;

impl PairingKind {
    /// The word as a store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::PreGenerated => "pre-generated",
        }
    }
    /// The kind of this word.
    ///
    /// # Errors
    /// [`UnknownPairingWord`] for any other text.
    pub fn parse(text: &str) -> Result<Self, UnknownPairingWord> {
        [Self::Initiated, Self::PreGenerated]
            .into_iter()
            .find(|k| k.as_str() == text)
            .ok_or(UnknownPairingWord)
    }
}

impl PairingState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Completed, Self::Expired, Self::Revoked];

    /// The word as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Completed => "Completed",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
        }
    }
    /// The state of this word.
    ///
    /// # Errors
    /// [`UnknownPairingWord`] for any other text.
    pub fn parse(text: &str) -> Result<Self, UnknownPairingWord> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownPairingWord)
    }
}

impl fmt::Display for PairingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a session did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairingError {
    /// To be told exactly as if no such session existed.
    #[error("no such pairing")]
    NotFoundLike,
    /// Somebody claimed the code before.
    #[error("the pairing code was claimed already")]
    AlreadyClaimed,
    /// The approver answered before.
    #[error("the pairing was completed already")]
    AlreadyCompleted,
    /// No enforcer has claimed the code yet.
    #[error("the pairing code was not claimed yet")]
    NotClaimed,
    /// Its time passed.
    #[error("the pairing code has expired")]
    Expired,
    /// It was ended.
    #[error("the pairing was revoked")]
    Revoked,
}

impl Coded for PairingError {
    fn code(&self) -> Code {
        match self {
            Self::NotFoundLike => Code::NotFound,
            Self::AlreadyClaimed | Self::AlreadyCompleted | Self::NotClaimed | Self::Expired => {
                Code::Conflict
            }
            Self::Revoked => Code::PairingRevoked,
        }
    }
}

/// One session. Its fields are what a store keeps; [`Self::restore`] takes them back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairingSession {
    kind: PairingKind,
    state: PairingState,
    is_claimed: bool,
    expires_at: Timestamp,
    wrong_answers: u32,
}

impl PairingSession {
    /// An enforcer asks for a code.
    pub fn initiate(now: Timestamp) -> Self {
        Self::restore(PairingKind::Initiated, PairingState::Pending, true, now.after(INITIATED_TTL), 0)
    }
    /// An approver makes a code in advance.
    pub fn pre_generate(now: Timestamp) -> Self {
        Self::restore(
            PairingKind::PreGenerated,
            PairingState::Pending,
            false,
            now.after(PRE_GENERATED_TTL),
            0,
        )
    }
    /// As a store holds it. An initiated session has its enforcer from the start and counts as claimed.
    pub fn restore(
        kind: PairingKind,
        state: PairingState,
        is_claimed: bool,
        expires_at: Timestamp,
        wrong_answers: u32,
    ) -> Self {
        Self {
            kind,
            state,
            is_claimed: is_claimed || kind == PairingKind::Initiated,
            expires_at,
            wrong_answers,
        }
    }

    /// An approver looks a code up. A code that was used is as good as none.
    ///
    /// # Errors
    /// [`PairingError::Expired`] or [`PairingError::NotFoundLike`].
    pub fn resolve(&self, now: Timestamp) -> Result<(), PairingError> {
        match self.state(now) {
            PairingState::Pending => Ok(()),
            PairingState::Expired => Err(PairingError::Expired),
            PairingState::Completed | PairingState::Revoked => Err(PairingError::NotFoundLike),
        }
    }
    /// An enforcer's user typed the code that an approver made in advance. It then lives [`CLAIMED_TTL`] more at least.
    ///
    /// # Errors
    /// [`PairingError`]; the code of an initiated session is nothing to claim.
    pub fn handle_claim(&mut self, now: Timestamp) -> Result<(), PairingError> {
        self.handle_timeout(now);
        match (self.kind, self.state) {
            (PairingKind::Initiated, _) | (_, PairingState::Revoked) => Err(PairingError::NotFoundLike),
            (_, PairingState::Pending | PairingState::Completed) if self.is_claimed => {
                Err(PairingError::AlreadyClaimed)
            }
            (_, PairingState::Expired) => Err(PairingError::Expired),
            (_, PairingState::Pending | PairingState::Completed) => {
                self.is_claimed = true;
                self.expires_at = self.expires_at.max(now.after(CLAIMED_TTL));
                Ok(())
            }
        }
    }
    /// The approver answered, and the answer was found good.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn handle_complete(&mut self, now: Timestamp) -> Result<(), PairingError> {
        self.handle_timeout(now);
        match self.state {
            PairingState::Pending if !self.is_claimed => Err(PairingError::NotClaimed),
            PairingState::Pending => {
                self.state = PairingState::Completed;
                Ok(())
            }
            PairingState::Completed => Err(PairingError::AlreadyCompleted),
            PairingState::Expired => Err(PairingError::Expired),
            PairingState::Revoked => Err(PairingError::Revoked),
        }
    }
    /// Somebody answered wrongly. With the fifth ([`WRONG_ANSWERS_MAX`]) the session ends.
    pub fn handle_wrong_answer(&mut self, now: Timestamp) {
        self.handle_timeout(now);
        if self.state == PairingState::Pending {
            self.wrong_answers = self.wrong_answers.saturating_add(1);
            if self.wrong_answers >= WRONG_ANSWERS_MAX {
                self.state = PairingState::Revoked;
            }
        }
    }
    /// The approver refuses. A second time changes nothing.
    ///
    /// # Errors
    /// [`PairingError::AlreadyCompleted`] or [`PairingError::Expired`].
    pub fn handle_reject(&mut self, now: Timestamp) -> Result<(), PairingError> {
        self.handle_timeout(now);
        match self.state {
            PairingState::Pending | PairingState::Revoked => {
                self.state = PairingState::Revoked;
                Ok(())
            }
            PairingState::Completed => Err(PairingError::AlreadyCompleted),
            PairingState::Expired => Err(PairingError::Expired),
        }
    }
    /// Either side ends the pairing. A second time changes nothing.
    ///
    /// # Errors
    /// [`PairingError::NotFoundLike`] if it never had a routing token.
    pub fn handle_revoke(&mut self, now: Timestamp) -> Result<(), PairingError> {
        self.handle_timeout(now);
        match self.state {
            PairingState::Completed | PairingState::Revoked => {
                self.state = PairingState::Revoked;
                Ok(())
            }
            PairingState::Pending | PairingState::Expired => Err(PairingError::NotFoundLike),
        }
    }
    /// Acts on the deadline that [`Self::next_deadline`] announced.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.state = self.state(now);
    }
    /// When to call [`Self::handle_timeout`].
    pub fn next_deadline(&self) -> Option<Timestamp> {
        (self.state == PairingState::Pending).then_some(self.expires_at)
    }

    /// Where it stands now.
    pub fn state(&self, now: Timestamp) -> PairingState {
        if self.state == PairingState::Pending && now >= self.expires_at {
            PairingState::Expired
        } else {
            self.state
        }
    }
    /// Who began.
    pub fn kind(&self) -> PairingKind {
        self.kind
    }
    /// Whether it has an enforcer.
    pub fn is_claimed(&self) -> bool {
        self.is_claimed
    }
    /// The first instant at which it is over, unless it is completed before.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
    /// How many wrong answers came.
    pub fn wrong_answers(&self) -> u32 {
        self.wrong_answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn later(s: u64) -> Timestamp {
        NOW.after(Duration::from_secs(s))
    }

    #[test]
    fn an_enforcer_that_begins_is_answered_once() {
        let mut session = PairingSession::initiate(NOW);
        assert_eq!(session.resolve(later(599)), Ok(()));
        assert_eq!(session.handle_claim(NOW), Err(PairingError::NotFoundLike));
        assert_eq!(session.handle_revoke(NOW), Err(PairingError::NotFoundLike));
        assert_eq!(session.handle_complete(later(599)), Ok(()));
        assert_eq!(session.handle_complete(later(599)), Err(PairingError::AlreadyCompleted));
        assert_eq!(session.handle_reject(NOW), Err(PairingError::AlreadyCompleted));
        assert_eq!(session.resolve(NOW), Err(PairingError::NotFoundLike));
        // Completed, it has no deadline any more.
        assert_eq!(
            (session.next_deadline(), session.state(later(1_000_000))),
            (None, PairingState::Completed)
        );
        assert_eq!(session.handle_revoke(later(700)), Ok(()));
        assert_eq!(session.handle_revoke(later(701)), Ok(()));
        assert_eq!(session.handle_complete(NOW), Err(PairingError::Revoked));
    }

    #[test]
    fn a_code_made_in_advance_is_claimed_by_one_and_lives_on() {
        let mut session = PairingSession::pre_generate(NOW);
        assert_eq!(session.handle_complete(NOW), Err(PairingError::NotClaimed));
        assert_eq!(session.handle_claim(later(1799)), Ok(()));
        assert_eq!(session.handle_claim(later(1799)), Err(PairingError::AlreadyClaimed));
        assert_eq!(session.expires_at(), later(1799 + 600));
        assert_eq!(session.handle_complete(later(2398)), Ok(()));
        assert_eq!(session.handle_claim(later(2398)), Err(PairingError::AlreadyClaimed));
        // An early claim shortens nothing.
        let mut early = PairingSession::pre_generate(NOW);
        assert_eq!(early.handle_claim(later(1)), Ok(()));
        assert_eq!(early.expires_at(), later(1800));
    }

    #[test]
    fn a_code_is_over_at_its_deadline() {
        let mut session = PairingSession::initiate(NOW);
        assert_eq!(session.next_deadline(), Some(later(600)));
        assert_eq!(session.resolve(later(600)), Err(PairingError::Expired));
        assert_eq!(session.handle_complete(later(600)), Err(PairingError::Expired));
        assert_eq!(session.handle_complete(NOW), Err(PairingError::Expired));
        assert_eq!(session.handle_reject(NOW), Err(PairingError::Expired));
        let mut unclaimed = PairingSession::pre_generate(NOW);
        assert_eq!(unclaimed.handle_claim(later(1800)), Err(PairingError::Expired));
    }

    #[test]
    fn a_refusal_and_too_many_wrong_answers_end_it() {
        let mut refused = PairingSession::pre_generate(NOW);
        assert_eq!((refused.handle_reject(NOW), refused.handle_reject(NOW)), (Ok(()), Ok(())));
        assert_eq!(refused.handle_claim(NOW), Err(PairingError::NotFoundLike));
        let mut guessed = PairingSession::initiate(NOW);
        for _ in 0..4 {
            guessed.handle_wrong_answer(NOW);
        }
        assert_eq!(guessed.state(NOW), PairingState::Pending);
        guessed.handle_wrong_answer(NOW);
        assert_eq!((guessed.state(NOW), guessed.wrong_answers()), (PairingState::Revoked, 5));
        let mut done = PairingSession::initiate(NOW);
        done.handle_complete(NOW).unwrap();
        for _ in 0..9 {
            done.handle_wrong_answer(NOW);
        }
        assert_eq!(done.state(NOW), PairingState::Completed);
    }

    #[test]
    fn words_read_back() {
        for state in PairingState::ALL {
            assert_eq!(PairingState::parse(state.as_str()), Ok(state));
        }
        for kind in [PairingKind::Initiated, PairingKind::PreGenerated] {
            assert_eq!(PairingKind::parse(kind.as_str()), Ok(kind));
        }
        assert!(PairingState::parse("completed").is_err());
    }
}
