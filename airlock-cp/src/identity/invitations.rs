//! Invitations: made, shown, sent again, taken back.
//!
//! The link shows that who has it reads the address's mail, so it is mailed, and given to nobody but the operator: an
//! admin who had it could take it in another's name.

use std::time::Duration;

use airlock_core::Secret;
use airlock_core::audit::Action;
use airlock_core::id::InvitationId;

use super::ground::{Ground, subject};
use super::throttle::INVITATIONS;
use super::users::address;
use super::{Invitation, SignIn, invitations_repo as repo, members_repo, users_repo};
use crate::authz::{Act, Role};
use crate::error::ServiceError;
use crate::http::OrgCtx;
use crate::mail::Letter;
use crate::secrets::{Prefix, digest};
use crate::tenants::Page;

const TAKE_WITHIN: Duration = Duration::from_secs(7 * 86_400);
pub(super) const NO_INVITATION: ServiceError =
    ServiceError::NotFound("invitation, or it was taken, taken back, or is too old");
const OWNERS_ONLY: ServiceError = ServiceError::Forbidden("only an owner invites owners");

/// An invitation just made or sent again.
#[derive(Debug)]
pub struct MadeInvitation {
    /// What is known of it.
    pub invitation: Invitation,
    /// Its link, the only time it is seen; for the operator only.
    pub link: Option<Secret<String>>,
}

/// An invitation as who has its link sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct InvitationView {
    /// The org's name.
    pub org: String,
    /// The name of who invites; the operator has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<String>,
    /// Who is asked.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Until when it can be taken.
    pub expires_at: airlock_core::Timestamp,
    /// Whether the address has an account, which then signs in to take it.
    pub has_account: bool,
}

/// Invitations. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Invitations {
    pub(super) on: Ground,
    pub(super) sign_in: SignIn,
}

impl Invitations {
    pub(crate) fn new(on: Ground, sign_in: SignIn) -> Self {
        Self { on, sign_in }
    }

    /// Invites an address into the org; an earlier invitation of it is taken back. Its caller has checked
    /// [`Act::ManageMembers`].
    ///
    /// # Errors
    /// When the address is none or is in the org, the role is not the caller's to give, or no mail is sent.
    pub async fn create(
        &self,
        ctx: &OrgCtx,
        email: &str,
        role: Role,
    ) -> Result<MadeInvitation, ServiceError> {
        self.may_give(ctx, role)?;
        let email = address(email)?;
        let org = ctx.org();
        if repo::is_member(&self.on.store, org, email.key()).await? {
            return Err(ServiceError::Conflict("a member has this e-mail address"));
        }
        self.on.throttles.take(INVITATIONS, org.as_str()).await?;
        let (on, now) = (self.on.clone(), self.on.host.now());
        let invitation = Invitation {
            id: InvitationId::new(&*on.host),
            org_id: org.clone(),
            email: email.as_str().to_owned(),
            role,
            invited_by: ctx.user().map_or_else(|| "operator".to_owned(), ToString::to_string),
            created_at: now,
            expires_at: now.after(TAKE_WITHIN),
        };
        let token = Prefix::Invitation.mint(&*on.host);
        let (made, hash) = (invitation.clone(), digest(token.expose()));
        let about = subject(org.clone(), invitation.id.as_str());
        let work = async move {
            let mut tx = on.store.begin().await?;
            if !members_repo::lock(&mut tx, &made.org_id).await? {
                return Err(ServiceError::NotFound("organization"));
            }
            repo::revoke_of_address(&mut tx, &made.org_id, email.key(), now).await?;
            repo::insert(&mut tx, &made, email.key(), &hash).await?;
            Ok(tx.commit().await?)
        };
        self.on.journal.act(ctx.caller(), Action::InvitationCreated, about, work).await?;
        self.deliver(ctx, invitation, &token).await
    }

