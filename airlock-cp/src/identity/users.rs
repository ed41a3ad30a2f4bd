//! People: made, shown, renamed, disabled, deleted.

use std::time::Duration;

use airlock_core::Secret;
use airlock_core::audit::Action;
use airlock_core::id::{OrgId, UserId};

use super::ground::{Ground, end_pats, subject};
use super::mail_tokens_repo::{self, MailToken, Purpose};
use super::{Org, User, UserStatus, members_repo, orgs_repo, users_repo as repo};
use crate::audit::{Caller, Subject};
use crate::authz::Role;
use crate::error::ServiceError;
use crate::http::Me;
use crate::mail::{EmailAddress, Letter};
use crate::secrets::{Prefix, digest};
use crate::store::{StoreError, Tx};
use crate::tenants::clean_name;
use crate::tenants::{Page, default_org};

const SET_PASSWORD_WITHIN: Duration = Duration::from_secs(86_400);
pub(super) const LAST_OWNER: ServiceError =
    ServiceError::Conflict("an organization keeps an owner; make somebody else an owner first");
pub(super) const TAKEN: ServiceError = ServiceError::Conflict("a person of this e-mail address exists");

/// A person to be made by the operator, who vouches for the address.
#[derive(Debug)]
pub struct NewUser {
    /// Their address.
    pub email: String,
    /// What people call them; what stands before the `@` when absent.
    pub name: Option<String>,
    /// Their password; when absent, a link lets them choose one.
    pub password: Option<Secret<String>>,
    /// The org that they shall own.
    pub owner_of: Option<OwnerOf>,
}

/// The org that a person shall own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnerOf {
    /// One that exists.
    Existing(OrgId),
    /// A new one of this name.
    New(String),
}

/// A person just made.
#[derive(Debug)]
pub struct MadeUser {
    /// Who.
    pub user: User,
    /// Lets them choose a password, once.
    pub link: Option<Secret<String>>,
    /// The org that they own.
    pub org: Option<Org>,
}

/// People. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Users {
    pub(super) on: Ground,
}

impl Users {
    pub(crate) fn new(on: Ground) -> Self {
        Self { on }
    }

    /// The person of this id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for one who was deleted.
    pub async fn show(&self, id: &UserId) -> Result<User, ServiceError> {
        repo::by_id(&self.on.store, id).await?.ok_or(ServiceError::NotFound("user"))
    }

