//! Devices without a browser of their own: a code for the program, a short one for its person (RFC 8628).
//!
//! The short code can be guessed, so few guesses are let through, it lives ten minutes, and its digest is keyed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::Action;
use airlock_core::crypto::hmac_sha256;
use airlock_core::id::{OrgId, UserId};
use airlock_core::{Secret, Timestamp};
use serde_json::{Value, json};

use super::authorize::{AuthorizedPerson, granted};
use super::base::{Base, Seen, subject};
use super::client::{Client, ClientKind, Grant};
use super::device_poll::{Verdict, judge};
use super::devices_repo::{self as repo, Device, State};
use super::params::Params;
use super::user_code::UserCode;
use super::{Clients, OauthError, Refusal, Resource, Scope, Scopes, Word, request};
use crate::error::ServiceError;
use crate::http::limits::{Buckets, Rate, neighbourhood};
use crate::identity::{Membership, Orgs};
use crate::secrets::{Prefix, digest};
use crate::store::{StoreError, Tx};
use crate::tenants::Tenants;

/// How long a person has.
pub const DEVICE_FOR: Duration = Duration::from_secs(600);
/// How often a device may ask.
pub const INTERVAL: Duration = Duration::from_secs(5);
const WRONG: Rate = Rate::per_minute(5);
const STARTS: Rate = Rate { per_minute: 20, burst: 30 };
const PENDING_MAX: i64 = 10_000;
const KEPT_MAX: usize = 10_000;
/// A device that may now wait.
#[derive(Debug)]
pub struct StartedDevice {
    /// For the program.
    pub device_code: Secret<String>,
    /// For its person.
    pub user_code: String,
    /// Where the person goes.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// Seconds that the person has.
    pub expires_in: u64,
    /// Seconds between two asks.
    pub interval: u64,
}

impl StartedDevice {
    /// The body (RFC 8628, 3.2).
    pub fn body(&self) -> Value {
        json!({
            "device_code": self.device_code.expose(),
            "user_code": self.user_code,
            "verification_uri": self.verification_uri,
            "verification_uri_complete": self.verification_uri_complete,
            "expires_in": self.expires_in,
            "interval": self.interval,
        })
    }
}

/// What a person is asked about a device.
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// What the client calls itself.
    pub client_name: String,
    /// Whether somebody of the deployment vouches for that.
    pub verified: bool,
    /// From where the device asked.
    pub asked_from: Option<String>,
    /// What it asks for; what the person's role does not have is left out in the end.
    pub scopes: Vec<(Scope, &'static str)>,
    /// Until when the code holds.
    pub expires_at: Timestamp,
    /// The orgs that it can be let into.
    pub orgs: Vec<Membership>,
}

/// Why a person's code leads nowhere.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device waits with this code.
    #[error("no device waits with this code")]
    Unknown,
    /// Too many wrong codes of late.
    #[error("too many wrong codes")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// The person may not let it into this org.
    #[error("you may not let this client into this organization")]
    Denied,
    /// The store or the audit log does not answer.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for DeviceError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// What a device was let into.
pub(super) struct Approved {
    pub(super) user: UserId,
    pub(super) org: OrgId,
    pub(super) auth_at: Timestamp,
    pub(super) resource: Resource,
    pub(super) scopes: Scopes,
}

/// Devices. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Devices {
    base: Base,
    clients: Clients,
    orgs: Orgs,
    tenants: Tenants,
    wrong: Arc<Buckets<String>>,
    starts: Arc<Buckets<IpAddr>>,
}

impl Devices {
    pub(super) fn new(base: Base, clients: Clients, orgs: Orgs, tenants: Tenants) -> Self {
        let (wrong, starts) = (Arc::new(Buckets::new(KEPT_MAX)), Arc::new(Buckets::new(KEPT_MAX)));
        Self { base, clients, orgs, tenants, wrong, starts }
    }

