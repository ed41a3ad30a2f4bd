//! Whether apps may act for a person, and how much they may ask.

use airlock_proto::gateway::{
    ConsentList, ConsentRecord, ConsentStatus, ResourceUsage, Subscription, SubscriptionLimits, paths,
};
use axum::Json as Out;
use axum::extract::{FromRequestParts, State};
use http::Method;
use http::request::Parts;

use super::caller::Credential;
use super::url_parts::Segment;
use super::{Gateway, GatewayError};
use crate::approvals::{ConsentEntry, Party};
use crate::http::Api;

pub(super) fn api() -> Api<Gateway> {
    Api::new()
        .route(Method::GET, paths::CONSENT_STATUS, "Whether the app may act for the person", status)
        .route(Method::GET, paths::CONSENTS_CHECK, "Whether the app may act for the person", status)
        .route(Method::GET, paths::CONSENTS, "What one said about apps", list)
        .route(Method::POST, paths::CONSENT_ALLOW, "Let an app act for oneself", allow)
        .route(Method::POST, paths::CONSENT_DENY, "Do not let an app act for oneself", deny)
        .route(Method::POST, paths::CONSENT_REVOKE, "Do not let an app act for oneself any more", revoke)
        .route(Method::GET, paths::SUBSCRIPTION, "How much one may ask", subscription)
        .route(Method::GET, paths::SUBSCRIPTION_SLASH, "How much one may ask", subscription)
}

/// A caller, whatever was said about their app.
struct Anyone(Party);

impl FromRequestParts<Gateway> for Anyone {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, GatewayError> {
        let (_, party) = gateway.party(parts).await?;
        gateway.counted(&party)?;
        Ok(Self(party))
    }
}

/// A person without an app: no app speaks on consent.
struct Oneself(Party);

impl FromRequestParts<Gateway> for Oneself {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, GatewayError> {
        let (caller, party) = gateway.party(parts).await?;
        gateway.counted(&party)?;
        // Nor does a token that a client was given: only what the person made themselves.
        if party.app.is_some() || caller.credential != Credential::Pat {
            let message = "consent is given with a personal access token, without an app";
            return Err(GatewayError::forbidden("access_denied", message));
        }
        Ok(Self(party))
    }
}

async fn status(
    Anyone(party): Anyone,
    State(gateway): State<Gateway>,
) -> Result<Out<ConsentStatus>, GatewayError> {
    gateway.consented(&party).await?;
    Ok(Out(ConsentStatus { status: "approved".to_owned() }))
}

pub(super) fn told(entry: ConsentEntry) -> ConsentRecord {
    ConsentRecord {
        app_id: entry.app_id,
        app_name: Some(entry.app_name),
        state: entry.state.to_string(),
        asked_at: entry.asked_at.to_string(),
        decided_at: entry.decided_at.map(|at| at.to_string()),
    }
}

async fn list(
    Anyone(party): Anyone,
    State(gateway): State<Gateway>,
) -> Result<Out<ConsentList>, GatewayError> {
    let items = gateway.approvals.consents(&party).await?.into_iter().map(told).collect();
    Ok(Out(ConsentList { items }))
}

async fn allow(
    Oneself(party): Oneself,
    State(gateway): State<Gateway>,
    Segment(app): Segment,
) -> Result<Out<ConsentRecord>, GatewayError> {
    Ok(Out(told(gateway.approvals.allow(&party, &app).await?)))
}

async fn deny(
    Oneself(party): Oneself,
    State(gateway): State<Gateway>,
    Segment(app): Segment,
) -> Result<Out<ConsentRecord>, GatewayError> {
    Ok(Out(told(gateway.approvals.deny(&party, &app).await?)))
}

async fn revoke(
    Oneself(party): Oneself,
    State(gateway): State<Gateway>,
    Segment(app): Segment,
) -> Result<Out<ConsentRecord>, GatewayError> {
    Ok(Out(told(gateway.approvals.take_back(&party, &app).await?)))
}

async fn subscription(
    Anyone(party): Anyone,
    State(gateway): State<Gateway>,
) -> Result<Out<Subscription>, GatewayError> {
    let usage = gateway.approvals.usage(&party).await?;
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(Out(Subscription {
        plan: "self-hosted".to_owned(),
        usage_count: whole(usage.asked),
        limit: usage.limit.map_or(-1, whole),
        limits: SubscriptionLimits { max_workspaces: -1 },
        resource_usage: ResourceUsage { workspaces_used: whole(usage.workspaces) },
    }))
}
