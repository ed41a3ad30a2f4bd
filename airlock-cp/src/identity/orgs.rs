//! Orgs: made, shown, renamed, deleted, and which of them a browser shows.

use airlock_core::Host;
use airlock_core::audit::Action;
use airlock_core::id::{OrgId, OrgSlug, UserId};

use super::ground::{Ground, subject};
use super::{Membership, Org, members_repo, orgs_repo as repo};
use crate::audit::Caller;
use crate::authz::Role;
use crate::error::ServiceError;
use crate::http::{OrgCtx, Principal};
use crate::revocations::{Revocations, Revoked};
use crate::store::StoreError;
use crate::tenants::clean_name;
use crate::tenants::{Page, default_org};

const NO_ORG: ServiceError = ServiceError::NotFound("organization");
const SLUG_TAKEN: ServiceError = ServiceError::Conflict("an organization of this slug exists");

/// An org to be made.
#[derive(Clone, Debug, Default)]
pub struct NewOrg {
    /// What people call it.
    pub name: String,
    /// Names it in URLs; made of the name when absent.
    pub slug: Option<String>,
}

/// What to change of an org.
#[derive(Clone, Debug, Default)]
pub struct OrgPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new slug.
    pub slug: Option<String>,
}

/// Orgs, and who is what in them. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Orgs {
    pub(super) on: Ground,
}

impl Orgs {
    pub(crate) fn new(on: Ground) -> Self {
        Self { on }
    }

    /// The org of this id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: &OrgId) -> Result<Org, ServiceError> {
        repo::by_id(&self.on.store, id).await?.ok_or(NO_ORG)
    }

    /// The org of this slug.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn by_slug(&self, slug: &OrgSlug) -> Result<Org, ServiceError> {
        repo::by_slug(&self.on.store, slug).await?.ok_or(NO_ORG)
    }

    /// The orgs of a person, by name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Membership>, StoreError> {
        repo::of_user(&self.on.store, user).await
    }

    /// What a person is in an org; `None` for those who are not in it, are disabled, or whose org is deleted.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn role_of(&self, org: &OrgId, user: &UserId) -> Result<Option<Role>, StoreError> {
        repo::role_of(&self.on.store, org, user).await
    }

    /// All orgs by id, from after `cursor`. For the operator.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Org>, ServiceError> {
        let items = repo::list(&self.on.store, cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |o| o.id.to_string()))
    }

    /// Makes an org without members. For the operator.
    ///
    /// # Errors
    /// When the name or slug is not allowed, or the slug taken.
    pub async fn create(&self, caller: &Caller, new: NewOrg) -> Result<Org, ServiceError> {
        let org = fresh(&self.on, &new.name, new.slug.as_deref())?;
        let (on, made) = (self.on.clone(), org.clone());
        let work = async move {
            let mut tx = on.store.begin().await?;
            free(repo::insert(&mut tx, &made).await)?;
            Ok(tx.commit().await?)
        };
        let about = subject(default_org(), org.id.as_str());
        self.on.journal.act(caller, Action::OrgCreated, about, work).await?;
        announce(&self.on, caller, &org).await?;
        Ok(org)
    }

    /// Changes an org's name or slug; `if_version` is what the caller last saw, when they said so.
    ///
    /// # Errors
    /// When a field is not allowed; [`ServiceError::Stale`] if it was changed since.
    pub async fn patch(
        &self,
        ctx: &OrgCtx,
        patch: OrgPatch,
        if_version: Option<i64>,
    ) -> Result<Org, ServiceError> {
        let before = self.show(ctx.org()).await?;
        let name = match &patch.name {
            Some(name) => clean_name("name", name)?,
            None => before.name,
        };
        let slug = match &patch.slug {
            Some(_) if before.id == default_org() => {
                return Err(ServiceError::Conflict("the organization `default` keeps its slug"));
            }
            Some(text) => slug(text)?,
            None => before.slug,
        };
        let (on, id) = (self.on.clone(), before.id.clone());
        let work = async move {
            let changed = repo::rename(&on.store, &id, if_version, (&name, &slug), on.host.now()).await;
            if !changed.map_err(|e| if e == StoreError::Conflict { SLUG_TAKEN } else { e.into() })? {
                return Err(ServiceError::Stale);
            }
            repo::by_id(&on.store, &id).await?.ok_or(NO_ORG)
        };
        let about = subject(before.id.clone(), before.id.as_str());
        self.on.journal.act(ctx.caller(), Action::OrgUpdated, about, work).await
    }

    /// Deletes an org that has no tenants. Its people stay; what they held in it ends. Its log stays.
    ///
    /// # Errors
    /// [`ServiceError::Conflict`] for the org `default`, and for one that has tenants.
    pub async fn delete(&self, ctx: &OrgCtx) -> Result<(), ServiceError> {
        let id = ctx.org().clone();
        if id == default_org() {
            return Err(ServiceError::Conflict("the organization `default` stays"));
        }
        let (on, org) = (self.on.clone(), id.clone());
        let work = async move {
            let (mut tx, now) = (on.store.begin().await?, on.host.now());
            if !members_repo::lock(&mut tx, &org).await? {
                return Err(NO_ORG);
            }
            if repo::has_tenants(&mut tx, &org).await? {
                return Err(ServiceError::Conflict("the organization has tenants; delete them first"));
            }
            repo::delete(&mut tx, &org, now).await?;
            Revocations::record(&mut tx, &Revoked::Org { org }, now).await?;
            Ok(on.commit(tx).await?)
        };
        let about = subject(id.clone(), id.as_str());
        self.on.journal.act(ctx.caller(), Action::OrgDeleted, about, work).await
    }

    /// Shows another org in this browser from now on.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an org that the person does not belong to.
    pub async fn switch(&self, who: &Principal, org: &OrgId) -> Result<Org, ServiceError> {
        let login = match who {
            Principal::Person(me) => {
                self.role_of(org, &me.user.id).await?.ok_or(NO_ORG)?;
                &me.login
            }
            Principal::Operator { login, .. } => login,
        };
        let shown = self.show(org).await?;
        let (login, _) = login.as_ref().ok_or(ServiceError::Conflict("a token stays in its organization"))?;
        self.on.logins.set_org(&login.id, org).await?;
        Ok(shown)
    }
}

