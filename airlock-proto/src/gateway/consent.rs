//! Consent and plan: plain JSON.

use serde::{Deserialize, Serialize};

/// `GET /v1/consent/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentStatus {
    /// `approved`: SDKs compare to this very word.
    pub status: String,
}

/// What a person decided about an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentRecord {
    /// Which app.
    pub app_id: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// `Pending`, `Allowed`, `Denied`, `Revoked`.
    pub state: String,
    /// When the app first asked.
    pub asked_at: String,
    /// When the person last decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
}

/// `GET /v1/consents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentList {
    /// By app.
    pub items: Vec<ConsentRecord>,
}

/// `GET /v1/subscription/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// The plan's name.
    pub plan: String,
    /// Approvals asked for this month.
    pub usage_count: i64,
    /// How many a month may have; -1 is no limit.
    pub limit: i64,
    /// Other limits.
    pub limits: SubscriptionLimits,
    /// What is used of them.
    pub resource_usage: ResourceUsage,
}

/// Limits of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionLimits {
    /// Workspaces; -1 is no limit.
    pub max_workspaces: i64,
}

/// What is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUsage {
    /// Workspaces.
    pub workspaces_used: i64,
}
