//! The gateway's routes, put together.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use airlock_core::Host;
use airlock_core::id::UserId;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::options;
use http::StatusCode;

use super::{
    app_routes, approver_routes, auth_routes, channel_routes, consent_routes, edge, exchange_routes,
    open_routes, pairing_routes, pat_routes, policy_routes, presence_routes,
};
use crate::approvals::Approvals;
use crate::apps::Apps;
use crate::http::Api;
use crate::http::limits::Buckets;
use crate::identity::Orgs;
use crate::metrics::Metrics;
use crate::oauth::{AccessTokens, Devices, TokenEndpoint};
use crate::pats::Pats;
use crate::revocations::Revocations;
use crate::tasks::Tasks;

const KEYS_MAX: usize = 10_000;

/// What the gateway needs of the other rooms. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// What waits for people.
    pub approvals: Approvals,
    /// What was taken back.
    pub revocations: Revocations,
    /// Tasks, and when they stop.
    pub tasks: Tasks,
    /// Personal access tokens.
    pub pats: Pats,
    /// Apps.
    pub apps: Apps,
    /// Access tokens.
    pub tokens: AccessTokens,
    /// Orgs.
    pub orgs: Orgs,
    /// Devices that sign in.
    pub devices: Devices,
    /// Issues tokens.
    pub issuing: TokenEndpoint,
    /// Our own name as an authorization server.
    pub issuer: Arc<str>,
    /// Where a person says what apps may act for them, if there are pages.
    pub consent_page: Option<Arc<str>>,
    /// Time.
    pub host: Arc<dyn Host>,
    /// Counts what is refused.
    pub metrics: Metrics,
    /// How often, by address, person and app.
    pub limits: Arc<Limits>,
}

/// Rate limits.
#[derive(Debug)]
pub struct Limits {
    pub(super) failures: Buckets<IpAddr>,
    pub(super) devices: Buckets<IpAddr>,
    pub(super) polls: Buckets<IpAddr>,
    pub(super) refreshes: Buckets<IpAddr>,
    pub(super) people: Buckets<UserId>,
    pub(super) apps: Buckets<String>,
    /// Errors that one who waits was answered.
    pub(super) wait_errors: Buckets<(UserId, String)>,
}

impl Default for Limits {
    fn default() -> Self {
        let buckets = || Buckets::new(KEYS_MAX);
        Self {
            failures: buckets(),
            devices: buckets(),
            polls: buckets(),
            refreshes: buckets(),
            people: Buckets::new(KEYS_MAX),
            apps: Buckets::new(KEYS_MAX),
            wait_errors: Buckets::new(KEYS_MAX),
        }
    }
}

/// The gateway's routes.
pub fn api(gateway: Gateway) -> Api {
    let with = |api: Api<Gateway>| api.with_state(gateway.clone());
    let api = with(pat_routes::api().person())
        .merge(with(app_routes::api().person()))
        .merge(with(exchange_routes::api().person()))
        .merge(with(pairing_routes::api().person()))
        .merge(with(approver_routes::api().person()))
        .merge(with(presence_routes::api().person()))
        .merge(with(policy_routes::api().person()))
        .merge(with(consent_routes::api().person()))
        .merge(with(channel_routes::api().person()))
        .merge(with(open_routes::api().open()))
        .merge(with(auth_routes::api().open()));
    let paths: BTreeSet<&'static str> = api.operations().iter().map(|operation| operation.path).collect();
    api.guard(|router| {
        // Browsers ask before a page's request; the layer answers what gets here.
        let asked_first = |router: Router, path| router.route(path, options(StatusCode::NO_CONTENT));
        let router = paths.into_iter().fold(router, asked_first);
        router.layer(from_fn_with_state(gateway.clone(), edge::layer))
    })
}