    /// Invitations that nobody took, by id, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        ctx: &OrgCtx,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Invitation>, ServiceError> {
        let items = repo::list(&self.on.store, ctx.org(), cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |i| i.id.to_string()))
    }

    /// Sends an invitation again with another link; the one before is dead.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another org's; as [`Invitations::create`].
    pub async fn resend(&self, ctx: &OrgCtx, id: &InvitationId) -> Result<MadeInvitation, ServiceError> {
        let mut invitation = self.found(ctx, id).await?.invitation;
        self.may_give(ctx, invitation.role)?;
        self.on.throttles.take(INVITATIONS, ctx.org().as_str()).await?;
        invitation.expires_at = self.on.host.now().after(TAKE_WITHIN);
        let token = Prefix::Invitation.mint(&*self.on.host);
        let (on, renewed, hash) = (self.on.clone(), invitation.clone(), digest(token.expose()));
        let about = subject(ctx.org().clone(), id.as_str());
        let work = async move {
            let mut tx = on.store.begin().await?;
            let ends = renewed.expires_at;
            if !repo::renew(&mut tx, &renewed.org_id, &renewed.id, &hash, ends).await? {
                return Err(NO_INVITATION);
            }
            Ok(tx.commit().await?)
        };
        self.on.journal.act(ctx.caller(), Action::InvitationCreated, about, work).await?;
        self.deliver(ctx, invitation, &token).await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another org's.
    pub async fn revoke(&self, ctx: &OrgCtx, id: &InvitationId) -> Result<(), ServiceError> {
        let invitation = self.found(ctx, id).await?.invitation;
        if invitation.role == Role::Owner && !ctx.role().may(Act::ManageOwners) {
            return Err(OWNERS_ONLY);
        }
        let (on, org, id) = (self.on.clone(), ctx.org().clone(), id.clone());
        let about = subject(org.clone(), id.as_str());
        let work = async move {
            let mut tx = on.store.begin().await?;
            if !repo::revoke(&mut tx, &org, &id, on.host.now()).await? {
                return Err(NO_INVITATION);
            }
            Ok(tx.commit().await?)
        };
        self.on.journal.act(ctx.caller(), Action::InvitationRevoked, about, work).await
    }

    /// What a link invites to.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for a link that does not hold.
    pub async fn view(&self, token: &str) -> Result<InvitationView, ServiceError> {
        let hash = Prefix::Invitation.digest_of(token).ok_or(NO_INVITATION)?;
        let found = repo::by_hash(&self.on.store, &hash, self.on.host.now()).await?;
        let repo::Found { invitation, org, inviter } = found.ok_or(NO_INVITATION)?;
        let known = users_repo::by_key(&self.on.store, address(&invitation.email)?.key()).await?;
        Ok(InvitationView {
            org,
            invited_by: inviter,
            email: invitation.email,
            role: invitation.role,
            expires_at: invitation.expires_at,
            has_account: known.is_some_and(|k| k.user.email_verified_at.is_some()),
        })
    }

    async fn found(&self, ctx: &OrgCtx, id: &InvitationId) -> Result<repo::Found, ServiceError> {
        repo::find(&self.on.store, ctx.org(), id).await?.ok_or(NO_INVITATION)
    }

    // A link that reaches nobody invites nobody.
    fn may_give(&self, ctx: &OrgCtx, role: Role) -> Result<(), ServiceError> {
        if role == Role::Owner && !ctx.role().may(Act::ManageOwners) {
            return Err(OWNERS_ONLY);
        }
        if ctx.user().is_some() && !self.on.mailer.sends() {
            return Err(ServiceError::Conflict("no mail is sent here; the operator invites"));
        }
        Ok(())
    }

    async fn deliver(
        &self,
        ctx: &OrgCtx,
        invitation: Invitation,
        token: &Secret<String>,
    ) -> Result<MadeInvitation, ServiceError> {
        let link = self.on.mailer.links().invitation(token);
        let repo::Found { org, inviter, .. } = self.found(ctx, &invitation.id).await?;
        let letter = Letter::Invitation { org, inviter, role: invitation.role.as_str(), link: link.clone() };
        self.on.mailer.send(&address(&invitation.email)?, &letter);
        let link = ctx.user().is_none().then_some(link);
        Ok(MadeInvitation { invitation, link })
    }
}