    /// People by id, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, cursor: Option<&str>, limit: usize) -> Result<Page<User>, ServiceError> {
        let items = repo::list(&self.on.store, cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |u| u.id.to_string()))
    }

    /// Makes a person. For the operator.
    ///
    /// # Errors
    /// When a field is not allowed, the address is taken, or the org does not exist.
    pub async fn create(&self, caller: &Caller, new: NewUser) -> Result<MadeUser, ServiceError> {
        let email = address(&new.email)?;
        let name = clean_name("name", new.name.as_deref().unwrap_or_else(|| email.local_part()))?;
        let phc = match &new.password {
            Some(password) => Some(self.on.passwords.hash_new(password, &[email.as_str(), &name]).await?),
            None => None,
        };
        let (on, now) = (self.on.clone(), self.on.host.now());
        let user = fresh(&self.on, &email, name, true);
        let org = match &new.owner_of {
            None => None,
            Some(OwnerOf::Existing(id)) => {
                let found = orgs_repo::by_id(&on.store, id).await?;
                Some(found.ok_or(ServiceError::NotFound("organization"))?)
            }
            Some(OwnerOf::New(name)) => Some(super::orgs::fresh(&on, name, None)?),
        };
        let makes_org = matches!(new.owner_of, Some(OwnerOf::New(_)));
        let token = phc.is_none().then(|| Prefix::Mail.mint(&*on.host));
        // An org that is not there yet has no log yet.
        let home = org.as_ref().filter(|_| !makes_org).map_or_else(default_org, |o| o.id.clone());
        let (made, owned, hash) = (user.clone(), org.clone(), token.as_ref().map(|t| digest(t.expose())));
        let work = async move {
            let mut tx = on.store.begin().await?;
            taken(repo::insert(&mut tx, &made, &email, phc.as_deref()).await)?;
            if let Some(org) = &owned {
                if makes_org {
                    orgs_repo::insert(&mut tx, org).await?;
                }
                if !members_repo::lock(&mut tx, &org.id).await? {
                    return Err(ServiceError::NotFound("organization"));
                }
                members_repo::insert(&mut tx, &org.id, &made.id, Role::Owner, now).await?;
            }
            if let Some(hash) = hash {
                let mail = MailToken { user_id: made.id.clone(), email: made.email.clone(), phc: None };
                let life = (now, now.after(SET_PASSWORD_WITHIN));
                mail_tokens_repo::insert(&mut tx, &hash, Purpose::Reset, &mail, life).await?;
            }
            Ok(tx.commit().await?)
        };
        self.on.journal.act(caller, Action::UserCreated, subject(home, user.id.as_str()), work).await?;
        if let Some(org) = &org {
            if makes_org {
                super::orgs::announce(&self.on, caller, org).await?;
            }
            let joined = subject(org.id.clone(), user.id.as_str());
            self.on.journal.note(caller, Action::MemberJoined, joined, None).await?;
        }
        let link = token.map(|token| self.on.mailer.links().reset(&token));
        if let (Some(link), Ok(to)) = (&link, user.email.parse()) {
            self.on.mailer.send(&to, &Letter::SetPassword(link.clone()));
        }
        Ok(MadeUser { user, link, org })
    }

    /// Renames oneself; `if_version` is what the caller last saw, when they said so.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] if it was changed since.
    pub async fn rename(&self, me: &Me, name: &str, if_version: Option<i64>) -> Result<User, ServiceError> {
        let (name, on, id) = (clean_name("name", name)?, self.on.clone(), me.user.id.clone());
        let work = async move {
            let mut tx = on.store.begin().await?;
            if !repo::rename(&mut tx, &id, if_version, &name, on.host.now()).await? {
                return Err(ServiceError::Stale);
            }
            tx.commit().await?;
            repo::by_id(&on.store, &id).await?.ok_or(ServiceError::NotFound("user"))
        };
        self.on.journal.act(&me.caller, Action::UserUpdated, self.on.about(&me.user.id).await?, work).await
    }

    /// Disables a person, at once and everywhere, or enables them again. For the operator.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] for the last owner of an org.
    pub async fn set_status(
        &self,
        caller: &Caller,
        id: &UserId,
        status: UserStatus,
    ) -> Result<User, ServiceError> {
        self.show(id).await?;
        let (on, user) = (self.on.clone(), id.clone());
        let work = async move {
            let mut tx = on.store.begin().await?;
            if status == UserStatus::Disabled {
                keep_owners(&mut tx, &user).await?;
                on.end_access(&mut tx, &user, None, "disabled").await?;
                members_repo::revoke_invitations_of(&mut tx, &user, None, on.host.now()).await?;
            }
            repo::set_status(&mut tx, &user, status, on.host.now()).await?;
            on.commit(tx).await?;
            repo::by_id(&on.store, &user).await?.ok_or(ServiceError::NotFound("user"))
        };
        self.on.journal.act(caller, Action::UserUpdated, self.on.about(id).await?, work).await
    }

    /// Deletes one's own account.
    ///
    /// # Errors
    /// When the password is not right; [`ServiceError::Conflict`] for the last owner of an org.
    pub async fn delete_me(&self, me: &Me, password: &Secret<String>) -> Result<(), ServiceError> {
        self.on.confirm(&me.user.id, &me.caller, password).await?;
        self.delete(&me.caller, &me.user.id).await
    }

    /// Deletes a person: their row keeps the id, without name and address. For the operator.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] for the last owner of an org.
    pub async fn delete(&self, caller: &Caller, id: &UserId) -> Result<(), ServiceError> {
        self.show(id).await?;
        let (on, user, about) = (self.on.clone(), id.clone(), self.on.about(id).await?);
        let work = async move {
            let (mut tx, now) = (on.store.begin().await?, on.host.now());
            let orgs = keep_owners(&mut tx, &user).await?;
            for (org, _) in &orgs {
                on.end_in_org(&mut tx, &user, org, "deleted").await?;
                members_repo::remove(&mut tx, org, &user).await?;
            }
            end_pats(&mut tx, &user, None, now).await?;
            members_repo::revoke_invitations_of(&mut tx, &user, None, now).await?;
            on.end_access(&mut tx, &user, None, "deleted").await?;
            repo::delete(&mut tx, &user, now).await?;
            on.commit(tx).await?;
            Ok(orgs)
        };
        let orgs = self.on.journal.act(caller, Action::UserDeleted, about, work).await?;
        for (org, _) in orgs {
            self.on.journal.note(caller, Action::MemberRemoved, subject(org, id.as_str()), None).await?;
        }
        Ok(())
    }

    /// Ends one session of a person, or all of them with their tokens. For the operator, and for oneself.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another person's session.
    pub async fn revoke_sessions(
        &self,
        caller: &Caller,
        id: &UserId,
        which: Sessions,
    ) -> Result<(), ServiceError> {
        self.show(id).await?;
        let (on, user) = (self.on.clone(), id.clone());
        let about = match &which {
            Sessions::One(login) => Subject { resource: Some(login.to_string()), ..self.on.about(id).await? },
            _ => self.on.about(id).await?,
        };
        let work = async move {
            if let Sessions::One(login) = &which {
                return on.logins.revoke(login, Some(&user)).await;
            }
            let mut tx = on.store.begin().await?;
            match &which {
                Sessions::AllBut(keep) => on.logins.revoke_all_in(&mut tx, &user, Some(keep)).await?,
                _ => on.end_access(&mut tx, &user, None, "sessions_revoked").await?,
            }
            Ok(on.commit(tx).await?)
        };
        self.on.journal.act(caller, Action::SessionRevoked, about, work).await
    }
}

