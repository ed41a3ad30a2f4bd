//! The token endpoint: codes, refresh tokens and device codes into tokens.

use std::time::Duration;

use airlock_core::audit::Action;
use airlock_core::crypto::PkceChallenge;
use airlock_core::id::{FamilyId, OrgId, UserId};
use airlock_core::{Code, Timestamp};
use http::HeaderMap;

use super::authorize::granted;
use super::base::{Base, Seen};
use super::client::{Client, Grant};
use super::client_auth::ClientAuth;
use super::devices::Devices;
use super::families::FAMILY_FOR;
use super::issue::{Reach, Successors, TokenAnswer};
use super::params::Params;
use super::tokens_repo::{self as repo, FamilyRow, RefreshRow, Use};
use super::{OauthError, Refusal, Resource, Word, codes_repo, families_repo, request};
use crate::revocations::{Revocations, Revoked};
use crate::secrets::{Prefix, digest};
use crate::store::Tx;

/// How long a client that lost the answer gets the same again.
pub const GRACE: Duration = Duration::from_secs(30);

/// The token endpoint. Cloning shares it.
#[derive(Clone, Debug)]
pub struct TokenEndpoint {
    base: Base,
    auth: ClientAuth,
    devices: Devices,
}

/// Who gets tokens, and what of: settled, and not yet issued.
struct Settled {
    user: UserId,
    org: OrgId,
    auth_at: Timestamp,
}

impl TokenEndpoint {
    pub(super) fn new(base: Base, auth: ClientAuth, devices: Devices) -> Self {
        Self { base, auth, devices }
    }

    /// Answers a request: its headers and its form.
    ///
    /// # Errors
    /// With what RFC 6749, 5.2, 8628 and 8707 have for it.
    pub async fn answer(
        &self,
        headers: &HeaderMap,
        params: &Params,
        seen: &Seen,
    ) -> Result<TokenAnswer, OauthError> {
        params.each_once()?;
        let word = params.need("grant_type", "grant_type is missing")?;
        let unsupported = Refusal::new(Word::UnsupportedGrantType, "no such grant here");
        let grant = Grant::parse(word).ok_or(unsupported)?;
        let client = self.auth.client(headers, params).await?;
        if !client.allows(grant) {
            return Err(Refusal::new(Word::UnauthorizedClient, "this client may not use this grant").into());
        }
        match grant {
            Grant::AuthorizationCode => self.code(&client, params, seen).await,
            Grant::RefreshToken => self.refresh(&client, params, seen).await,
            Grant::DeviceCode => {
                self.device(&client, params.need("device_code", "device_code is missing")?, seen).await
            }
        }
    }

    /// A device code of our own SDKs' client, for the first-party proxy.
    ///
    /// # Errors
    /// As [`TokenEndpoint::answer`].
    pub async fn first_party_device(&self, code: &str, seen: &Seen) -> Result<TokenAnswer, OauthError> {
        self.device(&Client::first_party(), code, seen).await
    }

    /// A refresh token of our own SDKs' client, for the first-party proxy.
    ///
    /// # Errors
    /// As [`TokenEndpoint::answer`].
    pub async fn first_party_refresh(&self, token: &str, seen: &Seen) -> Result<TokenAnswer, OauthError> {
        let params = Params::from([("refresh_token".to_owned(), token.to_owned())].as_slice());
        self.refresh(&Client::first_party(), &params, seen).await
    }

