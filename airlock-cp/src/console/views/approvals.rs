//! An approver's pages. What is asked is decrypted and shown by scripts: the server cannot.

use std::sync::Arc;

use askama::Template;

use super::Shell;
use crate::console::assets::Module;
use crate::console::text::filters;

/// One of an approver's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApproverView {
    /// What waits.
    Inbox,
    /// Bring an agent in.
    Pair,
    /// Agents that were brought in, and the keys that sign.
    Devices,
    /// Standing decisions.
    Quiet,
    /// Which apps may ask.
    Apps,
    /// What was decided, or ended.
    History,
}

impl ApproverView {
    /// All, in the order of their tabs.
    pub const ALL: [Self; 6] =
        [Self::Inbox, Self::Pair, Self::Devices, Self::Quiet, Self::Apps, Self::History];

    /// The word for scripts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Pair => "pair",
            Self::Devices => "devices",
            Self::Quiet => "quiet",
            Self::Apps => "apps",
            Self::History => "history",
        }
    }
    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Inbox => "/approvals",
            Self::Pair => "/approvals/pair",
            Self::Devices => "/approvals/devices",
            Self::Quiet => "/approvals/quiet",
            Self::Apps => "/approvals/apps",
            Self::History => "/approvals/history",
        }
    }
    /// What its tab says: all six fit on a phone.
    pub const fn tab(self) -> &'static str {
        match self {
            Self::Inbox => "Inbox",
            Self::Pair => "Pair",
            Self::Devices => "Agents",
            Self::Quiet => "Quiet",
            Self::Apps => "Apps",
            Self::History => "History",
        }
    }
    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pair => "Pair an agent",
            Self::Devices => "Agents and devices",
            Self::Quiet => "Do not disturb",
            view => view.tab(),
        }
    }
    /// What it is for.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Inbox => "What your agents ask before they act. They wait for your yes or no.",
            Self::Pair => {
                "Let an agent ask you. It and this browser agree on a key that the server never has."
            }
            Self::Devices => "Who may ask you, and which keys answer for you.",
            Self::Quiet => "Answer in advance, for a while. Your signature makes it hold.",
            Self::Apps => "Registered programs that want to ask in your name.",
            Self::History => "What was asked, and what became of it.",
        }
    }
}

/// `/approvals` and what is under it.
#[derive(Debug, Template)]
#[template(path = "approvals.html")]
pub struct ApproverPage {
    /// Around it.
    pub shell: Shell,
    /// Which one.
    pub view: ApproverView,
    /// For whom: keys in the browser are theirs.
    pub user: String,
    /// In which org.
    pub org: String,
    /// The scripts, each with its digest: what was altered on its way does not run.
    pub modules: Arc<[Module]>,
}

/// What an installed page shows without a connection.
#[derive(Debug, Template)]
#[template(path = "offline.html")]
pub struct OfflinePage {
    /// Around it.
    pub shell: Shell,
}
