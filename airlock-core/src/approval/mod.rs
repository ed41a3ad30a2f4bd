//! Approvals: an enforcer asks before it acts, a person says yes or no, and the enforcer believes only what that person signed.
//!
//! In reading order: an [`Ask`] becomes an artifact, sealed for the approver; an [`Exchange`] is its life at the gateway, which reads
//! nothing of it; a [`Decision`] comes back, and [`verify_decision`] makes it [`Believed`]. How the two sides came to know each
//! other's keys is a [`PairingSession`] and a [`PairingAnswer`]. What was decided in advance is [`dnd`]; whether an app may act for a
//! person at all is [`consent`].
//!
//! Everything here is a value: time is an argument, randomness comes from the [`Host`](crate::Host). [`ApprovalGate`] is the port that
//! agents hold.
//!
//! The gateway is trusted for delivery and nothing else. It is never given a private key or a payload; what it could still do is
//! withhold, delay, and lie about names, times and metadata, none of which is signed.

mod actions;
mod artifact;
mod belief;
pub mod consent;
mod decision;
pub mod dnd;
mod exchange;
mod expiry;
mod gate;
mod local;
mod nonces;
mod pairing;
mod pairing_answer;
mod pairing_code;
pub mod presence;
mod signers;
mod verdict;

pub use actions::{ActionStyle, RequestedAction, RequestedActions};
pub use artifact::{ArtifactHash, ArtifactType, EnforcerId, Metadata, MetadataTooLarge, RequestId, Routing};
pub use belief::{Believed, DECISION_SKEW, Disbelief, verify_decision};
pub use decision::{Decision, DecisionNonce, InvalidNonce, sign_decision, signable_a};
pub use exchange::{Exchange, ExchangeError, ExchangeState, Inconsistent, Taken, UnknownExchangeState};
pub use expiry::{Expired, ExpiryRule};
pub use gate::{ApprovalGate, Ask, GateError};
pub use local::LocalGate;
pub use nonces::NonceJournal;
pub use pairing::{
    CLAIMED_TTL, INITIATED_TTL, PRE_GENERATED_TTL, PairingError, PairingKind, PairingSession, PairingState,
    UnknownPairingWord, WRONG_ANSWERS_MAX,
};
pub use pairing_answer::{ANSWER_BYTES_MAX, AnswerError, PairingAnswer, VerifiedAnswer};
pub use pairing_code::{InvalidPairingCode, PairingCode};
pub use signers::{KnownSigner, KnownSigners, signer_key_id};
pub use verdict::{UnknownVerdict, Verdict};