    async fn code(&self, client: &Client, params: &Params, seen: &Seen) -> Result<TokenAnswer, OauthError> {
        const BAD: Refusal = Refusal::grant("the code does not hold, or not for this request");
        let shown = params.need("code", "code is missing")?;
        let verifier = params.need("code_verifier", "code_verifier is missing: PKCE is needed")?;
        let redirect_uri = params.one("redirect_uri")?;
        let asked = request::resources(&self.base.issuer, params)?;
        let hash = Prefix::Code.digest_of(shown).ok_or(BAD)?;
        let now = self.base.now();
        let mut tx = self.base.store.begin().await?;
        let code = codes_repo::lock(&mut tx, &hash).await?.ok_or(BAD)?;
        if code.used_at.is_some() {
            // Who shows a code twice, or shows another's, may have stolen it: what it became ends.
            if let Some(family) = &code.family {
                self.betrayed(tx, family, (&code.user, &code.org), client, seen).await?;
            }
            return Err(BAD.into());
        }
        let challenge = PkceChallenge::parse(&code.challenge).ok_or(BAD)?;
        let redirect_holds = match redirect_uri {
            Some(given) => given == code.redirect_uri,
            None => !code.redirect_given,
        };
        let holds = code.client_id == client.client_id && now < code.expires_at && redirect_holds;
        if !holds || !challenge.matches(verifier) {
            return Err(BAD.into());
        }
        let resource = narrow(&mut tx, &code.resource, &asked, &code.org).await?;
        let person = repo::person(&mut tx, &code.user, &code.org).await?.ok_or(BAD)?;
        let scopes = granted(Some(&code.scopes), person.role);
        if scopes.is_empty() {
            return Err(BAD.into());
        }
        let of = Settled { user: code.user, org: code.org, auth_at: code.auth_at };
        let family = self.family(client, of, code.resource, code.scopes);
        if now >= family.ends_at {
            return Err(BAD.into());
        }
        codes_repo::use_up(&mut tx, &hash, &family.id, now).await?;
        let reach = Reach { client, family: &family, person: &person, resource, scopes };
        let answer = reach.first(&self.base, &mut tx, code.nonce.as_deref(), now).await?;
        tx.commit().await?;
        self.issued(&family, seen).await?;
        Ok(answer)
    }

    async fn device(&self, client: &Client, code: &str, seen: &Seen) -> Result<TokenAnswer, OauthError> {
        const BAD: Refusal = Refusal::grant("the device code does not hold, or not for this client");
        let now = self.base.now();
        let mut tx = self.base.store.begin().await?;
        let approved = self.devices.take(&mut tx, client, code, now).await;
        let approved = match approved {
            Ok(approved) => approved,
            Err(OauthError::Refused(refusal)) => {
                // What was counted, such as how often it asked, stays counted.
                tx.commit().await?;
                return Err(refusal.into());
            }
            Err(other) => return Err(other),
        };
        let person = repo::person(&mut tx, &approved.user, &approved.org).await?.ok_or(BAD)?;
        let scopes = granted(Some(&approved.scopes), person.role);
        if scopes.is_empty() {
            return Err(BAD.into());
        }
        let of = Settled { user: approved.user, org: approved.org, auth_at: approved.auth_at };
        let family = self.family(client, of, approved.resource, approved.scopes);
        if now >= family.ends_at {
            return Err(BAD.into());
        }
        let resource = family.resource.clone();
        let reach = Reach { client, family: &family, person: &person, resource, scopes };
        let answer = reach.first(&self.base, &mut tx, None, now).await?;
        tx.commit().await?;
        self.issued(&family, seen).await?;
        Ok(answer)
    }