/// Which sessions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// This one.
    One(airlock_core::id::LoginId),
    /// All but this one.
    AllBut(airlock_core::id::LoginId),
    /// All, with every token of the person.
    All,
}

/// A person who does not exist yet.
pub(super) fn fresh(on: &Ground, email: &EmailAddress, name: String, verified: bool) -> User {
    let now = on.host.now();
    User {
        id: UserId::new(&*on.host),
        email: email.as_str().to_owned(),
        email_verified_at: verified.then_some(now),
        name,
        status: UserStatus::Active,
        created_at: now,
        last_login_at: None,
        version: 1,
    }
}

/// An address given by a person.
pub(super) fn address(text: &str) -> Result<EmailAddress, ServiceError> {
    text.parse().map_err(|e| ServiceError::invalid("email", format!("{e}")))
}

/// An insert of a person whose address may be taken.
pub(super) fn taken(inserted: Result<(), StoreError>) -> Result<(), ServiceError> {
    match inserted {
        Err(StoreError::Conflict) => Err(TAKEN),
        other => Ok(other?),
    }
}

// Holds every org of the person; refuses if one would be left without an owner who can act.
async fn keep_owners(tx: &mut Tx, user: &UserId) -> Result<Vec<(OrgId, Role)>, ServiceError> {
    let orgs = members_repo::orgs_of(tx, user).await?;
    for (org, role) in &orgs {
        members_repo::lock(tx, org).await?;
        if *role == Role::Owner && !members_repo::has_other_owner(tx, org, user).await? {
            return Err(LAST_OWNER);
        }
    }
    Ok(orgs)
}
