//! Taking an invitation: signed in with its address, or with a new account, whose address the link shows to be theirs.

use airlock_core::Secret;
use airlock_core::audit::Action;
use airlock_core::id::UserId;

use super::ground::{known_as, subject};
use super::invitations::NO_INVITATION;
use super::users::{address, fresh, taken};
use super::{
    Invitation, Invitations, OpenedLogin, SignInError, User, UserStatus, invitations_repo as repo,
    members_repo, users_repo,
};
use crate::audit::Caller;
use crate::error::ServiceError;
use crate::http::Me;
use crate::mail::EmailAddress;
use crate::revocations::{Revocations, Revoked};
use crate::secrets::Prefix;
use crate::tenants::clean_name;

const SIGN_IN_FIRST: ServiceError =
    ServiceError::Conflict("this address has an account: sign in with it, then take the invitation");

/// Who takes an invitation without an account.
#[derive(Debug)]
pub struct NewPerson {
    /// What people call them.
    pub name: String,
    /// Their password.
    pub password: Secret<String>,
}

/// An invitation that was taken.
#[derive(Debug)]
pub struct Joined {
    /// What they were invited to.
    pub invitation: Invitation,
    /// Their session, when they made an account with it.
    pub login: Option<OpenedLogin>,
}

impl Invitations {
    /// Takes an invitation, signed in.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not hold; [`ServiceError::Forbidden`] for another address's.
    pub async fn accept(&self, me: &Me, token: &str) -> Result<Joined, ServiceError> {
        let (hash, invitation) = self.held(token).await?;
        let ours = address(&invitation.email)?.key() == address(&me.user.email)?.key();
        if !ours || me.user.email_verified_at.is_none() || me.login.is_none() {
            return Err(ServiceError::Forbidden("this invitation is for another e-mail address"));
        }
        if repo::is_member(&self.on.store, &invitation.org_id, address(&invitation.email)?.key()).await? {
            return Err(ServiceError::Conflict("you are in this organization already"));
        }
        self.join(&me.caller, &hash, &invitation, &me.user.id, Account::Kept).await?;
        if let Some((login, _)) = &me.login {
            self.on.logins.set_org(&login.id, &invitation.org_id).await?;
        }
        Ok(Joined { invitation, login: None })
    }

    /// Takes an invitation by making an account, and signs in.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not hold; [`ServiceError::Conflict`] if its address has an
    /// account; when a field is not allowed.
    pub async fn accept_new(
        &self,
        caller: &Caller,
        token: &str,
        new: NewPerson,
    ) -> Result<Joined, SignInError> {
        let (hash, invitation) = self.held(token).await?;
        let email = address(&invitation.email)?;
        let name = clean_name("name", &new.name)?;
        let known = users_repo::by_key(&self.on.store, email.key()).await?;
        // An account whose address nobody showed to be theirs is whoever's shows it now.
        let (user, is_new) = match known {
            Some(known) if known.user.email_verified_at.is_some() => return Err(SIGN_IN_FIRST.into()),
            Some(known) if known.user.status == UserStatus::Disabled => return Err(NO_INVITATION.into()),
            Some(known) => (known.user, false),
            None => (fresh(&self.on, &email, name.clone(), true), true),
        };
        let phc = self.on.passwords.hash_new(&new.password, &[email.as_str(), &name]).await?;
        let account = match is_new {
            true => Account::New { user: Box::new(user.clone()), email, phc },
            false => Account::Claimed { name, phc },
        };
        let caller = known_as(caller, &user.id);
        self.join(&caller, &hash, &invitation, &user.id, account).await?;
        if is_new {
            let about = subject(invitation.org_id.clone(), user.id.as_str());
            self.on.journal.note(&caller, Action::UserCreated, about, None).await?;
        }
        let login = self.sign_in.after_joining(&caller, &user.id).await?;
        Ok(Joined { invitation, login: Some(login) })
    }

    async fn held(&self, token: &str) -> Result<([u8; 32], Invitation), ServiceError> {
        let hash = Prefix::Invitation.digest_of(token).ok_or(NO_INVITATION)?;
        let found = repo::by_hash(&self.on.store, &hash, self.on.host.now()).await?;
        Ok((hash, found.ok_or(NO_INVITATION)?.invitation))
    }

    // Of many who show the same link at once, one joins.
    async fn join(
        &self,
        caller: &Caller,
        hash: &[u8; 32],
        invitation: &Invitation,
        user: &UserId,
        account: Account,
    ) -> Result<(), ServiceError> {
        let (on, hash, user) = (self.on.clone(), *hash, user.clone());
        let (org, role) = (invitation.org_id.clone(), invitation.role);
        let about = subject(org.clone(), user.as_str());
        let work = async move {
            let (mut tx, now) = (on.store.begin().await?, on.host.now());
            if !members_repo::lock(&mut tx, &org).await? || !repo::consume(&mut tx, &hash, &user, now).await?
            {
                return Err(NO_INVITATION);
            }
            match account {
                Account::Kept => {}
                Account::New { user, email, phc } => {
                    taken(users_repo::insert(&mut tx, &user, &email, Some(&phc)).await)?;
                }
                Account::Claimed { name, phc } => {
                    users_repo::rename(&mut tx, &user, None, &name, now).await?;
                    users_repo::set_verified(&mut tx, &user, now).await?;
                    users_repo::set_phc(&mut tx, &user, &phc, now).await?;
                    on.end_access(&mut tx, &user, None, "claimed").await?;
                }
            }
            if !members_repo::insert(&mut tx, &org, &user, role, now).await? {
                return Err(ServiceError::Conflict("you are in this organization already"));
            }
            Revocations::record(&mut tx, &Revoked::Membership { org, user }, now).await?;
            Ok(on.commit(tx).await?)
        };
        self.on.journal.act(caller, Action::MemberJoined, about, work).await
    }
}

// What becomes of the account that joins.
enum Account {
    Kept,
    New { user: Box<User>, email: EmailAddress, phc: String },
    Claimed { name: String, phc: String },
}
