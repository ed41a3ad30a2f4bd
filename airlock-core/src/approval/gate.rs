//! Port [`ApprovalGate`]: ask a person, wait for the answer, take the question back.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::artifact::{ArtifactType, Metadata, RequestId};
use super::belief::{Believed, Disbelief};
use super::exchange::ExchangeState;
use crate::crypto::{NotCanonicalPayload, canonical_payload};
use crate::error::{CallError, Code, Coded, Fault};

/// What a person is asked. `Debug` leaves the payload out.
#[derive(Clone, PartialEq)]
pub struct Ask {
    /// What kind of act.
    pub artifact_type: ArtifactType,
    /// What it is about: sealed, and shown to the approver alone.
    pub payload: Value,
    /// What is said about it in clear.
    pub metadata: Metadata,
    /// How long to wait at most; the gate's own time if none.
    pub ttl: Option<Duration>,
}

impl Ask {
    /// A question without metadata, for as long as the gate lets one wait.
    pub fn new(artifact_type: ArtifactType, payload: Value) -> Self {
        Self { artifact_type, payload, metadata: Metadata::default(), ttl: None }
    }
    /// The text that is hashed and sealed.
    ///
    /// # Errors
    /// [`NotCanonicalPayload`] past a bound.
    pub fn canonical_payload(&self) -> Result<String, NotCanonicalPayload> {
        canonical_payload(&self.payload.to_string())
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ask({}, {:?})", self.artifact_type, self.metadata)
    }
}

/// Why there is no answer that could be believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The payload has no canonical form.
    #[error("the payload cannot be asked about: {0}")]
    Payload(#[from] NotCanonicalPayload),
    /// The gate knows no such request.
    #[error("no such request")]
    UnknownRequest,
    /// The request ended without a decision.
    #[error("the request ended as {0}")]
    Ended(ExchangeState),
    /// A decision came and is not believed.
    #[error("the decision is not believed: {0}")]
    Disbelieved(#[from] Disbelief),
    /// Too many requests wait already.
    #[error("too many requests wait")]
    Busy,
    /// Whoever stands between refused, or cannot be reached.
    #[error(transparent)]
    Refused(CallError),
}

impl Coded for GateError {
    fn code(&self) -> Code {
        match self {
            Self::Payload(_) => Code::InvalidArguments,
            Self::UnknownRequest => Code::NotFound,
            Self::Ended(ExchangeState::Expired) => Code::ApprovalExpired,
            Self::Ended(_) => Code::ApprovalEnded,
            Self::Disbelieved(disbelief) => disbelief.code(),
            Self::Busy => Code::Busy,
            Self::Refused(error) => error.code(),
        }
    }
    fn fault(&self) -> Fault {
        match self {
            Self::Refused(error) => error.fault(),
            _ => self.code().fault(),
        }
    }
}

/// Port: asks a person before something is done.
///
/// [`LocalGate`](super::LocalGate) asks one in the same process; a client's gate asks one through the gateway. What comes back was
/// verified with the approver's own key, whoever carried it.
#[async_trait]
pub trait ApprovalGate: Send + Sync + fmt::Debug {
    /// Asks. Returns once the question is kept where a crash of this process cannot lose it, if the gate has such a place.
    ///
    /// # Errors
    /// [`GateError`]; nobody was asked then.
    async fn submit(&self, ask: Ask) -> Result<RequestId, GateError>;
    /// Waits for the answer, for as long as this at most; `None` if there is none yet. May be called again, and gives the same answer
    /// then. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`GateError`]: treat it as a no.
    async fn wait(&self, request: &RequestId, at_most: Duration) -> Result<Option<Believed>, GateError>;
    /// Takes the question back.
    ///
    /// # Errors
    /// [`GateError::Ended`] if it was answered or ended before, [`GateError::UnknownRequest`].
    async fn withdraw(&self, request: &RequestId) -> Result<(), GateError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_question_is_not_printed_and_has_one_text() {
        let ask = Ask::new("command-approval".parse().unwrap(), json!({"b": 1.0, "a": "planted"}));
        assert!(!format!("{ask:?}").contains("planted"));
        assert_eq!(ask.canonical_payload().unwrap(), r#"{"a":"planted","b":1}"#);
    }

    #[test]
    fn each_way_to_have_no_answer_has_its_code() {
        for (error, code) in [
            (GateError::Ended(ExchangeState::Expired), Code::ApprovalExpired),
            (GateError::Ended(ExchangeState::Withdrawn), Code::ApprovalEnded),
            (GateError::Disbelieved(Disbelief::Replayed), Code::DecisionNotBelieved),
            (GateError::Refused(CallError::new(Code::NoApprover, "nobody")), Code::NoApprover),
        ] {
            assert_eq!((error.code(), error.fault()), (code, code.fault()));
        }
    }
}
