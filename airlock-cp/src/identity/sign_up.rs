//! Sign-up for everybody, where the operator allows it: one answer whether the address is known or not.

use std::time::Duration;

use airlock_core::Secret;
use airlock_core::audit::Action;

use super::ground::{known_as, subject};
use super::mail_tokens_repo::{self, MailToken, Purpose};
use super::throttle::{self, ASKS, MAILS};
use super::users::{address, fresh, taken};
use super::{User, Users, members_repo, orgs_repo, users_repo as repo};
use crate::audit::Caller;
use crate::authz::Role;
use crate::config::Signup;
use crate::error::ServiceError;
use crate::mail::{EmailAddress, Letter};
use crate::secrets::{Prefix, digest};
use crate::tasks::TaskKind;
use crate::tenants::clean_name;

const VERIFY_WITHIN: Duration = Duration::from_secs(86_400);
pub(super) const DEAD_LINK: ServiceError = ServiceError::NotFound("link, or it was used or is too old");

/// Somebody who wants an account.
#[derive(Debug)]
pub struct NewSignUp {
    /// Their address.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// Their password.
    pub password: Secret<String>,
}

impl Users {
    /// Begins an account; a mail tells how it goes on. Nothing tells whether the address has one.
    ///
    /// # Errors
    /// When sign-up needs an invitation, or a field is not allowed.
    pub async fn sign_up(&self, caller: &Caller, new: NewSignUp) -> Result<(), ServiceError> {
        if self.on.signup != Signup::Open {
            return Err(ServiceError::Forbidden("an account needs an invitation here"));
        }
        if !self.on.mailer.sends() {
            return Err(ServiceError::Conflict("no mail is sent here, so an address cannot be verified"));
        }
        let email = address(&new.email)?;
        let name = clean_name("name", &new.name)?;
        self.on.throttles.take(ASKS, &throttle::peer(caller.ip)).await?;
        let phc = self.on.passwords.hash_new(&new.password, &[email.as_str(), &name]).await?;
        // After the answer, so that its time tells nothing.
        let (this, caller) = (self.clone(), caller.clone());
        self.on.tasks.spawn(TaskKind::Act, async move {
            if let Err(error) = this.begin_account(&caller, email, name, phc).await {
                tracing::warn!(%error, "a sign-up did not go on");
            }
        });
        Ok(())
    }

    async fn begin_account(
        &self,
        caller: &Caller,
        email: EmailAddress,
        name: String,
        phc: String,
    ) -> Result<(), ServiceError> {
        self.on.throttles.take(MAILS, email.key()).await?;
        let known = repo::by_key(&self.on.store, email.key()).await?;
        let (user, is_new) = match known {
            Some(known) if known.user.email_verified_at.is_some() => {
                if let Ok(owner) = known.user.email.parse() {
                    self.on.mailer.send(&owner, &Letter::KnownAlready);
                }
                return Ok(());
            }
            Some(known) => (known.user, false),
            None => (fresh(&self.on, &email, name, false), true),
        };
        let token = Prefix::Mail.mint(&*self.on.host);
        // The password stays with its link: it counts if the one who gave it also reads the mail.
        let mail = MailToken { user_id: user.id.clone(), email: user.email.clone(), phc: Some(phc) };
        let (on, made, hash) = (self.on.clone(), user.clone(), digest(token.expose()));
        let work = async move {
            let (mut tx, now) = (on.store.begin().await?, on.host.now());
            if is_new {
                taken(repo::insert(&mut tx, &made, &email, None).await)?;
            }
            mail_tokens_repo::insert(&mut tx, &hash, Purpose::Verify, &mail, (now, now.after(VERIFY_WITHIN)))
                .await?;
            Ok(tx.commit().await?)
        };
        if is_new {
            let about = self.on.about(&user.id).await?;
            self.on.journal.act(caller, Action::UserCreated, about, work).await?;
        } else {
            work.await?;
        }
        if let Ok(to) = user.email.parse() {
            self.on.mailer.send(&to, &Letter::Verify(self.on.mailer.links().verify(&token)));
        }
        Ok(())
    }

    /// Ends a sign-up: the address is theirs, the password given with it counts, and they get an org of their own.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not hold.
    pub async fn verify_email(&self, caller: &Caller, token: &str) -> Result<User, ServiceError> {
        let hash = Prefix::Mail.digest_of(token).ok_or(DEAD_LINK)?;
        let now = self.on.host.now();
        let mail =
            mail_tokens_repo::find(&self.on.store, &hash, Purpose::Verify, now).await?.ok_or(DEAD_LINK)?;
        let user = self.show(&mail.user_id).await?;
        let caller = known_as(caller, &user.id);
        let org = match members_repo::home_of(&self.on.store, Some(&user.id)).await? {
            Some(_) => None,
            // Never `default`: that is the operator's.
            None => Some(super::orgs::fresh(&self.on, &user.name, None)?),
        };
        let about = self.on.about(&user.id).await?;
        let (on, id, own) = (self.on.clone(), user.id.clone(), org.clone());
        let work = async move {
            let mut tx = on.store.begin().await?;
            if !mail_tokens_repo::consume(&mut tx, &hash, now).await? {
                return Err(DEAD_LINK);
            }
            repo::set_verified(&mut tx, &id, now).await?;
            if let Some(phc) = &mail.phc {
                repo::set_phc(&mut tx, &id, phc, now).await?;
            }
            if let Some(org) = &own {
                orgs_repo::insert(&mut tx, org).await?;
                members_repo::insert(&mut tx, &org.id, &id, Role::Owner, now).await?;
            }
            mail_tokens_repo::drop_of(&mut tx, &id, None).await?;
            Ok(tx.commit().await?)
        };
        self.on.journal.act(&caller, Action::EmailVerified, about, work).await?;
        if let Some(org) = &org {
            super::orgs::announce(&self.on, &caller, org).await?;
            let joined = subject(org.id.clone(), user.id.as_str());
            self.on.journal.note(&caller, Action::MemberJoined, joined, None).await?;
        }
        self.show(&user.id).await
    }
}
