//! Registered apps.

use askama::Template;

use super::{Pager, Shell};
use crate::console::text::{When, filters};

/// A registered app.
#[derive(Clone, Debug)]
pub struct AppEntry {
    /// `ABC-1234567`.
    pub id: String,
    /// What it shows on each request.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Which kind.
    pub kind: String,
    /// The first characters of its secret; none for public kinds.
    pub hint: Option<String>,
    /// Web origins, a line each.
    pub origins: String,
    /// Redirect addresses, a line each.
    pub redirects: String,
    /// Since when.
    pub since: When,
    /// Whether it is over.
    pub revoked: bool,
    /// Whether who looks may change it.
    pub manage: bool,
}

/// What was entered before.
#[derive(Clone, Debug, Default)]
pub struct AppForm {
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: String,
    /// The description.
    pub description: String,
    /// Its page.
    pub home_page: String,
    /// Web origins, a line each.
    pub origins: String,
    /// Redirect addresses, a line each.
    pub redirects: String,
}

/// `/org/apps`.
#[derive(Debug, Template)]
#[template(path = "apps.html")]
pub struct AppsPage {
    /// Around it.
    pub shell: Shell,
    /// The apps.
    pub apps: Vec<AppEntry>,
    /// The other apps.
    pub pager: Pager,
    /// The form.
    pub form: AppForm,
    /// Kinds to choose: the word, and what it means.
    pub kinds: Vec<(&'static str, &'static str)>,
    /// Whether they may register one.
    pub may_register: bool,
}
