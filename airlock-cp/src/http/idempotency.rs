//! `Idempotency-Key`: a POST asked twice is done once, for a day.
//!
//! What is shown once (a key's text) is not kept for the second answer: the store never holds it.

use std::time::Duration;

use airlock_core::crypto::sha256;
use airlock_core::{Code, Host, Timestamp};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::body::{BODY_BYTES_MAX, read};
use super::principal::Principal;
use super::problem::Problem;
use crate::audit::Caller;
use crate::error::ServiceError;
use crate::store::{Sql, Store, StoreError};
use crate::tasks::{TaskKind, Tasks};

const KEPT: Duration = Duration::from_secs(86_400);
// A process that died in the middle: after so long another may try.
const UNDER_WAY_MAX: Duration = Duration::from_secs(60);
const KEY_BYTES_MAX: usize = 255;

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// On an answer: the member of its JSON that is shown once.
#[derive(Clone, Copy, Debug)]
pub struct ShownOnce(pub &'static str);

/// Remembers answers. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Idempotency {
    store: Store,
    host: std::sync::Arc<dyn Host>,
    tasks: Tasks,
}

struct Ask {
    actor: String,
    route: String,
    key_hash: [u8; 32],
    body_hash: [u8; 32],
}

enum Found {
    /// Nobody asked before; the row is ours.
    New,
    Answered {
        status: u16,
        answer: String,
    },
    OtherBody,
    UnderWay,
}

impl Idempotency {
    /// Remembers in this store.
    pub fn new(store: Store, host: std::sync::Arc<dyn Host>, tasks: Tasks) -> Self {
        Self { store, host, tasks }
    }

    /// Forgets what is older than a day.
    pub(crate) async fn clear_old(&self) -> Result<(), StoreError> {
        let before = self.host.now().as_millis() - KEPT.as_millis() as i64;
        self.store
            .execute(Sql::new("DELETE FROM idempotency WHERE created_at < ?").bind(before))
            .await
            .map(|_| ())
    }

    async fn claim(&self, ask: &Ask) -> Result<Found, StoreError> {
        let now = self.host.now();
        for _ in 0..2 {
            let insert = Sql::new(
                "INSERT INTO idempotency (actor, route, key_hash, body_hash, created_at) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (actor, route, key_hash) DO NOTHING",
            );
            let insert = insert.bind(&ask.actor).bind(&ask.route).bind(ask.key_hash.as_slice());
            if self.store.execute(insert.bind(ask.body_hash.as_slice()).bind(now)).await? == 1 {
                return Ok(Found::New);
            }
            let select = Sql::new("SELECT body_hash, created_at, status, answer FROM idempotency ");
            let Some(row) = self.store.optional(this(select, ask)).await? else { continue };
            let age = now.since(row.time("created_at")?);
            let status = row.get::<Option<i64>>("status")?;
            if age > KEPT || (status.is_none() && age > UNDER_WAY_MAX) {
                self.forget(ask, Some(row.time("created_at")?)).await?;
                continue;
            }
            if row.get::<Vec<u8>>("body_hash")? != ask.body_hash {
                return Ok(Found::OtherBody);
            }
            let Some(status) = status else { return Ok(Found::UnderWay) };
            let status = u16::try_from(status).map_err(|_| StoreError::Damaged("idempotency.status"))?;
            return Ok(Found::Answered {
                status,
                answer: row.get::<Option<String>>("answer")?.unwrap_or_default(),
            });
        }
        Ok(Found::UnderWay)
    }

    async fn forget(&self, ask: &Ask, made_at: Option<Timestamp>) -> Result<(), StoreError> {
        let delete = this(Sql::new("DELETE FROM idempotency "), ask).push_if(" AND created_at = ?", made_at);
        self.store.execute(delete).await.map(|_| ())
    }

    async fn keep(&self, ask: &Ask, status: StatusCode, answer: &str) -> Result<(), StoreError> {
        let update = Sql::new("UPDATE idempotency SET status = ?, answer = ? ");
        let update = update.bind(i64::from(status.as_u16())).bind(answer);
        self.store.execute(this(update, ask)).await.map(|_| ())
    }

    async fn answer(&self, ask: Ask, request: Request, next: Next) -> Result<Response, Problem> {
        match self.claim(&ask).await? {
            Found::New => {}
            Found::OtherBody => {
                return Err(Problem::new(Code::Conflict, "this Idempotency-Key was used with another body"));
            }
            Found::UnderWay => {
                return Err(Problem::new(Code::Conflict, "a request of this Idempotency-Key is under way"));
            }
            Found::Answered { status, answer } => {
                let mut response =
                    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), answer).into_response();
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
                return Ok(response);
            }
        }
        let response = next.run(request).await;
        if !response.status().is_success() {
            self.forget(&ask, None).await?;
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes =
            Limited::new(body, BODY_BYTES_MAX).collect().await.map(http_body_util::Collected::to_bytes);
        let bytes = bytes.map_err(|_| Problem::new(Code::Internal, "the answer could not be kept"))?;
        self.keep(&ask, parts.status, &without_secret(&bytes, parts.extensions.get().copied())).await?;
        Ok(Response::from_parts(parts, bytes.into()))
    }
}

// One person's key is not another's, nor the same in another org.
fn actor(extensions: &http::Extensions) -> String {
    if let Some(caller) = extensions.get::<Caller>() {
        return caller.actor.id.clone();
    }
    let (caller, org) = match extensions.get::<Principal>() {
        Some(Principal::Person(me)) => (&me.caller, me.org.as_ref().map(|(org, _)| org)),
        Some(Principal::Operator { caller, org, .. }) => (caller, org.as_ref()),
        None => return String::new(),
    };
    format!("{}@{}", caller.actor.id, org.map_or("", |org| org.as_str()))
}

fn this(sql: Sql, ask: &Ask) -> Sql {
    sql.push("WHERE actor = ? AND route = ? AND key_hash = ?")
        .bind(&ask.actor)
        .bind(&ask.route)
        .bind(ask.key_hash.as_slice())
}

fn without_secret(answer: &[u8], shown_once: Option<ShownOnce>) -> String {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(answer) else { return String::new() };
    if let (Some(ShownOnce(member)), Some(object)) = (shown_once, value.as_object_mut()) {
        object.remove(member);
    }
    value.to_string()
}

/// Answers a POST that was answered before with the same answer.
pub async fn layer(State(idempotency): State<Idempotency>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(&IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    // To its end even if the peer is gone: else the second ask would not find the first one's answer.
    let tasks = idempotency.tasks.clone();
    let work = async move { once(idempotency, request, next).await.unwrap_or_else(Problem::into_response) };
    let done = tasks.spawn(TaskKind::Act, work).await;
    done.unwrap_or_else(|_| Problem::from(ServiceError::Ended).into_response())
}

async fn once(idempotency: Idempotency, request: Request, next: Next) -> Result<Response, Problem> {
    let bad = || Problem::new(Code::InvalidArguments, "Idempotency-Key: 1-255 visible ASCII characters");
    let key = request.headers().get(&IDEMPOTENCY_KEY).and_then(|v| v.to_str().ok()).ok_or_else(bad)?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(bad());
    }
    let key_hash = sha256(&[key.as_bytes()]);
    let actor = actor(request.extensions());
    let route = format!("{} {}", request.method(), request.uri().path());
    let mut copy = Request::new(axum::body::Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    let body: Bytes = read(request).await?;
    let ask = Ask { actor, route, key_hash, body_hash: sha256(&[&body]) };
    *copy.body_mut() = body.into();
    idempotency.answer(ask, copy, next).await
}
