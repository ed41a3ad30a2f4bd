//! What the program knows and where it is. A value: messages go in, effects come out, the view reads it. No terminal, no network.

mod asked;
mod on_keys;
mod on_news;
mod screen;

#[cfg(test)]
mod tests;

use airlock_core::Timestamp;
use airlock_core::approval::{Ask, RequestId, Verdict};

pub(crate) use asked::{Asked, State};
pub(crate) use screen::{Screen, Way};

use crate::form::Form;
use crate::keys::Key;
use crate::settings::Settings;
use crate::trouble::Trouble;

/// What happened.
#[derive(Debug)]
pub(crate) enum Msg {
    Key(Key),
    Tick(Timestamp),
    /// The gateway answered: whether it is known who asks.
    Connected {
        is_signed_in: bool,
    },
    /// A code for the person to type in a browser anywhere.
    DeviceCode {
        uri: String,
        code: String,
    },
    /// An address for a browser on this machine.
    BrowserUrl(String),
    SignedIn,
    Allowed,
    /// The pairing that is kept, by its approver's fingerprint; `None` when there is none.
    Pairing(Option<String>),
    PairingBegun {
        code: String,
        own_key: String,
        expires_at: Option<Timestamp>,
    },
    /// The approver answered; nothing is kept before the person compared the fingerprints.
    Answered {
        fingerprint: String,
    },
    Beat(Result<(), Trouble>),
    Submitted {
        local: u64,
        request: RequestId,
        until: Timestamp,
    },
    /// Decided in advance.
    Standing {
        local: u64,
        verdict: Verdict,
    },
    NotSubmitted {
        local: u64,
        trouble: Trouble,
    },
    /// Requests of an earlier run that still wait.
    Resumed(Vec<RequestId>),
    Decided {
        request: RequestId,
        verdict: Verdict,
        reason: Option<String>,
    },
    Ended {
        request: RequestId,
        trouble: Trouble,
    },
    Withdrawn(RequestId),
    Unpaired,
    SignedOut,
    Failed(Trouble),
}

/// What is to be done about it.
pub(crate) enum Effect {
    Save(Settings),
    /// Asks the gateway who we are, by the settings.
    Connect(Settings),
    SignIn(Way),
    CheckConsent,
    LookForPairing,
    Pair,
    Claim(String),
    /// Keeps the pairing whose fingerprint the person compared.
    Keep,
    /// Ends it at once.
    Refuse,
    Ask {
        local: u64,
        ask: Ask,
    },
    Withdraw(RequestId),
    Unpair,
    /// Lets go of a pairing that is over.
    Forget,
    SignOut,
    /// Stops what is waited for: a sign-in, a pairing.
    GiveUp,
}

/// Something said above the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Good(String),
    Bad(Trouble),
}

/// All of it.
pub(crate) struct Model {
    pub(crate) settings: Settings,
    pub(crate) screen: Screen,
    pub(crate) notice: Option<Notice>,
    /// Of the approver that we are paired with.
    pub(crate) fingerprint: Option<String>,
    /// The last heartbeat: when, and whether it was taken.
    pub(crate) beat: Option<(Timestamp, Result<(), Trouble>)>,
    pub(crate) asked: Vec<Asked>,
    /// Which of them is marked.
    pub(crate) at: usize,
    pub(crate) now: Timestamp,
    is_over: bool,
    next_local: u64,
}

impl Model {
    /// From the settings that were kept, or with the form for them.
    pub(crate) fn begin(kept: Option<Settings>, now: Timestamp) -> (Self, Vec<Effect>) {
        let mut model = Self {
            settings: kept.clone().unwrap_or_else(Settings::proposed),
            screen: Screen::Busy("Reaching the gateway"),
            notice: None,
            fingerprint: None,
            beat: None,
            asked: Vec::new(),
            at: 0,
            now,
            is_over: false,
            next_local: 0,
        };
        let effects = match kept {
            Some(settings) => vec![Effect::Connect(settings)],
            None => {
                model.screen = Screen::setup(&model.settings);
                Vec::new()
            }
        };
        (model, effects)
    }

    /// Whether the program ends.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes in what happened.
    pub(crate) fn update(&mut self, msg: Msg) -> Vec<Effect> {
        match msg {
            Msg::Key(Key::Stop) => {
                self.is_over = true;
                Vec::new()
            }
            Msg::Key(key) => {
                self.notice = None;
                self.on_key(&key)
            }
            Msg::Tick(now) => {
                self.now = now;
                Vec::new()
            }
            other => self.on_news(other),
        }
    }

    fn good(&mut self, said: impl Into<String>) {
        self.notice = Some(Notice::Good(said.into()));
    }
    fn bad(&mut self, trouble: Trouble) {
        self.notice = Some(Notice::Bad(trouble));
    }

    /// The request that is marked.
    pub(crate) fn marked(&self) -> Option<&Asked> {
        self.asked.get(self.at)
    }

    /// The form that is typed into, if one is.
    pub(crate) fn form(&self) -> Option<&Form> {
        match &self.screen {
            Screen::Setup(form)
            | Screen::Pat(form)
            | Screen::Claim(form)
            | Screen::Command(form)
            | Screen::Free(form) => Some(form),
            _ => None,
        }
    }
}
