//! Pages that say or ask one thing.

use askama::Template;

use super::Shell;
use crate::console::text::filters;

/// A page that asks for one press of a button, because following a link must not change anything.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage {
    /// Around it.
    pub shell: Shell,
    /// What it says.
    pub text: String,
    /// Where the form goes.
    pub action: &'static str,
    /// The secret of the mail.
    pub token: String,
    /// What the button says.
    pub button: &'static str,
}

/// A page that says one thing and leads on.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    /// Around it.
    pub shell: Shell,
    /// What it says.
    pub text: String,
    /// What there is to do now.
    pub more: String,
    /// Where to go on, and what the link says.
    pub link: Option<(String, &'static str)>,
}

/// A secret just made.
#[derive(Clone, Debug)]
pub struct Secret {
    /// What it is.
    pub label: &'static str,
    /// Its element's id.
    pub id: &'static str,
    /// Its text.
    pub text: String,
}

/// The one time that a secret is seen.
#[derive(Debug, Template)]
#[template(path = "secret.html")]
pub struct SecretPage {
    /// Around it.
    pub shell: Shell,
    /// What it is for.
    pub text: String,
    /// What is shown.
    pub secrets: Vec<Secret>,
    /// What to know of it.
    pub warning: &'static str,
    /// Where to go on, and what the link says.
    pub back: (&'static str, &'static str),
}

/// A failure.
#[derive(Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// Around it.
    pub shell: Shell,
    /// HTTP's number of it.
    pub status: u16,
    /// What failed.
    pub detail: String,
    /// What to do.
    pub advice: &'static str,
    /// What the log knows it by.
    pub request_id: String,
}
