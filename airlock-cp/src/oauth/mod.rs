//! The authorization server: one for MCP clients, the published SDKs, our own, and the browser.
//!
//! OAuth 2.1 as RFC 9700 wants it: codes with PKCE S256 only, exact redirect addresses, `iss` in every answer, refresh
//! tokens that rotate and betray their thief, opaque access tokens bound to account, client and resource.
//!
//! In reading order: `model` (scopes, resources), `client`, `redirect`, `params`, `refusal` · `registration` and `clients` ·
//! `request`, `consents` and `authorize` · `client_auth`, `issue`, `token`, `devices`, `revoke` · `families`, `access` ·
//! `discovery`, `routes`.

mod access;
mod assertions;
mod authorize;
mod base;
mod client;
mod client_auth;
mod client_routes;
mod clients;
pub(crate) mod clients_repo;
mod codes_repo;
mod consents;
mod device_poll;
mod devices;
mod devices_repo;
mod discovery;
mod families;
pub(crate) mod families_repo;
mod family_routes;
mod issue;
mod model;
mod params;
mod redirect;
mod refusal;
mod registration;
mod request;
mod revoke;
mod rooms;
mod routes;
mod signing;
mod token;
mod tokens_repo;
mod user_code;

pub use access::{AccessTokens, VerifiedToken};
pub use authorize::{Authorize, AuthorizedPerson, CODE_FOR, ConsentView, Step};
pub(crate) use base::Base;
pub use base::Seen;
pub use client::{
    AuthMethod, Client, ClientKind, ClientMetadata, ClientStatus, FIRST_PARTY, Grant, TokenFormat,
};
pub use clients::{ClientPatch, Clients, MintedClient, NewClient, Owner};
pub use consents::{Agreement, CONSENT_FOR, Consents};
pub use devices::{DEVICE_FOR, DeviceError, DeviceView, Devices, INTERVAL, StartedDevice};
pub use families::{FAMILY_FOR, Families, Family};
pub use issue::{ACCESS_FOR, TokenAnswer};
pub use model::{Resource, Scope, Scopes};
pub use params::Params;
pub use refusal::{OauthError, Refusal, Word};
pub use request::{PageError, RedirectTo};
pub use revoke::RevocationEndpoint;
pub use rooms::Oauth;
pub use token::{GRACE, TokenEndpoint};
pub use user_code::UserCode;
