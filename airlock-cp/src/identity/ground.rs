//! What all services of people stand on, and what more than one of them does.

use std::sync::Arc;

use airlock_core::Host;
use airlock_core::id::{LoginId, OrgId, UserId};

use super::members_repo;
use super::password::Passwords;
use super::throttle::{self, Throttles};
use super::{Logins, mail_tokens_repo, users_repo};
use crate::audit::{Caller, Journal, Subject};
use crate::config::Signup;
use crate::error::ServiceError;
use crate::mail::Mailer;
use crate::oauth::families_repo;
use crate::revocations::{Revocations, Revoked};
use crate::store::{Sql, Store, StoreError, Tx};
use crate::tasks::Tasks;
use crate::tenants::default_org;
use crate::tenants::hashing::Hashing;

/// What all services of people stand on. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(super) store: Store,
    pub(super) host: Arc<dyn Host>,
    pub(super) journal: Journal,
    pub(super) revocations: Revocations,
    pub(super) logins: Logins,
    pub(super) passwords: Passwords,
    pub(super) throttles: Throttles,
    pub(super) mailer: Mailer,
    pub(super) tasks: Tasks,
    pub(super) signup: Signup,
}

impl Ground {
    #[expect(clippy::too_many_arguments, reason = "called once, by the composition root")]
    pub(crate) fn new(
        store: Store,
        host: Arc<dyn Host>,
        journal: Journal,
        revocations: Revocations,
        logins: Logins,
        keys: &Hashing,
        mailer: Mailer,
        tasks: Tasks,
        signup: Signup,
    ) -> Self {
        let passwords = Passwords::new(keys, host.clone());
        let throttles = Throttles::new(store.clone(), host.clone());
        Self { store, host, journal, revocations, logins, passwords, throttles, mailer, tasks, signup }
    }

    /// In whose log a person's own acts stand: that of the org they joined first; who is in none has the default org's.
    pub(super) async fn home_of(&self, user: Option<&UserId>) -> Result<OrgId, StoreError> {
        let home = members_repo::home_of(&self.store, user).await?;
        Ok(home.unwrap_or_else(default_org))
    }

    /// An act about a person, in the log of their org.
    pub(super) async fn about(&self, user: &UserId) -> Result<Subject, StoreError> {
        Ok(subject(self.home_of(Some(user)).await?, user.as_str()))
    }

    /// Ends a person's sessions but `keep`, their token families and the links under way, within a transaction.
    pub(super) async fn end_access(
        &self,
        tx: &mut Tx,
        user: &UserId,
        keep: Option<&LoginId>,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        self.logins.revoke_all_in(tx, user, keep).await?;
        mail_tokens_repo::drop_of(tx, user, None).await?;
        self.end_tokens(tx, user, reason).await
    }

    /// Ends a person's token families, within a transaction.
    pub(super) async fn end_tokens(
        &self,
        tx: &mut Tx,
        user: &UserId,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        let now = self.host.now();
        families_repo::revoke_of_user(tx, user, None, reason, now).await?;
        Revocations::record(tx, &Revoked::User { user: user.clone() }, now).await
    }

    /// Takes back what a person has in one org: token families, personal access tokens, invitations they made, and the
    /// org as what their browsers show.
    pub(super) async fn end_in_org(
        &self,
        tx: &mut Tx,
        user: &UserId,
        org: &OrgId,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        let now = self.host.now();
        self.end_tokens_in_org(tx, user, org, reason).await?;
        end_pats(tx, user, Some(org), now).await?;
        let sql = Sql::new("UPDATE logins SET org_id = NULL WHERE user_id = ? AND org_id = ?");
        tx.execute(sql.bind(user).bind(org)).await?;
        Revocations::record(tx, &Revoked::Membership { org: org.clone(), user: user.clone() }, now).await
    }

    /// Takes back what reached further than the person now does: token families of the org, invitations they made.
    pub(super) async fn end_tokens_in_org(
        &self,
        tx: &mut Tx,
        user: &UserId,
        org: &OrgId,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        let now = self.host.now();
        families_repo::revoke_of_user(tx, user, Some(org), reason, now).await?;
        members_repo::revoke_invitations_of(tx, user, Some(org), now).await
    }

    /// Commits what took something back, and lets this process know at once.
    pub(super) async fn commit(&self, tx: Tx) -> Result<(), StoreError> {
        tx.commit().await?;
        self.revocations.poll().await
    }

    /// Checks the password of somebody who is signed in, before an act that needs it again.
    ///
    /// # Errors
    /// When it is another; as often as at sign-in.
    pub(super) async fn confirm(
        &self,
        user: &UserId,
        caller: &Caller,
        password: &airlock_core::Secret<String>,
    ) -> Result<(), ServiceError> {
        let known = users_repo::with_phc(&self.store, user).await?.ok_or(ServiceError::NotFound("user"))?;
        let peer = throttle::peer(caller.ip);
        self.throttles.take(throttle::PEER, &peer).await?;
        self.throttles.take(throttle::ACCOUNT, &known.key).await?;
        if self.passwords.check(password, known.phc.as_deref()).await? == super::password::Verdict::Wrong {
            return Err(ServiceError::Forbidden("the password is not right"));
        }
        self.throttles.give_back(throttle::PEER, &peer).await?;
        Ok(self.throttles.forget(throttle::ACCOUNT, &known.key).await?)
    }
}

/// Takes back a person's personal access tokens, or those in one org.
pub(super) async fn end_pats(
    tx: &mut Tx,
    user: &UserId,
    org: Option<&OrgId>,
    now: airlock_core::Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE pats SET revoked_at = ? WHERE revoked_at IS NULL AND user_id = ?");
    let sql = sql.bind(now).bind(user).push_if(" AND org_id = ?", org.map(OrgId::as_str));
    tx.execute(sql).await.map(|_| ())
}

/// What an act is done to, in an org's log.
pub(super) fn subject(org: OrgId, resource: &str) -> Subject {
    Subject { org, tenant: None, resource: Some(resource.to_owned()) }
}

/// The same caller, now that it is known who they are.
pub(super) fn known_as(caller: &Caller, user: &UserId) -> Caller {
    Caller { actor: Caller::person(user).actor, ip: caller.ip, user_agent: caller.user_agent.clone() }
}
