//! How the control plane is: health, readiness, who it is, a first overview.

use airlock_core::crypto::PublicKey;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::Method;
use serde_json::{Value, json};

use crate::audit::Caller;
use crate::http::{Api, Problem};
use crate::revocations::Revocations;
use crate::store::{Sql, Store, StoreError};

/// What the routes need.
#[derive(Clone, Debug)]
pub struct StatusRoutes {
    /// Whether it can be read.
    pub store: Store,
    /// Whether caches may be used.
    pub revocations: Revocations,
    /// The key that signs checkpoints and the tunnel's challenge.
    pub public_key: PublicKey,
    /// The clock.
    pub host: std::sync::Arc<dyn airlock_core::Host>,
}

/// Open routes.
pub fn open_api(routes: StatusRoutes) -> Api {
    Api::new()
        .route(Method::GET, "/healthz", "The process lives", healthz)
        .route(Method::GET, "/readyz", "The store can be read", readyz)
        .route(Method::GET, "/.well-known/airlock-cp.json", "Public signing key and versions", well_known)
        .open()
        .with_state(routes)
}

/// Routes for the operator.
pub fn operator_api(routes: StatusRoutes) -> Api {
    Api::new().route(Method::GET, "/api/v1/overview", "Counts of everything", overview).with_state(routes)
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(routes): State<StatusRoutes>) -> Result<Response, Problem> {
    routes.store.ping().await?;
    if !routes.revocations.is_fresh() {
        return Err(StoreError::Unavailable("revocations were not read in time").into());
    }
    Ok("ready\n".into_response())
}

async fn well_known(State(routes): State<StatusRoutes>) -> Json<Value> {
    Json(json!({
        "signing_key": {"alg": "Ed25519", "public_key": routes.public_key.to_base64(),
            "fingerprint": routes.public_key.fingerprint()},
        "version": env!("CARGO_PKG_VERSION"),
        "tunnel_versions": [1],
        "mcp_versions": airlock_core::plane::Revision::ALL.map(|r| r.as_str()),
    }))
}

const COUNTS: &str = "SELECT \
     (SELECT COUNT(*) FROM tenants WHERE status <> 'deleted') AS tenants, \
     (SELECT COUNT(*) FROM workers WHERE revoked_at IS NULL) AS workers, \
     (SELECT COUNT(*) FROM workers WHERE revoked_at IS NULL AND session_id IS NOT NULL AND last_seen_at >= ?) AS connected, \
     (SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL) AS api_keys";

async fn overview(_: Caller, State(routes): State<StatusRoutes>) -> Result<Json<Value>, Problem> {
    let now = routes.host.now();
    let heard_since = now.as_millis() - crate::workers::SILENT_MAX.as_millis() as i64;
    let row = routes.store.optional(Sql::new(COUNTS).bind(heard_since)).await?;
    let row = row.ok_or(StoreError::Damaged("counts"))?;
    Ok(Json(json!({
        "tenants": row.count("tenants")?,
        "workers": {"enrolled": row.count("workers")?, "connected": row.count("connected")?},
        "api_keys": row.count("api_keys")?,
        "server_time": now,
        "version": env!("CARGO_PKG_VERSION"),
    })))
}