    async fn refresh(
        &self,
        client: &Client,
        params: &Params,
        seen: &Seen,
    ) -> Result<TokenAnswer, OauthError> {
        const BAD: Refusal = Refusal::grant("the refresh token does not hold, or not for this client");
        let shown = params.need("refresh_token", "refresh_token is missing")?;
        let scopes_asked = request::scopes(params)?;
        let resources_asked = request::resources(&self.base.issuer, params)?;
        let hash = Prefix::Refresh.digest_of(shown).ok_or(BAD)?;
        let successors = Successors::of(&self.base, shown);
        let successor_hash = digest(successors.refresh.expose());
        let now = self.base.now();
        let use_now = Use {
            at: now,
            from: repo::from(seen.ip),
            scopes: scopes_asked.as_ref().map(ToString::to_string).unwrap_or_default(),
            resource: resources_asked
                .iter()
                .map(|r| r.as_ref().map_or("/".to_owned(), Resource::to_string))
                .collect::<Vec<_>>()
                .join(" "),
        };
        let mut tx = self.base.store.begin().await?;
        let (user, org) = repo::owner_of_refresh(&mut tx, &hash).await?.ok_or(BAD)?;
        let person = repo::person(&mut tx, &user, &org).await?;
        let row = repo::lock_refresh(&mut tx, &hash).await?.ok_or(BAD)?;
        let successor_unused = row.used.is_some() && repo::is_unused(&mut tx, &successor_hash).await?;
        let at = match judge(&row, &client.client_id, &use_now, successor_unused) {
            Verdict::Refuse => return Err(BAD.into()),
            Verdict::Betrayed => {
                self.betrayed(tx, &row.family.id, (&user, &org), client, seen).await?;
                return Err(BAD.into());
            }
            Verdict::Rotate => now,
            Verdict::Repeat { at } => at,
        };
        let person = person.ok_or(BAD)?;
        let family = row.family;
        let resource = narrow(&mut tx, &family.resource, &resources_asked, &family.org).await?;
        let scopes = match &scopes_asked {
            None => family.scopes.clone(),
            Some(asked) if asked.iter().all(|scope| family.scopes.has(scope)) => asked.clone(),
            Some(_) => return Err(Refusal::new(Word::InvalidScope, "more than was granted").into()),
        };
        let scopes = granted(Some(&scopes), person.role);
        if scopes.is_empty() {
            return Err(BAD.into());
        }
        let reach = Reach { client, family: &family, person: &person, resource, scopes };
        if row.used.is_none() {
            if !repo::use_refresh(&mut tx, &hash, &use_now).await? {
                return Err(BAD.into());
            }
            repo::insert_refresh(&mut tx, &successor_hash, &family.id, now).await?;
            repo::touch_family(&mut tx, &family.id, now).await?;
        }
        let (access, ends_at) = reach.keep_access(&self.base, &mut tx, &successors.access_seed, at).await?;
        let answer = reach.answer(access, Some(successors.refresh), ends_at.since(now), None);
        tx.commit().await?;
        self.issued(&family, seen).await?;
        Ok(answer)
    }

    fn family(&self, client: &Client, of: Settled, resource: Resource, scopes: super::Scopes) -> FamilyRow {
        FamilyRow {
            id: FamilyId::new(&*self.base.host),
            user: of.user,
            org: of.org,
            client_id: client.client_id.clone(),
            resource,
            scopes,
            auth_at: of.auth_at,
            ends_at: of.auth_at.after(FAMILY_FOR),
            revoked_at: None,
        }
    }

    async fn issued(&self, family: &FamilyRow, seen: &Seen) -> Result<(), OauthError> {
        let caller = seen.person(&family.user);
        self.base.note(&caller, Action::TokenIssued, &family.org, &family.client_id, None).await
    }

    // Somebody shows what was used up: thief or robbed, both lose it.
    async fn betrayed(
        &self,
        mut tx: Tx,
        family: &FamilyId,
        (user, org): (&UserId, &OrgId),
        client: &Client,
        seen: &Seen,
    ) -> Result<(), OauthError> {
        let now = self.base.now();
        if families_repo::revoke(&mut tx, family, "reuse", now).await? {
            Revocations::record(&mut tx, &Revoked::Family { family: family.clone() }, now).await?;
        }
        tx.commit().await?;
        self.base.hear().await?;
        let caller = seen.person(user);
        self.base.note(&caller, Action::TokenReused, org, &client.client_id, Some(Code::Unauthorized)).await
    }
}

/// What to do with a refresh token that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The first time: give its successors.
    Rotate,
    /// The same client lost the answer: give it again, as it was then.
    Repeat { at: Timestamp },
    /// It was used up: end the family.
    Betrayed,
    /// It does not hold.
    Refuse,
}

