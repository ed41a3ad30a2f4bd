//! The OAuth clients of an org.

use askama::Template;

use super::{Pager, Shell};
use crate::console::text::{When, filters};

/// A program that people may let act for them.
#[derive(Clone, Debug)]
pub struct ClientEntry {
    /// Its id.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// How it came: in words.
    pub kind: &'static str,
    /// Where answers to it go.
    pub redirects: Vec<String>,
    /// Whether it has a secret.
    pub confidential: bool,
    /// Whether nobody may use it.
    pub blocked: bool,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
    /// Whether it is this org's own, to be deleted.
    pub own: bool,
}

/// What was entered before.
#[derive(Clone, Debug, Default)]
pub struct ClientForm {
    /// The name.
    pub name: String,
    /// Addresses, a line each.
    pub redirects: String,
    /// Whether it can keep a secret.
    pub confidential: bool,
}

/// `/org/clients`.
#[derive(Debug, Template)]
#[template(path = "clients.html")]
pub struct ClientsPage {
    /// Around it.
    pub shell: Shell,
    /// The clients.
    pub clients: Vec<ClientEntry>,
    /// The other clients.
    pub pager: Pager,
    /// The form.
    pub form: ClientForm,
    /// Whether they may change any.
    pub manage: bool,
}
