//! One's own: name, address, password, sessions, connected clients, tokens.

use askama::Template;

use super::Shell;
use crate::console::text::{When, filters};

/// A browser that is signed in.
#[derive(Clone, Debug)]
pub struct SessionEntry {
    /// Its id.
    pub id: String,
    /// Which browser on which system, in short.
    pub browser: String,
    /// From where.
    pub ip: String,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub seen: When,
    /// Whether it is this one.
    pub current: bool,
}

/// An AI client that acts for somebody.
#[derive(Clone, Debug)]
pub struct ConnectedClient {
    /// The family of its tokens.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Whether somebody vouches for that.
    pub verified: bool,
    /// What it may do.
    pub scopes: Vec<String>,
    /// In which org.
    pub org: String,
    /// What of it.
    pub resource: String,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
    /// Until when.
    pub ends: When,
}

/// A personal access token.
#[derive(Clone, Debug)]
pub struct TokenEntry {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// The org it acts in.
    pub org: String,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
    /// Until when.
    pub ends: When,
}

/// `/profile`.
#[derive(Debug, Template)]
#[template(path = "profile.html")]
pub struct ProfilePage {
    /// Around it.
    pub shell: Shell,
    /// What people call them.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they showed that it is theirs.
    pub verified: bool,
    /// Browsers.
    pub sessions: Vec<SessionEntry>,
    /// AI clients.
    pub clients: Vec<ConnectedClient>,
    /// Tokens.
    pub tokens: Vec<TokenEntry>,
    /// Whether their role lets them make tokens.
    pub may_make_tokens: bool,
}
