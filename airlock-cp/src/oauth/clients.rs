//! OAuth clients: found, made, listed, blocked and deleted.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::Secret;
use airlock_core::Timestamp;
use airlock_core::audit::Action;
use airlock_core::crypto::sha256;
use airlock_core::id::OrgId;
use serde::Deserialize;
use serde_json::json;

use super::base::{Base, Seen, subject};
use super::client::{AuthMethod, Client, ClientKind, ClientStatus, FIRST_PARTY, TokenFormat};
use super::registration::{self, Said};
use super::{OauthError, Refusal, Word, clients_repo as repo, families_repo};
use crate::audit::Caller;
use crate::config::OauthConfig;
use crate::error::ServiceError;
use crate::fetch::Fetch;
use crate::http::limits::{Buckets, Rate, neighbourhood};
use crate::revocations::{Revocations, Revoked};
use crate::secrets::{Prefix, digest};
use crate::store::StoreError;
use crate::tenants::{Page, default_org};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const REGISTRATIONS_PER_HOUR: i64 = 10;
const UNUSED_MAX: i64 = 1_000;
const UNUSED_FOR: Duration = DAY;
/// How long the secret of a client that registered itself holds.
const SECRET_FOR: Duration = Duration::from_secs(90 * 86_400);
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
pub(super) const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
const FRESH_MIN: Duration = Duration::from_secs(300);
const FRESH_MAX: Duration = DAY;
// Reads of one host's documents: who names addresses here must not make us knock at a stranger's door.
const READS: Rate = Rate { per_minute: 10, burst: 20 };
const HOSTS_MAX: usize = 1_000;

/// Whose clients are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Everybody's: the operator's view.
    Instance,
    /// One org's own.
    Org(OrgId),
}

impl Owner {
    fn org(&self) -> Option<&OrgId> {
        match self {
            Self::Instance => None,
            Self::Org(org) => Some(org),
        }
    }
}

/// A client to be registered by an admin or the operator.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// What people are shown.
    pub name: String,
    /// Its id; the operator may choose it.
    pub client_id: Option<String>,
    /// Where people are sent back to.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Whether it has a secret; it is public when this is absent.
    #[serde(default)]
    pub confidential: bool,
    /// How it proves which client it is, when that is not the default of its kind.
    pub token_endpoint_auth_method: Option<String>,
    /// What its tokens may be made of; a code and refresh tokens when absent.
    pub grant_types: Option<Vec<String>>,
    /// What its access tokens look like.
    #[serde(default)]
    pub token_format: TokenFormat,
    /// Its keys, for `private_key_jwt`.
    pub jwks: Option<serde_json::Value>,
    /// Where they are.
    pub jwks_uri: Option<String>,
    /// Whose it is; for the operator, who may leave it open.
    pub org_id: Option<OrgId>,
}

/// What to change of a client. A field that is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPatch {
    /// Whether it may do anything. Blocking ends all that it was granted.
    pub status: Option<ClientStatus>,
    /// A new name.
    pub name: Option<String>,
}

/// A client just made: the only time its secret is seen.
#[derive(Debug)]
pub struct MintedClient {
    /// What is known of it.
    pub client: Client,
    /// Its secret, if it has one.
    pub secret: Option<Secret<String>>,
}

/// OAuth clients. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Clients {
    base: Base,
    config: OauthConfig,
    fetch: Fetch,
    reads: Arc<Buckets<String>>,
}

impl Clients {
    pub(crate) fn new(base: Base, config: OauthConfig, fetch: Fetch) -> Self {
        Self { base, config, fetch, reads: Arc::new(Buckets::new(HOSTS_MAX)) }
    }

    /// Whether somebody of the deployment vouches for the name of this client. Nothing is fetched.
    pub(crate) async fn is_verified(&self, client_id: &str) -> Result<bool, StoreError> {
        let found = repo::find(&self.base.store, client_id).await?;
        Ok(client_id == FIRST_PARTY || found.is_some_and(|client| client.is_verified()))
    }

