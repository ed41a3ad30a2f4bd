//! Doors: sign-in, sign-up, invitations, and the way back to a forgotten password.

use askama::Template;

use super::Shell;
use crate::console::text::filters;

/// `/login`.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Around it.
    pub shell: Shell,
    /// Where to go on.
    pub next: String,
    /// What was entered before.
    pub email: String,
    /// Whether everybody may sign up.
    pub open: bool,
    /// Whether the operator's part is unfolded.
    pub operator: bool,
}

/// `/signup`.
#[derive(Debug, Template)]
#[template(path = "sign_up.html")]
pub struct SignUpPage {
    /// Around it.
    pub shell: Shell,
    /// Whether one may sign up at all.
    pub allowed: bool,
    /// The secret of the invitation; empty without.
    pub token: String,
    /// The org that invites.
    pub org: Option<String>,
    /// The address; fixed with an invitation.
    pub email: String,
    /// The name, as entered before.
    pub name: String,
}

/// `/invitations/accept`.
#[derive(Debug, Template)]
#[template(path = "accept.html")]
pub struct AcceptPage {
    /// Around it.
    pub shell: Shell,
    /// The secret of the invitation.
    pub token: String,
    /// This page's own path, to come back to.
    pub here: String,
    /// The org that invites.
    pub org: String,
    /// Who does, by name; the operator has none.
    pub invited_by: Option<String>,
    /// As what.
    pub role: String,
    /// Whom.
    pub email: String,
    /// Who is signed in.
    pub signed_in_as: Option<String>,
    /// Whether that is who was invited.
    pub same: bool,
}

/// `/forgot`.
#[derive(Debug, Template)]
#[template(path = "forgot.html")]
pub struct ForgotPage {
    /// Around it.
    pub shell: Shell,
}

/// `/reset`.
#[derive(Debug, Template)]
#[template(path = "reset.html")]
pub struct ResetPage {
    /// Around it.
    pub shell: Shell,
    /// The secret of the mail.
    pub token: String,
}

/// Between sign-in and a request of a program: browsers hold the redirects of a form to `form-action`, those of a page not.
#[derive(Debug, Template)]
#[template(path = "going.html")]
pub struct GoingPage {
    /// Around it.
    pub shell: Shell,
    /// Where to go on.
    pub next: String,
}
