//! Sign-in and sign-out.
//!
//! Whoever does not get in gets one answer, after the same work: unknown, wrong, disabled and unverified are not told
//! apart, and an address is locked whether somebody has it or not.

use airlock_core::audit::Action;
use airlock_core::id::UserId;
use airlock_core::{Code, Coded, Secret};

use super::ground::{Ground, known_as, subject};
use super::password::Verdict;
use super::throttle::{self, ACCOUNT, PEER};
use super::{OpenedLogin, UserStatus, WhoLogsIn, users_repo};
use crate::audit::{Caller, Subject};
use crate::error::ServiceError;
use crate::http::Principal;
use crate::mail::EmailAddress;
use crate::revocations::{Revocations, Revoked};
use crate::store::StoreError;
use crate::tenants::default_org;

/// The finer word of the rows that the operator token leaves when a person signs in with it.
pub const BREAK_GLASS: &str = "break_glass";

/// Why somebody did not get in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// No such account, another password, disabled, or not verified: which of them is not told.
    #[error("the e-mail address or the password is not right")]
    Wrong,
    /// Too often, or the store or the audit log does not answer.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Coded for SignInError {
    fn code(&self) -> Code {
        match self {
            Self::Wrong => Code::Unauthorized,
            Self::Failed(e) => e.code(),
        }
    }
}

/// Sign-in and sign-out. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SignIn {
    on: Ground,
    operator_token: Option<Secret<String>>,
}

impl SignIn {
    pub(crate) fn new(on: Ground, operator_token: Option<Secret<String>>) -> Self {
        Self { on, operator_token }
    }

