//! Passwords forgotten, set anew and changed; addresses changed.

use std::time::Duration;

use airlock_core::Secret;
use airlock_core::audit::Action;

use super::ground::known_as;
use super::mail_tokens_repo::{self, MailToken, Purpose};
use super::sign_up::DEAD_LINK;
use super::throttle::{self, ACCOUNT, ASKS, MAILS};
use super::users::{TAKEN, address};
use super::{User, UserStatus, Users, users_repo as repo};
use crate::audit::Caller;
use crate::error::ServiceError;
use crate::http::Me;
use crate::mail::{EmailAddress, Letter};
use crate::secrets::{Prefix, digest};
use crate::store::StoreError;
use crate::tasks::TaskKind;

const RESET_WITHIN: Duration = Duration::from_secs(30 * 60);
const IN_A_BROWSER: ServiceError =
    ServiceError::Forbidden("sign in with a browser for this; a token does not do");

impl Users {
    /// Mails a link to set another password, if the address is somebody's. Nothing tells whether it is.
    ///
    /// # Errors
    /// [`ServiceError::TooMany`] from one peer.
    pub async fn forgot(&self, caller: &Caller, email: &str) -> Result<(), ServiceError> {
        self.on.throttles.take(ASKS, &throttle::peer(caller.ip)).await?;
        let Ok(email) = email.parse::<EmailAddress>() else { return Ok(()) };
        // After the answer, so that its time tells nothing.
        let this = self.clone();
        self.on.tasks.spawn(TaskKind::Act, async move {
            match this.mail_reset(&email).await {
                Ok(()) | Err(ServiceError::TooMany { .. }) => {}
                Err(error) => tracing::warn!(%error, "a link for another password was not sent"),
            }
        });
        Ok(())
    }

    async fn mail_reset(&self, email: &EmailAddress) -> Result<(), ServiceError> {
        self.on.throttles.take(MAILS, email.key()).await?;
        let Some(known) = repo::by_key(&self.on.store, email.key()).await? else { return Ok(()) };
        if known.user.status != UserStatus::Active {
            return Ok(());
        }
        // To the address as its owner wrote it, whatever was asked for.
        let to = address(&known.user.email)?;
        let token = self.mint(&known.user, known.user.email.clone(), Purpose::Reset).await?;
        self.on.mailer.send(&to, &Letter::Reset(self.on.mailer.links().reset(&token)));
        Ok(())
    }

