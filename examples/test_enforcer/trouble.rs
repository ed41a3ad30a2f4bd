//! What went wrong, in words for a person: what, and what to do about it.

use airlock_client::approver::Inert;
use airlock_client::{ClientError, FileError};
use airlock_core::approval::GateError;
use airlock_core::{Code, Coded as _};

/// What went wrong. All of it may stand on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) what: String,
    pub(crate) advice: String,
    pub(crate) kind: Kind,
}

/// What it means for where the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: try again, or do something else.
    Plain,
    /// Nobody is signed in any more.
    SignedOut,
    /// The person has not let this app ask.
    NotAllowed,
    /// The pairing is over.
    Unpaired,
}

impl Trouble {
    pub(crate) fn new(what: impl AsRef<str>, advice: &str) -> Self {
        Self {
            what: Inert::line(what.as_ref()).to_string(),
            advice: Inert::line(advice).to_string(),
            kind: Kind::Plain,
        }
    }
    fn of(self, code: Code, word: Option<&str>) -> Self {
        let kind = match code {
            _ if word.is_some_and(|word| word.starts_with("app_consent")) => Kind::NotAllowed,
            Code::Unauthorized => Kind::SignedOut,
            Code::PairingRevoked | Code::NoApprover => Kind::Unpaired,
            _ => Kind::Plain,
        };
        Self { kind, ..self }
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        let mut advice = error.advice().what.to_owned();
        if let Some(url) = error.refusal().and_then(|refusal| refusal.consent_url.as_ref()) {
            advice.push_str(&format!(" The address: {url}"));
        }
        if let Some(after) = error.advice().after {
            advice.push_str(&format!(" Wait {} s.", after.as_secs()));
        }
        Self::new(error.to_string(), &advice).of(error.code(), error.word())
    }
}

impl From<GateError> for Trouble {
    fn from(error: GateError) -> Self {
        let (advice, word) = match &error {
            GateError::Refused(told) => (told.hint.as_deref(), told.detail.as_deref()),
            GateError::Disbelieved(_) => {
                (Some("Treat it as a no, and find out who sent it: your approver did not sign it."), None)
            }
            GateError::Ended(_) => {
                (Some("No decision will come: treat it as a no, and ask again if it still matters."), None)
            }
            _ => (None, None),
        };
        Self::new(error.to_string(), advice.unwrap_or("Treat it as a no.")).of(error.code(), word)
    }
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::new(
            error.to_string(),
            "Check the folder's place, owner and rights; one program at a time uses it.",
        )
    }
}