    /// Signs a person in.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn with_password(
        &self,
        caller: &Caller,
        email: &str,
        password: &Secret<String>,
    ) -> Result<OpenedLogin, SignInError> {
        let on = &self.on;
        let address = email.parse::<EmailAddress>().ok();
        // What is no address is counted as it stands.
        let key = address.as_ref().map_or_else(|| email.to_lowercase(), |a| a.key().to_owned());
        let peer = throttle::peer(caller.ip);
        let known = match &address {
            Some(address) => users_repo::by_key(&on.store, address.key()).await?,
            None => None,
        };
        let id = known.as_ref().map(|k| &k.user.id);
        let about = self.about(id).await?;
        if let Err(locked) = self.count(&peer, &key).await {
            self.refuse(caller, about, locked.code()).await?;
            return Err(locked.into());
        }
        let phc = known.as_ref().and_then(|k| k.phc.as_deref());
        let verdict = on.passwords.check(password, phc).await?;
        let may =
            |k: &users_repo::Known| k.user.status == UserStatus::Active && k.user.email_verified_at.is_some();
        let Some(known) = known.filter(|k| verdict != Verdict::Wrong && may(k)) else {
            self.refuse(caller, about, Code::Unauthorized).await?;
            return Err(SignInError::Wrong);
        };
        on.throttles.give_back(PEER, &peer).await?;
        on.throttles.forget(ACCOUNT, &key).await?;
        let newer = match verdict {
            Verdict::RightAndOld => Some(on.passwords.hash_again(password).await?),
            _ => None,
        };
        self.open(caller, known, newer).await
    }

    // The password was right a moment ago: it must be the same still when the session opens.
    async fn open(
        &self,
        caller: &Caller,
        known: users_repo::Known,
        newer: Option<String>,
    ) -> Result<OpenedLogin, SignInError> {
        let (on, id) = (self.on.clone(), known.user.id.clone());
        let caller = known_as(caller, &id);
        let home = super::members_repo::home_of(&on.store, Some(&id)).await?;
        let who = WhoLogsIn {
            user: Some(id.clone()),
            org: home,
            ip: caller.ip,
            user_agent: caller.user_agent.clone(),
        };
        let about = on.about(&id).await?;
        let work = async move {
            let mut tx = on.store.begin().await?;
            let now = on.host.now();
            let same = |k: &users_repo::Known| k.user.status == UserStatus::Active && k.phc == known.phc;
            if !users_repo::locked(&mut tx, &id).await?.is_some_and(|k| same(&k)) {
                return Err(ServiceError::Stale);
            }
            if let Some(phc) = newer {
                users_repo::set_phc(&mut tx, &id, &phc, now).await?;
            }
            users_repo::touch_login(&mut tx, &id, now).await?;
            let opened = on.logins.open_in(&mut tx, who).await?;
            tx.commit().await?;
            Ok(opened)
        };
        match self.on.journal.act(&caller, Action::SignedIn, about, work).await {
            Err(ServiceError::Stale) => Err(SignInError::Wrong),
            other => Ok(other?),
        }
    }

    /// Opens a session for a person whose password was set within the same request: by an invitation.
    pub(super) async fn after_joining(
        &self,
        caller: &Caller,
        id: &UserId,
    ) -> Result<OpenedLogin, SignInError> {
        let known = users_repo::with_phc(&self.on.store, id).await?.ok_or(SignInError::Wrong)?;
        self.open(caller, known, None).await
    }

    /// Signs in whoever holds the operator token: break-glass. Its rows say so.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn with_operator_token(
        &self,
        caller: &Caller,
        token: &Secret<String>,
    ) -> Result<OpenedLogin, SignInError> {
        let peer = throttle::peer(caller.ip);
        let about = subject(default_org(), "operator");
        if let Err(locked) = self.on.throttles.take(PEER, &peer).await {
            self.refuse(caller, about, locked.code()).await?;
            return Err(locked.into());
        }
        if !self.operator_token.as_ref().is_some_and(|t| t.matches(token.expose())) {
            self.refuse(caller, about, Code::Unauthorized).await?;
            return Err(SignInError::Wrong);
        }
        self.on.throttles.give_back(PEER, &peer).await?;
        let caller =
            Caller { actor: Caller::operator().actor, ip: caller.ip, user_agent: caller.user_agent.clone() };
        let (logins, org) = (self.on.logins.clone(), Some(default_org()));
        let who = WhoLogsIn { user: None, org, ip: caller.ip, user_agent: caller.user_agent.clone() };
        let work = async move { Ok(logins.open(who).await?) };
        Ok(self.on.journal.act_marked(&caller, Action::SignedIn, about, BREAK_GLASS, work).await?)
    }

    /// Signs out: this browser, or all. Every program that the person connected is signed out with it.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] for who is not signed in with a browser.
    pub async fn out(&self, who: &Principal, everywhere: bool) -> Result<(), ServiceError> {
        const NO_BROWSER: ServiceError =
            ServiceError::Conflict("this is a token, not a browser that is signed in");
        let on = self.on.clone();
        match who {
            Principal::Person(me) => {
                let (login, _) = me.login.clone().ok_or(NO_BROWSER)?;
                let (id, about) = (me.user.id.clone(), on.about(&me.user.id).await?);
                let work = async move {
                    let mut tx = on.store.begin().await?;
                    if !everywhere {
                        super::logins_repo::revoke(&mut tx, &login.id, Some(&id), on.host.now()).await?;
                        on.end_tokens(&mut tx, &id, "sign_out").await?;
                    } else {
                        on.end_access(&mut tx, &id, None, "sign_out").await?;
                    }
                    Ok(on.commit(tx).await?)
                };
                self.on.journal.act(&me.caller, Action::SignedOut, about, work).await
            }
            Principal::Operator { caller, login, .. } => {
                let (login, _) = login.clone().ok_or(NO_BROWSER)?;
                let work = async move {
                    let mut tx = on.store.begin().await?;
                    if everywhere {
                        on.logins.revoke_operators_in(&mut tx).await?;
                    }
                    let now = on.host.now();
                    super::logins_repo::revoke(&mut tx, &login.id, None, now).await?;
                    let gone = Revoked::Login { login: login.id };
                    Revocations::record(&mut tx, &gone, now).await?;
                    Ok(on.commit(tx).await?)
                };
                let about = subject(default_org(), "operator");
                self.on.journal.act_marked(caller, Action::SignedOut, about, BREAK_GLASS, work).await
            }
        }
    }

    /// How many passwords were hashed or checked so far.
    pub fn hash_runs(&self) -> u64 {
        self.on.passwords.runs()
    }

    /// Forgets counts and links that are past their time.
    pub(crate) async fn clear_old(&self) -> Result<(), StoreError> {
        self.on.throttles.clear_old().await?;
        super::mail_tokens_repo::clear_old(&self.on.store, self.on.host.now()).await
    }

    async fn count(&self, peer: &str, key: &str) -> Result<(), ServiceError> {
        self.on.throttles.take(PEER, peer).await?;
        self.on.throttles.take(ACCOUNT, key).await
    }

    // In the log of the person's org. Whom nobody knows is named by nothing: the text may be a password in the wrong field.
    async fn about(&self, user: Option<&UserId>) -> Result<Subject, StoreError> {
        let org = self.on.home_of(user).await?;
        Ok(Subject { org, tenant: None, resource: user.map(ToString::to_string) })
    }

    async fn refuse(&self, caller: &Caller, about: Subject, why: Code) -> Result<(), ServiceError> {
        self.on.journal.note(caller, Action::SignInFailed, about, Some(why)).await
    }
}
