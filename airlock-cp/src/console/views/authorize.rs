//! What a person is asked when a program wants to act for them.

use askama::Template;

use super::{Pager, Shell};
use crate::console::text::filters;

/// What a scope means, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeWords {
    /// In short.
    pub title: &'static str,
    /// In full.
    pub detail: &'static str,
}

impl ScopeWords {
    /// The words of one scope, named as OAuth names it.
    pub fn of(scope: &str) -> Option<Self> {
        let (title, detail) = match scope {
            "mcp:read" => {
                ("See which tools and tables there are", "Names of tools, tables and columns; no records.")
            }
            "mcp:call" => {
                ("Ask questions of masked data", "Call tools, with what an admin lets your role reach.")
            }
            "openid" => ("Know that it is you", "An identifier of your account."),
            "profile" => ("See your name", "As your profile shows it."),
            "email" => ("See your e-mail address", "The one you sign in with."),
            "offline_access" => ("Stay connected", "Until the connection ends, or you disconnect it."),
            _ => return None,
        };
        Some(Self { title, detail })
    }
}

/// An org to act in.
#[derive(Clone, Debug)]
pub struct OrgEntry {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What tells it from others: its slug, or one's role.
    pub note: String,
    /// Where choosing it leads; without, the browser's session changes to it.
    pub href: Option<String>,
}

/// A choice of the org to act in: before consent, or for the operator.
#[derive(Debug, Template)]
#[template(path = "orgs.html")]
pub struct OrgsPage {
    /// Around it.
    pub shell: Shell,
    /// What it is chosen for.
    pub text: String,
    /// The orgs.
    pub orgs: Vec<OrgEntry>,
    /// The other ones.
    pub pager: Pager,
}

/// `/authorize`, when everything about the request is known to be right.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub struct ConsentPage {
    /// Around it.
    pub shell: Shell,
    /// What the form carries on: the request itself.
    pub carried: Vec<(String, String)>,
    /// What the program calls itself.
    pub client: String,
    /// Whether somebody vouches for that.
    pub verified: bool,
    /// The host that its id is of, when it is an address; else its id.
    pub client_id: String,
    /// Where the answer goes.
    pub redirect_host: String,
    /// Whether the answer can only go to a program on this computer.
    pub loopback: bool,
    /// Who is asked.
    pub account: String,
    /// In which org.
    pub org: String,
    /// What of it.
    pub resource: String,
    /// What it may do.
    pub scopes: Vec<ScopeWords>,
    /// Until when, in words.
    pub ends: String,
    /// Where to go to be somebody else, or in another org.
    pub other: Option<(String, &'static str)>,
}

/// Where one is on `/device`.
#[derive(Clone, Debug)]
pub enum DeviceStep {
    /// Enter the code.
    Enter {
        /// As entered before.
        code: String,
    },
    /// Say whether it is right.
    Confirm {
        /// The code, as shown on the device.
        code: String,
        /// What the program calls itself.
        client: String,
        /// Whether somebody vouches for that.
        verified: bool,
        /// From where it asked.
        from: String,
        /// Who is asked.
        account: String,
        /// In which org, of these.
        orgs: Vec<OrgEntry>,
        /// What it may do.
        scopes: Vec<ScopeWords>,
    },
    /// It was allowed.
    Allowed,
    /// It was not.
    Denied,
}

/// `/device`.
#[derive(Debug, Template)]
#[template(path = "device.html")]
pub struct DevicePage {
    /// Around it.
    pub shell: Shell,
    /// Where one is.
    pub step: DeviceStep,
}