    /// Lets a device of our own SDKs' client wait, for the first-party proxy.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn start_first_party(&self, code: UserCode, seen: &Seen) -> Result<StartedDevice, OauthError> {
        let scopes = Scopes::known_in("openid profile email");
        self.start(&Client::first_party(), code, scopes, None, seen).await
    }

    /// Lets a device of this client wait; the form says what for.
    pub(super) async fn begin(
        &self,
        client: &Client,
        params: &Params,
        seen: &Seen,
    ) -> Result<StartedDevice, OauthError> {
        if !client.allows(Grant::DeviceCode) {
            return Err(Refusal::new(Word::UnauthorizedClient, "this client may not use device codes").into());
        }
        let scopes = request::scopes(params)?.unwrap_or_default();
        let named = request::resources(&self.base.issuer, params)?;
        let resource = match named.as_slice() {
            [] | [None] => None,
            [Some(one)] => Some(one.clone()),
            _ => return Err(Refusal::new(Word::InvalidTarget, "ask for one resource").into()),
        };
        self.start(client, UserCode::Eight, scopes, resource, seen).await
    }

    async fn start(
        &self,
        client: &Client,
        shape: UserCode,
        scopes: Scopes,
        resource: Option<Resource>,
        seen: &Seen,
    ) -> Result<StartedDevice, OauthError> {
        let busy = Refusal::new(Word::TemporarilyUnavailable, "too many devices wait; try again later");
        let mono = self.base.host.monotonic();
        self.starts.take(&neighbourhood(seen.ip), STARTS, mono).map_err(|_| busy)?;
        let now = self.base.now();
        if repo::count_pending(&self.base.store, now).await? >= PENDING_MAX {
            return Err(busy.into());
        }
        let device = Device {
            client_id: client.client_id.clone(),
            scopes,
            resource,
            state: State::Pending,
            interval_s: INTERVAL.as_secs() as i64,
            polled_at: None,
            ip: Some(seen.ip.to_canonical().to_string()),
            user: None,
            org: None,
            auth_at: None,
            expires_at: now.after(DEVICE_FOR),
        };
        for _ in 0..4 {
            let (device_code, user_code) =
                (Prefix::Device.mint(&*self.base.host), shape.fresh(&*self.base.host));
            let hashes = (&digest(device_code.expose()), &self.hash(&user_code));
            match repo::insert(&self.base.store, hashes, &device, now).await {
                // Another device waits with the same short code.
                Err(StoreError::Conflict) => continue,
                other => other?,
            }
            let verification_uri = format!("{}/device", self.base.issuer);
            return Ok(StartedDevice {
                device_code,
                verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
                verification_uri,
                user_code,
                expires_in: DEVICE_FOR.as_secs(),
                interval: INTERVAL.as_secs(),
            });
        }
        Err(busy.into())
    }

    /// What waits with the code that a person typed, in whatever case and with whatever between the letters.
    ///
    /// # Errors
    /// [`DeviceError::Unknown`], and [`DeviceError::TooMany`] after five of them in a minute, by person and by address.
    pub async fn look_up(
        &self,
        user_code: &str,
        person: &AuthorizedPerson,
    ) -> Result<DeviceView, DeviceError> {
        let (device, client, _) = self.waiting(user_code, person).await?;
        let scopes =
            if device.scopes.is_empty() { Scopes::known_in("mcp:read mcp:call") } else { device.scopes };
        Ok(DeviceView {
            verified: client.is_verified(),
            asked_from: device.ip,
            scopes: scopes.iter().map(|scope| (scope, scope.words())).collect(),
            expires_at: device.expires_at,
            orgs: self.orgs_for(&client, device.resource.as_ref(), &person.user).await?,
            client_name: client.name,
        })
    }

    /// The person lets the device in, into `person.org` or their only org.
    ///
    /// # Errors
    /// As [`Devices::look_up`]; [`DeviceError::Denied`] when they or their role may not.
    pub async fn allow(&self, user_code: &str, person: &AuthorizedPerson) -> Result<(), DeviceError> {
        let (mut device, client, hash) = self.waiting(user_code, person).await?;
        let orgs = self.orgs_for(&client, device.resource.as_ref(), &person.user).await?;
        let chosen = match (&person.org, orgs.as_slice()) {
            (Some(org), _) => orgs.iter().find(|m| m.org.id == *org),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let membership = chosen.ok_or(DeviceError::Denied)?;
        let role = self.orgs.role_of(&membership.org.id, &person.user).await?.ok_or(DeviceError::Denied)?;
        let asked = (!device.scopes.is_empty()).then_some(&device.scopes);
        device.scopes = granted(asked, role);
        if device.scopes.is_empty() {
            return Err(DeviceError::Denied);
        }
        device.resource.get_or_insert(Resource::Org(membership.org.slug.clone()));
        device.state = State::Approved;
        device.user = Some(person.user.clone());
        device.org = Some(membership.org.id.clone());
        device.auth_at = Some(person.auth_at);
        self.decide(device, hash, person, membership.org.id.clone(), Action::ConsentGranted).await
    }

    /// The person turns the device away.
    ///
    /// # Errors
    /// As [`Devices::look_up`].
    pub async fn deny(&self, user_code: &str, person: &AuthorizedPerson) -> Result<(), DeviceError> {
        let (mut device, client, hash) = self.waiting(user_code, person).await?;
        device.state = State::Denied;
        let orgs = self.orgs_for(&client, device.resource.as_ref(), &person.user).await?;
        let org = person.org.clone().filter(|org| orgs.iter().any(|m| m.org.id == *org));
        let org = org.or(orgs.first().map(|m| m.org.id.clone())).unwrap_or_else(crate::tenants::default_org);
        self.decide(device, hash, person, org, Action::ConsentDenied).await
    }

    async fn decide(
        &self,
        device: Device,
        hash: [u8; 32],
        person: &AuthorizedPerson,
        org: OrgId,
        action: Action,
    ) -> Result<(), DeviceError> {
        let about = subject(&org, &device.client_id);
        let base = self.base.clone();
        let work = async move {
            let mut tx = base.store.begin().await?;
            if !repo::decide(&mut tx, &hash, &device, base.now()).await? {
                return Err(ServiceError::Conflict("the device no longer waits"));
            }
            Ok(tx.commit().await?)
        };
        Ok(self.base.journal.act(&person.caller, action, about, work).await?)
    }

    async fn waiting(
        &self,
        user_code: &str,
        person: &AuthorizedPerson,
    ) -> Result<(Device, Client, [u8; 32]), DeviceError> {
        let mono = self.base.host.monotonic();
        let mut keys = vec![format!("user {}", person.user)];
        keys.extend(person.caller.ip.map(|ip| format!("from {}", neighbourhood(ip))));
        let wait = keys.iter().filter_map(|key| self.wrong.wait(key, WRONG, mono)).max();
        if let Some(retry_after) = wait {
            return Err(DeviceError::TooMany { retry_after });
        }
        let found = match UserCode::read(user_code) {
            Some(code) => {
                let hash = self.hash(&code);
                repo::pending(&self.base.store, &hash, self.base.now()).await?.map(|device| (device, hash))
            }
            None => None,
        };
        if let Some((device, hash)) = found
            && let Some(client) = self.clients.find(&device.client_id).await?
        {
            return Ok((device, client, hash));
        }
        for key in &keys {
            // Full already is what `wait` says the next time.
            let _ = self.wrong.take(key, WRONG, mono);
        }
        Err(DeviceError::Unknown)
    }

    async fn orgs_for(
        &self,
        client: &Client,
        resource: Option<&Resource>,
        user: &UserId,
    ) -> Result<Vec<Membership>, ServiceError> {
        let mut orgs = self.orgs.of_user(user).await?;
        if let (ClientKind::Preregistered, Some(owner)) = (client.kind, &client.org_id) {
            orgs.retain(|m| m.org.id == *owner);
        }
        let named = match resource {
            None => return Ok(orgs),
            Some(Resource::Org(slug)) => self.orgs.by_slug(slug).await.map(|org| org.id),
            Some(Resource::Tenant(slug)) => self.tenants.by_slug(slug).await.map(|tenant| tenant.org_id),
        };
        match named {
            Ok(org) => orgs.retain(|m| m.org.id == org),
            Err(ServiceError::NotFound(_)) => orgs.clear(),
            Err(other) => return Err(other),
        }
        Ok(orgs)
    }

    /// Uses a device code up, if its person said yes. The caller commits also when it is refused: asking counts.
    pub(super) async fn take(
        &self,
        tx: &mut Tx,
        client: &Client,
        code: &str,
        now: Timestamp,
    ) -> Result<Approved, OauthError> {
        const BAD: Refusal = Refusal::grant("the device code does not hold, or not for this client");
        let hash = Prefix::Device.digest_of(code).ok_or(BAD)?;
        let device = repo::lock(tx, &hash).await?.ok_or(BAD)?;
        let verdict = judge(&device, &client.client_id, now);
        match verdict {
            Verdict::Refuse(refusal) => Err(refusal.into()),
            Verdict::Wait { interval_s, refusal } => {
                repo::polled(tx, &hash, interval_s, now).await?;
                Err(refusal.into())
            }
            Verdict::Take => {
                repo::use_up(tx, &hash).await?;
                let (Some(user), Some(org), Some(auth_at), Some(resource)) =
                    (device.user, device.org, device.auth_at, device.resource)
                else {
                    return Err(StoreError::Damaged("device_codes").into());
                };
                Ok(Approved { user, org, auth_at, resource, scopes: device.scopes })
            }
        }
    }

    fn hash(&self, user_code: &str) -> [u8; 32] {
        let letters: String = user_code.chars().filter(|c| *c != '-').collect();
        hmac_sha256(self.base.token_secret.expose(), &[b"user code", letters.as_bytes()])
    }
}
