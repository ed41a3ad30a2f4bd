//! The approvals gateway's JSON: what published SDKs send and expect, with its own rules on nulls, times and ids.
//!
//! Lenient in, exact out. In a request `null` is absent, unknown members are passed over, a time may have any offset or
//! none. In an answer what is absent is left out, never null. The structs here are bytes: what they *mean* is in
//! `airlock_core::approval`, and [`ShapeError`] says what keeps one from becoming the other.

mod approver;
mod artifact;
mod consent;
mod envelope;
mod exchange;
mod pairing;
pub mod paths;
mod policy;
mod presence;
mod problem;
mod shape;
mod time;

pub use approver::{
    ApprovalRequestBody, ApprovalRequestEnvelope, ApproverDeviceRequest, ApproverDeviceResponse,
    CiphertextRef, InboxPageBody, RefreshBody, RefreshResponse,
};
pub use artifact::{
    ArtifactAcceptedBody, ArtifactSubmitBody, ArtifactSubmitEnvelope, EncryptedPayload, Submission,
};
pub use consent::{
    ConsentList, ConsentRecord, ConsentStatus, ResourceUsage, Subscription, SubscriptionLimits,
};
pub use envelope::{GATEWAY_ID, HarpEnvelope, RecipientInfo, SenderInfo, msg_type};
pub use exchange::{
    AckAcceptedBody, AckSubmitBody, DecisionAcceptedBody, DecisionBody, DecisionDeliverEnvelope,
    DecisionSubmission, DecisionSubmitBody, ExchangeStatusBody, ExchangeStatusResponse, WithdrawnBody,
};
pub use pairing::{
    PairingClaimRequest, PairingClaimResponse, PairingCompleteRequest, PairingCompleteResponse,
    PairingInitiateRequest, PairingInitiateResponse, PairingPreGenerateRequest, PairingPreGenerateResponse,
    PairingRejectRequest, PairingRejectResponse, PairingResolveResponse, PairingRevokeRequest,
    PairingRevokeResponse, PairingStatusBatchRequest, PairingStatusBatchResponse, PairingStatusResponse,
};
pub use policy::{DndAcceptedResponse, DndEffectiveResponse, DndListResponse, DndPolicyWire};
pub use presence::{EchoResponse, HeartbeatResponse, PresenceHeartbeatRequest, PresenceRecord};
pub use problem::{Problem, ProblemBody};
pub use shape::ShapeError;
pub use time::parse_time;