    /// The client of this id, if it may do anything. A metadata document is read when its copy is too old; when that
    /// fails there is no such client, and nothing tells why.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find(&self, client_id: &str) -> Result<Option<Client>, StoreError> {
        if client_id == FIRST_PARTY {
            return Ok(Some(Client::first_party()));
        }
        if client_id.len() > 1_024 || client_id.chars().any(char::is_control) {
            return Ok(None);
        }
        let known = repo::find(&self.base.store, client_id).await?;
        if known.as_ref().is_some_and(|c| c.status == ClientStatus::Blocked) {
            return Ok(None);
        }
        match known {
            Some(client) if client.kind != ClientKind::Cimd => Ok(Some(client)),
            known => self.document(client_id, known).await,
        }
    }

    async fn document(&self, client_id: &str, known: Option<Client>) -> Result<Option<Client>, StoreError> {
        let Some(url) = registration::document_url(client_id).filter(|_| self.config.metadata_documents)
        else {
            return Ok(None);
        };
        let now = self.base.now();
        if known.as_ref().is_some_and(|c| c.fresh_until.is_some_and(|until| now < until)) {
            return Ok(known);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        if self.reads.take(&host, READS, self.base.host.monotonic()).is_err() {
            return Ok(None);
        }
        let Ok(fetched) = self.fetch.json(&url, DOCUMENT_BYTES_MAX, FETCH_TIME_MAX).await else {
            return Ok(None);
        };
        let Ok((name, metadata)) = registration::document(client_id, &fetched.body) else { return Ok(None) };
        let fresh_for = fetched.fresh_for.unwrap_or(FRESH_MIN).clamp(FRESH_MIN, FRESH_MAX);
        let fresh = known
            .unwrap_or_else(|| Client::new(client_id.to_owned(), ClientKind::Cimd, metadata.clone(), now));
        let fresh = Client {
            name,
            metadata,
            fetched_at: Some(now),
            fresh_until: Some(now.after(fresh_for)),
            ..fresh
        };
        let mut tx = self.base.store.begin().await?;
        if repo::count_unused(&mut tx, ClientKind::Cimd).await? >= UNUSED_MAX {
            repo::forget_oldest_document(&mut tx).await?;
        }
        match repo::upsert_document(&mut tx, &fresh).await {
            Ok(()) => tx.commit().await?,
            // Another process was faster; its copy is as good.
            Err(StoreError::Conflict) => {}
            Err(other) => return Err(other),
        }
        Ok(Some(fresh))
    }

    /// Takes in a client that registers itself (RFC 7591).
    ///
    /// # Errors
    /// When what it says may not stand, or there were too many of late.
    pub async fn register(&self, body: &[u8], seen: &Seen) -> Result<MintedClient, OauthError> {
        if !self.config.dynamic {
            return Err(Refusal::new(Word::AccessDenied, "clients do not register themselves here").into());
        }
        let said = registration::said(body)?;
        let methods = [
            AuthMethod::None,
            AuthMethod::ClientSecretBasic,
            AuthMethod::ClientSecretPost,
            AuthMethod::PrivateKeyJwt,
        ];
        let (name, metadata) = registration::check(said, &methods)?;
        let now = self.base.now();
        let mut client = Client::new(format!("dcr_{}", self.random_id()), ClientKind::Dcr, metadata, now);
        client.name = name;
        let secret = self.secret_for(&mut client, Some(now.after(SECRET_FOR)));
        let from = neighbourhood(seen.ip).to_string();
        let counter =
            format!("register_{}", hex::encode(sha256(&[b"airlock/register/v1/", from.as_bytes()])));
        let mut tx = self.base.store.begin().await?;
        let full = Refusal::new(
            Word::TemporarilyUnavailable,
            "too many clients registered of late; try again later",
        );
        if repo::count(&mut tx, &counter, now, now.before(HOUR)).await? > REGISTRATIONS_PER_HOUR {
            // What was counted stays counted.
            tx.commit().await?;
            return Err(full.into());
        }
        if repo::count_unused(&mut tx, ClientKind::Dcr).await? >= UNUSED_MAX {
            return Err(full.into());
        }
        repo::insert(&mut tx, &client).await?;
        tx.commit().await?;
        let org = default_org();
        self.base.note(&seen.nobody(), Action::ClientRegistered, &org, &client.client_id, None).await?;
        Ok(MintedClient { client, secret })
    }

    /// Makes a client for an org or the instance.
    ///
    /// # Errors
    /// When a field may not stand, or the id is taken.
    pub async fn create(
        &self,
        caller: &Caller,
        owner: &Owner,
        new: NewClient,
    ) -> Result<MintedClient, ServiceError> {
        let name = crate::tenants::clean_name("name", &new.name)?;
        let org_id = match (owner, new.org_id) {
            (Owner::Instance, org) => org,
            (Owner::Org(own), None) => Some(own.clone()),
            (Owner::Org(own), Some(named)) if *own == named => Some(named),
            (Owner::Org(_), Some(_)) => return Err(ServiceError::NotFound("organization")),
        };
        if let Some(org) = &org_id
            && !repo::has_org(&self.base.store, org).await?
        {
            return Err(ServiceError::NotFound("organization"));
        }
        let client_id = match (owner, new.client_id) {
            (_, None) => format!("oc_{}", self.random_id()),
            (Owner::Instance, Some(id)) if is_chosen_id(&id) => id,
            (Owner::Instance, Some(_)) => {
                return Err(ServiceError::invalid("client_id", "3-64 letters, digits, `-`, `_` and `.`"));
            }
            (Owner::Org(_), Some(_)) => {
                return Err(ServiceError::invalid("client_id", "it is chosen for you"));
            }
        };
        let method = match (new.token_endpoint_auth_method, new.confidential) {
            (Some(method), _) => method,
            (None, true) => "client_secret_basic".to_owned(),
            (None, false) => "none".to_owned(),
        };
        if new.confidential && method == "none" {
            return Err(ServiceError::invalid("token_endpoint_auth_method", "a confidential client has one"));
        }
        let said = Said {
            redirect_uris: Some(new.redirect_uris),
            token_endpoint_auth_method: Some(method),
            grant_types: new.grant_types,
            jwks: new.jwks,
            jwks_uri: new.jwks_uri,
            ..Said::default()
        };
        let methods = [
            AuthMethod::None,
            AuthMethod::ClientSecretBasic,
            AuthMethod::ClientSecretPost,
            AuthMethod::PrivateKeyJwt,
        ];
        let checked = registration::check(said, &methods);
        let (_, mut metadata) = checked.map_err(|refusal| ServiceError::invalid("metadata", refusal.why))?;
        metadata.token_format = new.token_format;
        let mut client = Client::new(client_id, ClientKind::Preregistered, metadata, self.base.now());
        (client.name, client.org_id) = (name, org_id);
        let secret = self.secret_for(&mut client, None);
        let log = client.org_id.clone().unwrap_or_else(default_org);
        let (base, made) = (self.base.clone(), client.clone());
        let work = async move {
            let mut tx = base.store.begin().await?;
            match repo::insert(&mut tx, &made).await {
                Err(StoreError::Conflict) => {
                    return Err(ServiceError::Conflict("the id is taken"));
                }
                other => other?,
            }
            Ok(tx.commit().await?)
        };
        let about = subject(&log, &client.client_id);
        self.base.journal.act(caller, Action::ClientRegistered, about, work).await?;
        Ok(MintedClient { client, secret })
    }

    /// Clients by id, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        owner: &Owner,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Client>, StoreError> {
        let items = repo::list(&self.base.store, owner.org(), cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |c| c.client_id.clone()))
    }

    /// One client, also a blocked one.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another org's.
    pub async fn show(&self, owner: &Owner, client_id: &str) -> Result<Client, ServiceError> {
        let found = repo::find(&self.base.store, client_id).await?;
        let own = |c: &Client| match owner {
            Owner::Instance => true,
            Owner::Org(org) => c.kind == ClientKind::Preregistered && c.org_id.as_ref() == Some(org),
        };
        found.filter(own).ok_or(ServiceError::NotFound("client"))
    }

    /// Renames, blocks or unblocks a client; `if_version` is what the caller last saw, when it said so.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another org's; [`ServiceError::Conflict`] for an app's;
    /// [`ServiceError::Stale`] if it was changed since.
    pub async fn patch(
        &self,
        caller: &Caller,
        owner: &Owner,
        client_id: &str,
        patch: ClientPatch,
        if_version: Option<i64>,
    ) -> Result<Client, ServiceError> {
        let before = self.show(owner, client_id).await?;
        // A revoked app is blocked here: it must not come back by another door.
        if before.kind == ClientKind::App {
            return Err(ServiceError::Conflict("it is an app's; change the app"));
        }
        let mut after = before.clone();
        if let Some(name) = &patch.name {
            after.name = crate::tenants::clean_name("name", name)?;
        }
        after.status = patch.status.unwrap_or(before.status);
        let log = before.org_id.clone().unwrap_or_else(default_org);
        let about = subject(&log, client_id);
        let (this, owner) = (self.clone(), owner.clone());
        let work = async move {
            if if_version.is_some_and(|seen| seen != before.version) {
                return Err(ServiceError::Stale);
            }
            let now = this.base.now();
            let mut tx = this.base.store.begin().await?;
            if !repo::update(&mut tx, &after, before.version, now).await? {
                return Err(ServiceError::Stale);
            }
            if after.status == ClientStatus::Blocked {
                families_repo::revoke_of_client(&mut tx, &after.client_id, "client_blocked", now).await?;
            }
            let what = Revoked::Client { client: after.client_id.clone() };
            Revocations::record(&mut tx, &what, now).await?;
            tx.commit().await?;
            this.base.hear().await?;
            this.show(&owner, &after.client_id).await
        };
        self.base.journal.act(caller, Action::ClientUpdated, about, work).await
    }

    /// Deletes a client and ends all that it was granted.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another org's; [`ServiceError::Conflict`] for an app's.
    pub async fn delete(&self, caller: &Caller, owner: &Owner, client_id: &str) -> Result<(), ServiceError> {
        let client = self.show(owner, client_id).await?;
        if client.kind == ClientKind::App {
            return Err(ServiceError::Conflict("it is an app's; revoke the app"));
        }
        let log = client.org_id.clone().unwrap_or_else(default_org);
        let about = subject(&log, client_id);
        let base = self.base.clone();
        let work = async move {
            let now = base.now();
            let mut tx = base.store.begin().await?;
            if !repo::delete(&mut tx, &client.client_id).await? {
                return Err(ServiceError::NotFound("client"));
            }
            families_repo::revoke_of_client(&mut tx, &client.client_id, "client_deleted", now).await?;
            Revocations::record(&mut tx, &Revoked::Client { client: client.client_id }, now).await?;
            tx.commit().await?;
            base.hear().await
        };
        self.base.journal.act(caller, Action::ClientDeleted, about, work).await
    }

    /// Forgets clients that came by themselves and got no token within a day.
    pub(crate) async fn clear_unused(&self) -> Result<(), StoreError> {
        repo::clear_unused(&self.base.store, self.base.now().before(UNUSED_FOR)).await.map(|_| ())
    }

    fn random_id(&self) -> String {
        let mut random = [0; 16];
        self.base.host.random(&mut random);
        hex::encode(random)
    }

    fn secret_for(&self, client: &mut Client, ends_at: Option<Timestamp>) -> Option<Secret<String>> {
        if !client.metadata.token_endpoint_auth_method.is_secret() {
            return None;
        }
        let secret = Prefix::ClientSecret.mint(&*self.base.host);
        client.hash = Some(digest(secret.expose()).to_vec());
        client.hash_ends_at = ends_at;
        Some(secret)
    }
}

impl MintedClient {
    /// The answer to a registration (RFC 7591, 3.2.1).
    pub(super) fn answer(&self) -> serde_json::Value {
        let client = &self.client;
        let mut body = json!(client.metadata);
        body["client_id"] = json!(client.client_id);
        body["client_name"] = json!(client.name);
        body["client_id_issued_at"] = json!(client.created_at.as_millis() / 1_000);
        body["response_types"] = json!(["code"]);
        if let Some(secret) = &self.secret {
            body["client_secret"] = json!(secret.expose());
            body["client_secret_expires_at"] =
                json!(client.hash_ends_at.map_or(0, |at| at.as_millis() / 1_000));
        }
        body
    }
}

// Nothing that could be taken for a metadata document, or for one of ours.
fn is_chosen_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (3..=64).contains(&id.len())
        && id.bytes().all(plain)
        && id != FIRST_PARTY
        && !id.starts_with("dcr_")
        && !id.starts_with("oc_")
}
