//! The types and names of the published gateway client, over the same core: code written for it compiles with
//! `use airlock_client::gateway as airlock_gateway`.
//!
//! It differs where the published client is wrong: an artifact without an expiry lives ten minutes and not none, text in
//! paths and queries is escaped, answers are bounded, secrets are not printed. It does not verify decisions; see
//! [`approvals`](crate::approvals) for a gate that does.
//!
//! `reqwest::Client` in these signatures is reqwest 0.13. [`http_client`](crate::transport::http_client) makes one with
//! rustls and ring, and without redirects.

pub mod auth_client;
pub mod canonical_json;
pub mod client;
pub mod crypto;
pub mod errors;
pub mod models;
pub mod nonce_journal;

pub use auth_client::{AirlockAuthClient, AirlockAuthOptions};
pub use client::AirlockGatewayClient;
pub use errors::GatewayError;
#[doc(inline)]
pub use models::{
    ArtifactSubmitBody, ArtifactSubmitRequest, AuthCodeRequest, CiphertextRef, ConsentErrorInfo,
    DecisionDeliverBody, DecisionDeliverEnvelope, DeviceCodeInfo, DndEffectiveResponse, DndPolicy,
    EchoResponse, EncryptedArtifactRequest, EncryptedPayload, ExchangeStatusBody, ExchangeStatusResponse,
    HarpEnvelope, OidcDiscoveryResult, PairingClaimRequest, PairingClaimResponse, PairingInitiateRequest,
    PairingInitiateResponse, PairingRevokeResponse, PairingStatusResponse, PresenceHeartbeatRequest,
    RecipientInfo, SenderInfo, TokenResponse,
};
