//! What is known of an app. Its secret is shown once.

use airlock_core::id::OrgId;
use airlock_core::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

use super::AppRate;

/// What a program is, and so how it proves that it is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum AppKind {
    /// An agent: shows its secret.
    Agent,
    /// A desktop program: shows its secret.
    Desktop,
    /// An extension of an editor: shows its secret.
    VsCodeExtension,
    /// A web page: shows the origin that the browser tells.
    Web,
    /// A phone's program: shows an origin, or none.
    Mobile,
}

impl AppKind {
    const ALL: [Self; 5] = [Self::Agent, Self::Desktop, Self::VsCodeExtension, Self::Web, Self::Mobile];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "Agent",
            Self::Desktop => "Desktop",
            Self::VsCodeExtension => "VsCodeExtension",
            Self::Web => "Web",
            Self::Mobile => "Mobile",
        }
    }

    /// Whether it can keep a secret.
    pub const fn is_confidential(self) -> bool {
        matches!(self, Self::Agent | Self::Desktop | Self::VsCodeExtension)
    }
}

impl std::str::FromStr for AppKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Whether an app is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppStatus {
    /// It is.
    Active,
    /// Never again.
    Revoked,
}

impl AppStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }
}

impl std::str::FromStr for AppStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Revoked].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// An app. Never its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppRecord {
    /// Names it: `ABC-1234567`.
    pub app_id: String,
    /// Names it on each request, and as an OAuth client.
    pub client_id: String,
    /// In which org.
    pub org_id: OrgId,
    /// Who registered it: a user's id, or `operator`.
    pub owner_id: String,
    /// What it is.
    pub kind: AppKind,
    /// What people call it; unique among the org's apps.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Where people read about it.
    pub home_page_url: Option<String>,
    /// Whether everybody can read how it works.
    pub is_open_source: bool,
    /// Where its pages are; `*` lets it in without an origin.
    pub allowed_origins: Vec<String>,
    /// Where codes may be sent, exactly.
    pub redirect_uris: Vec<String>,
    /// The first characters of the secret; nothing for public kinds.
    pub client_secret_hint: Option<String>,
    /// How often its people may ask the gateway in a minute.
    pub requests_per_minute: AppRate,
    /// Whether it is let in.
    pub status: AppStatus,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the entity tag.
    pub version: i64,
}

/// An app to be registered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: AppKind,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// Where people read about it.
    #[serde(default)]
    pub home_page_url: Option<String>,
    /// Whether everybody can read how it works.
    #[serde(default)]
    pub is_open_source: Option<bool>,
    /// Where its pages are.
    #[serde(default)]
    pub allowed_origins: Option<Vec<String>>,
    /// Where codes may be sent, exactly.
    #[serde(default)]
    pub redirect_uris: Option<Vec<String>>,
}

/// What to change of an app. A field that is absent or null stays; an empty home page takes it away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// Where people read about it.
    #[serde(default)]
    pub home_page_url: Option<String>,
    /// Whether everybody can read how it works.
    #[serde(default)]
    pub is_open_source: Option<bool>,
    /// Where its pages are.
    #[serde(default)]
    pub allowed_origins: Option<Vec<String>>,
    /// Where codes may be sent, exactly.
    #[serde(default)]
    pub redirect_uris: Option<Vec<String>>,
    /// How often its people may ask the gateway in a minute. The operator says so, nobody else.
    #[serde(default)]
    pub requests_per_minute: Option<AppRate>,
}

/// An app just registered or rotated: the only time its secret is seen.
#[derive(Debug)]
pub struct MintedApp {
    /// What is known of it.
    pub app: AppRecord,
    /// Its secret; public kinds have none.
    pub secret: Option<Secret<String>>,
}