fn judge(row: &RefreshRow, client_id: &str, ask: &Use, successor_unused: bool) -> Verdict {
    let family = &row.family;
    if family.client_id != client_id || family.revoked_at.is_some() || ask.at >= family.ends_at {
        return Verdict::Refuse;
    }
    match &row.used {
        None => Verdict::Rotate,
        Some(used) => {
            let the_same =
                used.from == ask.from && used.scopes == ask.scopes && used.resource == ask.resource;
            if the_same && successor_unused && ask.at.since(used.at) <= GRACE {
                Verdict::Repeat { at: used.at }
            } else {
                Verdict::Betrayed
            }
        }
    }
}

/// The resource of an access token: what was granted, or one tenant of it. Each that is asked for must be within it.
async fn narrow(
    tx: &mut Tx,
    whole: &Resource,
    asked: &[Option<Resource>],
    org: &OrgId,
) -> Result<Resource, OauthError> {
    const MORE: Refusal = Refusal::new(Word::InvalidTarget, "the resource is not within what was granted");
    let is_org = matches!(whole, Resource::Org(_));
    let (mut all, mut tenants) = (asked.is_empty(), Vec::new());
    for one in asked {
        match one {
            None if is_org => all = true,
            Some(one) if one == whole => all = true,
            Some(Resource::Tenant(slug)) if is_org && repo::tenant_is_of(tx, slug.as_str(), org).await? => {
                tenants.push(slug);
            }
            _ => return Err(MORE.into()),
        }
    }
    match tenants.as_slice() {
        _ if all => Ok(whole.clone()),
        [one] => Ok(Resource::Tenant((*one).clone())),
        _ => Err(MORE.into()),
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::super::Scopes;
    use super::*;

    fn row(used: Option<Use>) -> RefreshRow {
        let host = SystemHost::new();
        let family = FamilyRow {
            id: FamilyId::new(&host),
            user: UserId::new(&host),
            org: "default".parse().unwrap(),
            client_id: "c".to_owned(),
            resource: "/mcp/acme".parse().unwrap(),
            scopes: Scopes::known_in("mcp:read"),
            auth_at: Timestamp::from_millis(0),
            ends_at: Timestamp::from_millis(1_000_000),
            revoked_at: None,
        };
        RefreshRow { family, used }
    }

    fn at(ms: i64) -> Use {
        let text = String::new;
        Use { at: Timestamp::from_millis(ms), from: "192.0.2.7".to_owned(), scopes: text(), resource: text() }
    }

    #[test]
    fn a_refresh_token_rotates_once_repeats_for_its_own_and_betrays_others() {
        let used = || row(Some(at(1_000)));
        assert_eq!(judge(&row(None), "c", &at(0), false), Verdict::Rotate);
        assert_eq!(judge(&row(None), "c", &at(999_999), false), Verdict::Rotate);
        assert_eq!(judge(&row(None), "c", &at(1_000_000), false), Verdict::Refuse);
        assert_eq!(judge(&row(None), "d", &at(0), false), Verdict::Refuse);
        assert_eq!(judge(&used(), "d", &at(1_000), true), Verdict::Refuse);
        let repeat = Verdict::Repeat { at: Timestamp::from_millis(1_000) };
        assert_eq!(judge(&used(), "c", &at(1_000), true), repeat);
        assert_eq!(judge(&used(), "c", &at(31_000), true), repeat);
        assert_eq!(judge(&used(), "c", &at(31_001), true), Verdict::Betrayed);
        assert_eq!(judge(&used(), "c", &at(1_001), false), Verdict::Betrayed);
        let elsewhere = Use { from: "192.0.2.8".to_owned(), ..at(1_001) };
        assert_eq!(judge(&used(), "c", &elsewhere, true), Verdict::Betrayed);
        let other_scope = Use { scopes: "mcp:read".to_owned(), ..at(1_001) };
        assert_eq!(judge(&used(), "c", &other_scope, true), Verdict::Betrayed);
        let other_resource = Use { resource: "/mcp/acme".to_owned(), ..at(1_001) };
        assert_eq!(judge(&used(), "c", &other_resource, true), Verdict::Betrayed);
        let mut revoked = used();
        revoked.family.revoked_at = Some(Timestamp::from_millis(1));
        assert_eq!(judge(&revoked, "c", &at(1_000), true), Verdict::Refuse);
    }
}
