//! Where the program is.

use airlock_core::Timestamp;

use crate::form::{Field, Form};
use crate::settings::Settings;
use crate::trouble::Trouble;

/// One step of an enforcer's life.
pub(crate) enum Screen {
    /// Where the gateway is, and who asks.
    Setup(Form),
    /// Nothing can be done but wait.
    Busy(&'static str),
    /// The gateway was not reached.
    Away,
    /// How to sign in.
    SignIn,
    /// A personal access token is typed.
    Pat(Form),
    /// A code is typed in a browser somewhere.
    DeviceCode { uri: String, code: String },
    /// A browser on this machine signs in.
    Browser { url: String },
    /// The person has to allow this app.
    Consent(Trouble),
    /// How to pair.
    Pair,
    /// The approver's code is typed.
    Claim(Form),
    /// The approver has to answer.
    PairingCode { code: String, own_key: String, expires_at: Option<Timestamp> },
    /// Two fingerprints are compared.
    Compare { fingerprint: String },
    /// Paired: requests, and what became of them.
    Home,
    /// A command to ask about.
    Command(Form),
    /// Anything to ask about.
    Free(Form),
    /// The pairing is about to be ended.
    Unpair,
}

/// How a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Code,
    Browser,
}

impl Screen {
    pub(crate) fn setup(settings: &Settings) -> Self {
        Self::Setup(Form::new(vec![
            Field::new("Gateway", "its address; https, or http on this machine", &settings.gateway),
            Field::new("Enforcer id", "how it names itself; the same from run to run", &settings.enforcer),
            Field::new("Label", "what people read", &settings.label),
            Field::new("Workspace", "what standing decisions are looked up for", &settings.workspace),
            Field::new("App's client id", "empty: ask as yourself", &settings.client_id),
            Field::secret("App's secret", "empty: ask as yourself", &settings.client_secret),
        ]))
    }
    pub(crate) fn pat() -> Self {
        Self::Pat(Form::new(vec![Field::secret("Token", "airpat_…, made on your profile page", "")]))
    }
    pub(crate) fn claim() -> Self {
        Self::Claim(Form::new(vec![Field::new(
            "Code",
            "six characters, as `airlock-approve pair` shows them",
            "",
        )]))
    }
    pub(crate) fn command() -> Self {
        Self::Command(Form::new(vec![
            Field::new("Command", "nothing is run: this program only asks", ""),
            Field::new("Minutes", "how long the person has", "10"),
        ]))
    }
    pub(crate) fn free() -> Self {
        Self::Free(Form::new(vec![
            Field::new("Type", "any word: command-approval, plan.review, …", "plan.review"),
            Field::new("Payload", "JSON; sealed for the approver alone", "{\"plan\": \"\"}"),
            Field::new("Minutes", "how long the person has", "10"),
        ]))
    }
}
