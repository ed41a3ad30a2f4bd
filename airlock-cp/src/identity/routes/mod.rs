//! Routes of people: before sign-in, one's own, the org's, the operator's.

mod admin;
mod auth;
mod join;
mod me;
mod org;

use std::sync::Arc;

use airlock_core::{Code, Secret};
use axum::middleware::from_fn_with_state;
use http::Method;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Invitations, Logins, Orgs, SignIn, Users};
use crate::audit::Caller;
use crate::http::idempotency::{self, Idempotency};
use crate::http::{Api, Peer, Principal, Principals, Problem, own_page, principal};

/// What the routes of people need.
#[derive(Clone, Debug)]
pub struct People {
    /// Sign-in and sign-out.
    pub sign_in: SignIn,
    /// People.
    pub users: Users,
    /// Orgs.
    pub orgs: Orgs,
    /// Invitations.
    pub invitations: Invitations,
    /// Browsers' sessions.
    pub logins: Logins,
    /// Our own origin, as browsers write it.
    pub origin: Arc<str>,
}

/// Routes of people.
pub fn api(people: &People, principals: &Principals, idempotency: &Idempotency) -> Api {
    // An answer is kept where a second ask would do a second thing. Never where the body has a password: what is kept of
    // a body is a fast digest.
    let once = org::asked_once()
        .with_state(people.clone())
        .merge(admin::asked_once().with_state(people.clone()))
        .guard(|router| router.route_layer(from_fn_with_state(idempotency.clone(), idempotency::layer)));
    let signed_in = me::api()
        .with_state(people.clone())
        .merge(org::api().with_state(people.clone()))
        .merge(auth::signed_in().with_state(people.clone()))
        .merge(admin::api().with_state(people.clone()))
        .merge(once)
        .guard(|router| router.route_layer(from_fn_with_state(principals.clone(), principal::layer)));
    let either = join::api()
        .with_state(people.clone())
        .guard(|router| router.route_layer(from_fn_with_state(principals.clone(), principal::layer)));
    let before = auth::api()
        .with_state(people.clone())
        .merge(either)
        .guard(|router| router.route_layer(from_fn_with_state(people.origin.clone(), own_page::layer)));
    signed_in.merge(before)
}

/// Who asks, when nobody is signed in.
fn anonymous(Peer(peer): Peer, headers: &http::HeaderMap) -> Caller {
    let agent = headers.get(http::header::USER_AGENT).and_then(|v| v.to_str().ok());
    Caller::anonymous().at(peer, agent)
}

/// The operator, and nobody else.
fn operator(who: Principal) -> Result<Caller, Problem> {
    match who {
        Principal::Operator { caller, .. } => Ok(caller),
        Principal::Person(_) => Err(Problem::new(Code::Forbidden, "this is for the operator")),
    }
}

/// A member of a body that must not be printed.
fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(from).map(Secret::new)
}

/// The same where it may be absent.
fn secret_opt<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret<String>>, D::Error> {
    Option::<String>::deserialize(from).map(|text| text.map(Secret::new))
}

/// The JSON Schema of an object of texts, the required ones first.
fn texts(required: &[&str], optional: &[&str]) -> Value {
    let all = required.iter().chain(optional);
    let properties: serde_json::Map<_, _> =
        all.map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({
        "type": "object", "required": required, "additionalProperties": false, "properties": properties
    })
}

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