/// An org that does not exist yet.
pub(super) fn fresh(on: &Ground, name: &str, wanted: Option<&str>) -> Result<Org, ServiceError> {
    let name = clean_name("name", name)?;
    let slug = match wanted {
        Some(text) => slug(text)?,
        None => slug_of(&name, &*on.host),
    };
    Ok(Org { id: OrgId::new(&*on.host), slug, name, created_at: on.host.now(), version: 1 })
}

/// Begins the log of an org that was just made.
pub(super) async fn announce(on: &Ground, caller: &Caller, org: &Org) -> Result<(), ServiceError> {
    let about = subject(org.id.clone(), org.id.as_str());
    on.journal.note(caller, Action::OrgCreated, about, None).await
}

fn slug(text: &str) -> Result<OrgSlug, ServiceError> {
    text.parse().map_err(|e| ServiceError::invalid("slug", format!("{e}")))
}

fn free(inserted: Result<(), StoreError>) -> Result<(), ServiceError> {
    match inserted {
        Err(StoreError::Conflict) => Err(SLUG_TAKEN),
        other => Ok(other?),
    }
}

// What is left of the name, and six hex digits, so that it is nobody else's.
fn slug_of(name: &str, host: &dyn Host) -> OrgSlug {
    let mut random = [0; 3];
    host.random(&mut random);
    let mut plain = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => plain.push(c),
            _ if !plain.is_empty() && !plain.ends_with('-') => plain.push('-'),
            _ => {}
        }
    }
    let plain = plain.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let plain: String = plain.chars().take(30).collect();
    let plain = match plain.trim_matches('-') {
        "" => "org",
        plain => plain,
    };
    format!("{plain}-{}", hex::encode(random)).parse().expect("letters, digits and dashes, a letter first")
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn any_name_makes_a_slug() {
        #[track_caller]
        fn check(name: &str, expected: &str) {
            let slug = slug_of(name, &SystemHost::new());
            assert_eq!(slug.as_str().rsplit_once('-').map(|(plain, _)| plain), Some(expected));
        }
        check("Ada's Engines, Ltd.", "ada-s-engines-ltd");
        check("42 & Co", "co");
        check("数学", "org");
        check("---", "org");
        check(&"long ".repeat(20), "long-long-long-long-long-long");
    }
}
