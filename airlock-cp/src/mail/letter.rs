//! What our mails say, and the links in them.

use airlock_core::Secret;

/// Where links in mails lead.
#[derive(Clone, Debug)]
pub struct Links {
    base: std::sync::Arc<str>,
}

impl Links {
    pub(super) fn new(issuer: &str) -> Self {
        Self { base: issuer.into() }
    }
    /// Shows that an address is one's own.
    pub fn verify(&self, token: &Secret<String>) -> Secret<String> {
        self.link("verify", token)
    }
    /// Sets a password.
    pub fn reset(&self, token: &Secret<String>) -> Secret<String> {
        self.link("reset", token)
    }
    /// Takes an invitation.
    pub fn invitation(&self, token: &Secret<String>) -> Secret<String> {
        self.link("invitations/accept", token)
    }
    /// Confirms a new address.
    pub fn change(&self, token: &Secret<String>) -> Secret<String> {
        self.link("email/confirm", token)
    }
    /// Where a person answers what waits.
    pub fn approvals(&self) -> String {
        format!("{}/approvals", self.base)
    }
    /// Where they say which apps may ask.
    pub fn consents(&self) -> String {
        format!("{}/approvals/apps", self.base)
    }
    // Our tokens need no escaping in a URL.
    fn link(&self, path: &str, token: &Secret<String>) -> Secret<String> {
        Secret::new(format!("{}/{path}?token={}", self.base, token.expose()))
    }
}

/// One mail of ours. What others wrote, an organization's name, is quoted and on one line.
#[derive(Debug)]
pub enum Letter {
    /// To who signed up.
    Verify(Secret<String>),
    /// To who signed up, and has an account.
    KnownAlready,
    /// To who forgot the password.
    Reset(Secret<String>),
    /// To whom the operator made.
    SetPassword(Secret<String>),
    /// After a password was changed.
    PasswordChanged,
    /// To the address that shall be the new one.
    ConfirmAddress(Secret<String>),
    /// To the old address, after the change.
    AddressChanged,
    /// To an approver: something waits. What, is told to their approver only.
    ApprovalWaits {
        /// Where to sign in.
        link: String,
    },
    /// To a person: an app asks to act for them.
    AppAsks {
        /// What the app calls itself.
        app: String,
        /// Where to sign in.
        link: String,
    },
    /// To who is asked to join.
    Invitation {
        /// The organization's name.
        org: String,
        /// The name of who invites; the operator has none.
        inviter: Option<String>,
        /// As what.
        role: &'static str,
        /// The link.
        link: Secret<String>,
    },
}

impl Letter {
    pub(super) fn subject(&self) -> String {
        match self {
            Self::Verify(_) => "Confirm your e-mail address".to_owned(),
            Self::KnownAlready => "You have an account already".to_owned(),
            Self::Reset(_) => "Set a new password".to_owned(),
            Self::SetPassword(_) => "Your Airlock account".to_owned(),
            Self::PasswordChanged => "Your password was changed".to_owned(),
            Self::ConfirmAddress(_) => "Confirm your new e-mail address".to_owned(),
            Self::AddressChanged => "Your e-mail address was changed".to_owned(),
            Self::ApprovalWaits { .. } => "Something waits for your decision".to_owned(),
            Self::AppAsks { .. } => "An app asks to act for you".to_owned(),
            Self::Invitation { org, .. } => format!("You are invited to \"{org}\" on Airlock"),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Verify(link) => format!(
                "Somebody, you we hope, signed up to Airlock with this address.\n\n\
                 If it was you, confirm it within a day:\n{}\n\n\
                 If it was not you, do nothing.\n",
                link.expose()
            ),
            Self::KnownAlready => {
                "Somebody signed up to Airlock with this address, and it has an account.\n\n\
                 If it was you, sign in; if you forgot the password, ask for a new one on the sign-in page.\n\
                 If it was not you, do nothing.\n"
                    .to_owned()
            }
            Self::Reset(link) => format!(
                "Somebody, you we hope, asked for a new password.\n\n\
                 If it was you, set one within 30 minutes; you will be signed out everywhere:\n{}\n\n\
                 If it was not you, do nothing: your password stays as it is.\n",
                link.expose()
            ),
            Self::SetPassword(link) => {
                format!("An account was made for you. Choose a password within a day:\n{}\n", link.expose())
            }
            Self::PasswordChanged => {
                "Your Airlock password was changed, and other browsers and connected programs were \
                 signed out.\n\nIf it was not you, ask for a new password on the sign-in page, at once.\n"
                    .to_owned()
            }
            Self::ConfirmAddress(link) => format!(
                "This shall become the address of an Airlock account.\n\n\
                 If you asked for it, confirm it within 30 minutes, signed in to that account:\n{}\n\n\
                 If you did not, do nothing.\n",
                link.expose()
            ),
            Self::AddressChanged => {
                "The e-mail address of your Airlock account was changed: it is no longer this one.\n\n\
                 If it was not you, tell the operator of your Airlock, at once.\n"
                    .to_owned()
            }
            Self::ApprovalWaits { link } => format!(
                "A program of yours asks before it acts, and waits for your yes or no.\n\n\
                 Open your approver to see what it is. This mail cannot say: nobody but your approver can read it.\n{link}\n\n\
                 Do nothing, and it ends without an answer.\n"
            ),
            Self::AppAsks { app, link } => format!(
                "The app \"{app}\" asks whether it may send you requests for approval.\n\n\
                 Sign in to answer:\n{link}\n\n\
                 If you do not know it, do nothing, or say no.\n"
            ),
            Self::Invitation { org, inviter, role, link } => format!(
                "{} invites you to the organization \"{org}\" on Airlock, as {role}.\n\n\
                 Take the invitation within seven days:\n{}\n\n\
                 If you do not know them, do nothing.\n",
                inviter.as_ref().map_or("The operator".to_owned(), |name| format!("\"{name}\"")),
                link.expose()
            ),
        }
    }
}
