//! Who is in an org, and as what.
//!
//! Owners manage owners; admins manage all others; nobody raises themselves; an owner stays. Who loses a role loses the
//! tokens that they had with it.

use airlock_core::audit::Action;
use airlock_core::id::{OrgId, UserId};

use super::ground::subject;
use super::users::LAST_OWNER;
use super::{Member, Orgs, members_repo as repo};
use crate::audit::Caller;
use crate::authz::{Act, Role};
use crate::error::ServiceError;
use crate::http::{Me, OrgCtx};
use crate::revocations::{Revocations, Revoked};
use crate::tenants::Page;

const NO_MEMBER: ServiceError = ServiceError::NotFound("member");
const OWNERS_ONLY: ServiceError = ServiceError::Forbidden("only an owner makes, changes or removes owners");

impl Orgs {
    /// Members by id, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn members(
        &self,
        ctx: &OrgCtx,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Member>, ServiceError> {
        let items = repo::list(&self.on.store, ctx.org(), cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |m| m.user_id.to_string()))
    }

    /// How many members there are.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn member_count(&self, ctx: &OrgCtx) -> Result<u64, ServiceError> {
        Ok(repo::count(&self.on.store, ctx.org()).await?)
    }

    /// A member; `None` for who is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn member(&self, ctx: &OrgCtx, user: &UserId) -> Result<Option<Member>, ServiceError> {
        Ok(repo::find(&self.on.store, ctx.org(), user).await?)
    }

    /// Makes a member something else. Its caller has checked [`Act::ManageMembers`].
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Forbidden`], and [`ServiceError::Conflict`] for the last owner.
    pub async fn set_role(&self, ctx: &OrgCtx, user: &UserId, role: Role) -> Result<Member, ServiceError> {
        let found = repo::find(&self.on.store, ctx.org(), user).await?;
        found.ok_or(NO_MEMBER)?;
        let (on, org, user) = (self.on.clone(), ctx.org().clone(), user.clone());
        let about = subject(org.clone(), user.as_str());
        let (may_own, oneself) = (ctx.role().may(Act::ManageOwners), ctx.user() == Some(&user));
        let work = async move {
            let mut tx = on.store.begin().await?;
            repo::lock(&mut tx, &org).await?;
            let before = repo::role_in(&mut tx, &org, &user).await?.ok_or(NO_MEMBER)?;
            if (before == Role::Owner || role == Role::Owner) && !may_own {
                return Err(OWNERS_ONLY);
            }
            if oneself && role < before {
                return Err(ServiceError::Forbidden("nobody raises themselves"));
            }
            if before == Role::Owner
                && role != Role::Owner
                && !repo::has_other_owner(&mut tx, &org, &user).await?
            {
                return Err(LAST_OWNER);
            }
            repo::set_role(&mut tx, &org, &user, role).await?;
            if role > before {
                on.end_tokens_in_org(&mut tx, &user, &org, "role_changed").await?;
            }
            let changed = Revoked::Membership { org: org.clone(), user: user.clone() };
            Revocations::record(&mut tx, &changed, on.host.now()).await?;
            on.commit(tx).await?;
            repo::find(&on.store, &org, &user).await?.ok_or(NO_MEMBER)
        };
        self.on.journal.act(ctx.caller(), Action::MemberChanged, about, work).await
    }

    /// Removes a member. Its caller has checked [`Act::ManageMembers`].
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Forbidden`], and [`ServiceError::Conflict`] for the last owner.
    pub async fn remove(&self, ctx: &OrgCtx, user: &UserId) -> Result<(), ServiceError> {
        let may_own = ctx.role().may(Act::ManageOwners);
        self.take_out(ctx.caller(), ctx.org(), user, may_own, "removed").await
    }

    /// Leaves the org that one acts in.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] for the last owner.
    pub async fn leave(&self, me: &Me) -> Result<(), ServiceError> {
        let (org, _) = me.org.as_ref().ok_or(ServiceError::NotFound("organization"))?;
        self.take_out(&me.caller, org, &me.user.id, true, "left").await
    }

    async fn take_out(
        &self,
        caller: &Caller,
        org: &OrgId,
        user: &UserId,
        may_own: bool,
        reason: &'static str,
    ) -> Result<(), ServiceError> {
        let found = repo::find(&self.on.store, org, user).await?;
        found.ok_or(NO_MEMBER)?;
        let (on, org, user) = (self.on.clone(), org.clone(), user.clone());
        let about = subject(org.clone(), user.as_str());
        let work = async move {
            let mut tx = on.store.begin().await?;
            repo::lock(&mut tx, &org).await?;
            let before = repo::role_in(&mut tx, &org, &user).await?.ok_or(NO_MEMBER)?;
            if before == Role::Owner {
                if !may_own {
                    return Err(OWNERS_ONLY);
                }
                if !repo::has_other_owner(&mut tx, &org, &user).await? {
                    return Err(LAST_OWNER);
                }
            }
            repo::remove(&mut tx, &org, &user).await?;
            on.end_in_org(&mut tx, &user, &org, reason).await?;
            Ok(on.commit(tx).await?)
        };
        self.on.journal.act(caller, Action::MemberRemoved, about, work).await
    }
}
