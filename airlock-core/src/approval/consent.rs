//! Whether an app may act for a person.
//!
//! Source: the gateway's protocol, consent: the first question makes the record and is told apart from later ones.

use std::fmt;

/// What a person said about one app. No record at all is the state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsentState {
    /// Asked, not answered.
    Pending,
    /// The app may act.
    Allowed,
    /// The person said no.
    Denied,
    /// The person had said yes and took it back.
    Revoked,
}

/// What the app is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsentAnswer {
    /// It may act.
    Approved,
    /// The person is asked from now on.
    Required,
    /// The person has not answered yet.
    Pending,
    /// The person does not want it.
    Denied,
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a consent")]
pub struct UnknownConsentState;

/// An app asks. Gives the record to keep and what to tell the app.
pub fn ask(record: Option<ConsentState>) -> (ConsentState, ConsentAnswer) {
    match record {
        None => (ConsentState::Pending, ConsentAnswer::Required),
        Some(state @ ConsentState::Pending) => (state, ConsentAnswer::Pending),
        Some(state @ ConsentState::Allowed) => (state, ConsentAnswer::Approved),
        Some(state @ (ConsentState::Denied | ConsentState::Revoked)) => (state, ConsentAnswer::Denied),
    }
}

impl ConsentState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Allowed, Self::Denied, Self::Revoked];

    /// The person says yes; at any time, also after a no.
    #[must_use]
    pub fn allow(_record: Option<Self>) -> Self {
        Self::Allowed
    }
    /// The person says no; also before the app asked.
    #[must_use]
    pub fn deny(_record: Option<Self>) -> Self {
        Self::Denied
    }
    /// The person takes back what was said. A no stays a no.
    #[must_use]
    pub fn revoke(self) -> Self {
        match self {
            Self::Allowed | Self::Pending | Self::Revoked => Self::Revoked,
            Self::Denied => Self::Denied,
        }
    }
    /// The word as a store keeps it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Allowed => "Allowed",
            Self::Denied => "Denied",
            Self::Revoked => "Revoked",
        }
    }
    /// The state of this word.
    ///
    /// # Errors
    /// [`UnknownConsentState`] for any other text.
    pub fn parse(text: &str) -> Result<Self, UnknownConsentState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownConsentState)
    }
}

impl ConsentAnswer {
    /// The word that the app is told: a status for the first, an error code for the others.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Required => "app_consent_required",
            Self::Pending => "app_consent_pending",
            Self::Denied => "app_consent_denied",
        }
    }
}

impl fmt::Display for ConsentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_question_differs_from_the_second() {
        let (record, first) = ask(None);
        assert_eq!((first, ask(Some(record)).1), (ConsentAnswer::Required, ConsentAnswer::Pending));
        assert_eq!(first.as_str(), "app_consent_required");
    }

    #[test]
    fn asking_changes_no_record_and_only_a_yes_lets_the_app_act() {
        for state in ConsentState::ALL {
            let (after, answer) = ask(Some(state));
            assert_eq!(after, state);
            assert_eq!(answer == ConsentAnswer::Approved, state == ConsentState::Allowed);
            assert_eq!(ConsentState::parse(state.as_str()), Ok(state));
            assert_eq!(ask(Some(ConsentState::allow(Some(state)))).1, ConsentAnswer::Approved);
            assert_eq!(ask(Some(ConsentState::deny(Some(state)))).1, ConsentAnswer::Denied);
            assert_eq!(ask(Some(state.revoke())).1, ConsentAnswer::Denied);
        }
        assert_eq!(ConsentState::Denied.revoke(), ConsentState::Denied);
    }
}