    async fn mint(&self, user: &User, email: String, purpose: Purpose) -> Result<Secret<String>, StoreError> {
        let (token, now) = (Prefix::Mail.mint(&*self.on.host), self.on.host.now());
        let mail = MailToken { user_id: user.id.clone(), email, phc: None };
        let mut tx = self.on.store.begin().await?;
        let life = (now, now.after(RESET_WITHIN));
        mail_tokens_repo::insert(&mut tx, &digest(token.expose()), purpose, &mail, life).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Sets another password with a mailed link, and ends all sessions and tokens.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not hold; when the password is not good enough.
    pub async fn reset(
        &self,
        caller: &Caller,
        token: &str,
        password: &Secret<String>,
    ) -> Result<(), ServiceError> {
        let hash = Prefix::Mail.digest_of(token).ok_or(DEAD_LINK)?;
        let now = self.on.host.now();
        let mail =
            mail_tokens_repo::find(&self.on.store, &hash, Purpose::Reset, now).await?.ok_or(DEAD_LINK)?;
        let known = repo::with_phc(&self.on.store, &mail.user_id).await?.ok_or(DEAD_LINK)?;
        let user = known.user;
        if user.status != UserStatus::Active {
            return Err(DEAD_LINK);
        }
        let phc = self.on.passwords.hash_new(password, &[&user.email, &user.name]).await?;
        let caller = known_as(caller, &user.id);
        let (on, id, about) = (self.on.clone(), user.id.clone(), self.on.about(&user.id).await?);
        let work = async move {
            let (mut tx, now) = (on.store.begin().await?, on.host.now());
            if !mail_tokens_repo::consume(&mut tx, &hash, now).await? {
                return Err(DEAD_LINK);
            }
            repo::set_phc(&mut tx, &id, &phc, now).await?;
            repo::set_verified(&mut tx, &id, now).await?;
            on.end_access(&mut tx, &id, None, "password_reset").await?;
            Ok(on.commit(tx).await?)
        };
        self.on.journal.act(&caller, Action::PasswordReset, about, work).await?;
        // Whoever reads the mail is not kept out by those who guessed.
        self.on.throttles.forget(ACCOUNT, &known.key).await?;
        self.on.mailer.send(&address(&user.email)?, &Letter::PasswordChanged);
        Ok(())
    }

    /// Changes one's password; ends all other sessions, and all tokens.
    ///
    /// # Errors
    /// When the old one is not right, or the new one not good enough.
    pub async fn change_password(
        &self,
        me: &Me,
        old: &Secret<String>,
        new: &Secret<String>,
    ) -> Result<(), ServiceError> {
        let (login, _) = me.login.clone().ok_or(IN_A_BROWSER)?;
        let user = &me.user;
        self.on.confirm(&user.id, &me.caller, old).await?;
        let phc = self.on.passwords.hash_new(new, &[&user.email, &user.name]).await?;
        let (on, id, about) = (self.on.clone(), user.id.clone(), self.on.about(&user.id).await?);
        let work = async move {
            let mut tx = on.store.begin().await?;
            repo::set_phc(&mut tx, &id, &phc, on.host.now()).await?;
            on.end_access(&mut tx, &id, Some(&login.id), "password_changed").await?;
            Ok(on.commit(tx).await?)
        };
        self.on.journal.act(&me.caller, Action::PasswordChanged, about, work).await?;
        self.on.mailer.send(&address(&user.email)?, &Letter::PasswordChanged);
        Ok(())
    }

    /// Asks for another address: a link goes there, and it counts once that is followed. Nothing tells whether the
    /// address is somebody else's.
    ///
    /// # Errors
    /// When the password is not right, the address is none, or no mail is sent.
    pub async fn change_email(
        &self,
        me: &Me,
        password: &Secret<String>,
        email: &str,
    ) -> Result<(), ServiceError> {
        me.login.as_ref().ok_or(IN_A_BROWSER)?;
        if !self.on.mailer.sends() {
            return Err(ServiceError::Conflict("no mail is sent here, so an address cannot be verified"));
        }
        let email = address(email)?;
        self.on.confirm(&me.user.id, &me.caller, password).await?;
        self.on.throttles.take(ASKS, &throttle::peer(me.caller.ip)).await?;
        self.on.throttles.take(MAILS, email.key()).await?;
        let (this, user) = (self.clone(), me.user.clone());
        self.on.tasks.spawn(TaskKind::Act, async move {
            if let Err(error) = this.mail_change(&user, email).await {
                tracing::warn!(%error, "a link for another address was not sent");
            }
        });
        Ok(())
    }

    async fn mail_change(&self, user: &User, email: EmailAddress) -> Result<(), ServiceError> {
        let owner = repo::by_key(&self.on.store, email.key()).await?;
        if owner.is_some_and(|owner| owner.user.id != user.id) {
            return Ok(());
        }
        let token = self.mint(user, email.as_str().to_owned(), Purpose::Change).await?;
        self.on.mailer.send(&email, &Letter::ConfirmAddress(self.on.mailer.links().change(&token)));
        Ok(())
    }

    /// Takes in another address with the link that was mailed there, signed in; the old address is told.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not hold, or is another person's.
    pub async fn confirm_email(&self, me: &Me, token: &str) -> Result<User, ServiceError> {
        me.login.as_ref().ok_or(IN_A_BROWSER)?;
        let hash = Prefix::Mail.digest_of(token).ok_or(DEAD_LINK)?;
        let now = self.on.host.now();
        let mail = mail_tokens_repo::find(&self.on.store, &hash, Purpose::Change, now).await?;
        // Another's link would make their address this account's, or this one theirs.
        let mail = mail.filter(|mail| mail.user_id == me.user.id).ok_or(DEAD_LINK)?;
        let email = address(&mail.email)?;
        let (on, id, about) = (self.on.clone(), me.user.id.clone(), self.on.about(&me.user.id).await?);
        let work = async move {
            let (mut tx, now) = (on.store.begin().await?, on.host.now());
            if !mail_tokens_repo::consume(&mut tx, &hash, now).await? {
                return Err(DEAD_LINK);
            }
            match repo::set_email(&mut tx, &id, &email, now).await {
                Err(StoreError::Conflict) => return Err(TAKEN),
                other => other?,
            }
            // Links that went to the old address are dead with it.
            mail_tokens_repo::drop_of(&mut tx, &id, None).await?;
            Ok(tx.commit().await?)
        };
        self.on.journal.act(&me.caller, Action::EmailChanged, about, work).await?;
        self.on.mailer.send(&address(&me.user.email)?, &Letter::AddressChanged);
        self.show(&me.user.id).await
    }
}
