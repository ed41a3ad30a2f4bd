//! What is known of an OAuth client.

use airlock_core::Timestamp;
use airlock_core::id::OrgId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redirect;

/// Our own SDKs' client: public, on loopback and devices. Every deployment has it, without a row in the store.
pub const FIRST_PARTY: &str = "airlock-integrations";

/// How we came to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ClientKind {
    /// By an admin.
    Preregistered,
    /// By the document that its id is the address of.
    Cimd,
    /// By itself (RFC 7591).
    Dcr,
    /// As an app of the approvals gateway.
    App,
}

/// Whether it may do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientStatus {
    /// It may.
    Active,
    /// Nothing until it is unblocked.
    Blocked,
}

/// How it proves which client it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Not at all: a public client.
    #[default]
    None,
    /// A secret in the header.
    ClientSecretBasic,
    /// A secret in the form.
    ClientSecretPost,
    /// A signed assertion (RFC 7523).
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Whether it has a secret.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// What a token may be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Grant {
    /// A code.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// A refresh token.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// A device code (RFC 8628).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
}

impl Grant {
    /// Every grant.
    pub const ALL: &'static [Grant] = &[Self::AuthorizationCode, Self::RefreshToken, Self::DeviceCode];

    /// The word in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }
    /// The grant of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.as_str() == word)
    }
}

/// What its access tokens look like. Either is looked up by digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFormat {
    /// `at_…`.
    #[default]
    Opaque,
    /// A signed JWT (RFC 9068), for those who read `exp` in it.
    Jwt,
}

/// What it said of itself, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientMetadata {
    /// Where people are sent back to.
    pub redirect_uris: Vec<String>,
    /// What its tokens may be made of.
    pub grant_types: Vec<Grant>,
    /// How it proves which client it is.
    pub token_endpoint_auth_method: AuthMethod,
    /// What its access tokens look like.
    pub token_format: TokenFormat,
    /// Its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where its keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// `native` or `web`, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// Which program it is, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// Which version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// The scopes that it means to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// An OAuth client. Never its secret; the digest of it only inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Client {
    /// Names it; for a metadata document, its address.
    pub client_id: String,
    /// How we came to know it.
    pub kind: ClientKind,
    /// Whose it is; nobody's for those that came by themselves and for the operator's.
    pub org_id: Option<OrgId>,
    /// What it calls itself.
    pub name: String,
    /// What it said of itself.
    #[serde(flatten)]
    pub metadata: ClientMetadata,
    /// Whether it may do anything.
    pub status: ClientStatus,
    /// When we came to know it.
    pub created_at: Timestamp,
    /// When it last got tokens.
    pub last_used_at: Option<Timestamp>,
    /// Counts changes; the entity tag.
    pub version: i64,
    #[serde(skip)]
    pub(super) hash: Option<Vec<u8>>,
    #[serde(skip)]
    pub(super) hash_ends_at: Option<Timestamp>,
    #[serde(skip)]
    pub(super) fetched_at: Option<Timestamp>,
    #[serde(skip)]
    pub(super) fresh_until: Option<Timestamp>,
}

impl Client {
    /// Our own SDKs' client.
    pub(super) fn first_party() -> Self {
        let redirects = ["http://localhost/callback", "http://127.0.0.1/callback", "http://[::1]/callback"];
        let metadata = ClientMetadata {
            redirect_uris: redirects.map(str::to_owned).to_vec(),
            grant_types: Grant::ALL.to_vec(),
            ..ClientMetadata::default()
        };
        Self {
            name: "Airlock SDK".to_owned(),
            ..Self::new(FIRST_PARTY.to_owned(), ClientKind::Preregistered, metadata, Timestamp::default())
        }
    }

    pub(super) fn new(client_id: String, kind: ClientKind, metadata: ClientMetadata, now: Timestamp) -> Self {
        Self {
            client_id,
            kind,
            org_id: None,
            name: String::new(),
            metadata,
            status: ClientStatus::Active,
            created_at: now,
            last_used_at: None,
            version: 1,
            hash: None,
            hash_ends_at: None,
            fetched_at: None,
            fresh_until: None,
        }
    }

    /// Whether somebody of the deployment vouches for its name.
    pub fn is_verified(&self) -> bool {
        matches!(self.kind, ClientKind::Preregistered | ClientKind::App)
    }
    /// Whether its tokens may be made of this.
    pub fn allows(&self, grant: Grant) -> bool {
        self.metadata.grant_types.contains(&grant)
    }
    /// The registered address that `asked` names; its only one when nothing is asked and that has no port to choose.
    pub fn redirect(&self, asked: Option<&str>) -> Option<String> {
        let registered = &self.metadata.redirect_uris;
        match asked {
            Some(asked) => registered.iter().any(|r| redirect::matches(r, asked)).then(|| asked.to_owned()),
            None => match registered.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
        }
    }
    /// Whether all that it may send people to is on their own machine, where any program may wait for them.
    pub fn is_all_loopback(&self) -> bool {
        self.metadata.redirect_uris.iter().all(|r| redirect::is_loopback(r))
    }
    /// What people are shown of its id: the host of a metadata document.
    pub fn id_host(&self) -> Option<String> {
        (self.kind == ClientKind::Cimd).then(|| redirect::host(&self.client_id))
    }
}
