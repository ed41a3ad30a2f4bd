//! Routes of workers and enrollment.

use airlock_core::id::{TenantId, WorkerId};
use airlock_proto::rotate::{RotateRequest, RotateResponse};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::{EnrollError, EnrollRequest, EnrollResponse, Enrollment, EnrollmentRecord, NewEnrollment};
use super::{WorkerRecord, Workers};
use crate::audit::Caller;
use crate::http::idempotency::ShownOnce;
use crate::http::{Api, Body, Paging, PathOf, Peer, Problem, QueryOf, operator};
use crate::metrics::Metrics;
use crate::tenants::Page;

/// Routes for the operator.
pub fn admin_api(workers: Workers) -> Api {
    const WORKERS: &str = "/api/v1/tenants/{tenant_id}/workers";
    const ENROLLMENTS: &str = "/api/v1/tenants/{tenant_id}/enrollments";
    Api::new()
        .route(Method::GET, WORKERS, "List workers", list)
        .query(&["limit", "cursor"])
        .route(Method::GET, "/api/v1/tenants/{tenant_id}/workers/{worker_id}", "Show a worker", show)
        .route(
            Method::POST,
            "/api/v1/tenants/{tenant_id}/workers/{worker_id}/revoke",
            "Revoke a worker",
            revoke,
        )
        .route(Method::GET, ENROLLMENTS, "List enrollment tokens", enrollments)
        .query(&["limit", "cursor"])
        .route(Method::POST, ENROLLMENTS, "Make an enrollment token; its text is in the answer, once", mint)
        .body(json!({
            "type": "object", "required": ["worker_id"], "additionalProperties": false,
            "properties": {
                "worker_id": {"type": "string"},
                "ttl_s": {"type": "integer", "minimum": 1, "maximum": 86_400}
            }
        }))
        .route(
            Method::DELETE,
            "/api/v1/tenants/{tenant_id}/enrollments/{enrollment_id}",
            "Take an unused enrollment token back",
            revoke_enrollment,
        )
        .with_state(workers)
}

/// The route that a worker asks: open, protected by the token in its body.
pub fn enroll_api(enrollment: Enrollment, metrics: Metrics) -> Api {
    Api::new()
        .route(Method::POST, "/api/v1/enroll", "Enroll a worker with a single-use token", enroll)
        .body(json!({
            "type": "object", "required": ["token", "worker_public_key", "proof"],
            "properties": {
                "token": {"type": "string"},
                "worker_public_key": {"type": "string", "contentEncoding": "base64"},
                "hostname": {"type": "string"},
                "version": {"type": "string"},
                "proof": {"type": "string", "contentEncoding": "base64"}
            }
        }))
        .route(
            Method::POST,
            "/api/v1/enroll/rotate",
            "Change a worker's key, with the key that it has",
            rotate,
        )
        .body(json!({
            "type": "object",
            "required": ["tenant_id", "worker_id", "worker_public_key", "ts", "proof", "signature"],
            "properties": {
                "tenant_id": {"type": "string"},
                "worker_id": {"type": "string"},
                "worker_public_key": {"type": "string", "contentEncoding": "base64"},
                "ts": {"type": "string", "format": "date-time"},
                "proof": {"type": "string", "contentEncoding": "base64"},
                "signature": {"type": "string", "contentEncoding": "base64"}
            }
        }))
        .open()
        .with_state((enrollment, metrics))
}

async fn list(
    _: Caller,
    State(workers): State<Workers>,
    PathOf(tenant): PathOf<TenantId>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<WorkerRecord>>, Problem> {
    Ok(Json(workers.list(&tenant, paging.cursor.as_deref(), paging.limit()).await?))
}

async fn show(
    _: Caller,
    State(workers): State<Workers>,
    PathOf((tenant, id)): PathOf<(TenantId, WorkerId)>,
) -> Result<Json<WorkerRecord>, Problem> {
    Ok(Json(workers.show(&tenant, &id).await?))
}

async fn revoke(
    caller: Caller,
    State(workers): State<Workers>,
    PathOf((tenant, id)): PathOf<(TenantId, WorkerId)>,
) -> Result<Json<WorkerRecord>, Problem> {
    Ok(Json(workers.revoke(&caller, &tenant, &id).await?))
}

async fn enrollments(
    _: Caller,
    State(workers): State<Workers>,
    PathOf(tenant): PathOf<TenantId>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<EnrollmentRecord>>, Problem> {
    Ok(Json(workers.enrollments(&tenant, paging.cursor.as_deref(), paging.limit()).await?))
}

async fn mint(
    caller: Caller,
    State(workers): State<Workers>,
    PathOf(tenant): PathOf<TenantId>,
    Body(new): Body<NewEnrollment>,
) -> Result<Response, Problem> {
    let minted = workers.mint(&caller, &tenant, new).await?;
    let mut body = json!(minted.record);
    body["enrollment_token"] = Value::from(minted.text.expose().as_str());
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.extensions_mut().insert(ShownOnce("enrollment_token"));
    Ok(response)
}

async fn revoke_enrollment(
    caller: Caller,
    State(workers): State<Workers>,
    PathOf((tenant, id)): PathOf<(TenantId, String)>,
) -> Result<StatusCode, Problem> {
    workers.revoke_enrollment(&caller, &tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn enroll(
    State((enrollment, metrics)): State<(Enrollment, Metrics)>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Body(request): Body<EnrollRequest>,
) -> Result<Json<EnrollResponse>, Problem> {
    let result = enrollment.enroll(request, peer, operator::user_agent(&headers).as_deref()).await;
    answered(result, &metrics)
}

async fn rotate(
    State((enrollment, metrics)): State<(Enrollment, Metrics)>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Body(request): Body<RotateRequest>,
) -> Result<Json<RotateResponse>, Problem> {
    let result = enrollment.rotate(request, peer, operator::user_agent(&headers).as_deref()).await;
    answered(result, &metrics)
}

fn answered<T>(result: Result<T, EnrollError>, metrics: &Metrics) -> Result<Json<T>, Problem> {
    if result.as_ref().is_err_and(|e| !matches!(e, EnrollError::Service(_))) {
        metrics.auth_failure("enroll");
    }
    Ok(Json(result?))
}
