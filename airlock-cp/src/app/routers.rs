//! What is mounted where, and behind which layer.

use airlock_core::Code;
use axum::Router;
use axum::handler::Handler as _;
use axum::middleware::from_fn_with_state;

use super::App;
use crate::admin::{self, StatusRoutes};
use crate::audit::AuditRoutes;
use crate::console::{self, Console};
use crate::gateway::Session;
use crate::http::idempotency;
use crate::http::request_id::{self, Edge};
use crate::http::{Api, Principals, Problem, operator, principal};
use crate::identity::{self, People};
use crate::{apps, gateway, grants, pats, tenants, workers};

impl App {
    /// All routes. `mcp`: the endpoint that agents call; `tunnel`: the service that workers dial. An embedder without
    /// them passes empty routers.
    pub fn router(&self, mcp: Router, tunnel: Router) -> Router {
        let api = self.api();
        let edge = Edge { host: self.rooms.host.clone(), tls: self.rooms.config.tls.is_some() };
        api.into_router()
            .merge(self.rooms.oauth.router())
            .merge(self.pages())
            .merge(mcp)
            .merge(tunnel)
            .fallback(no_such_path.layer(from_fn_with_state(console::assets::root(), console::page_headers)))
            .method_not_allowed_fallback(|| async {
                Problem::new(Code::MethodNotAllowed, "this path does not take this method")
            })
            .layer(from_fn_with_state(edge, request_id::layer))
    }

    /// The admin API with the description of every route.
    pub fn api(&self) -> Api {
        let rooms = &*self.rooms;
        let status = self.status();
        let audit = AuditRoutes {
            log: rooms.log.clone(),
            tail: rooms.tail.clone(),
            tenants: rooms.tenants.clone(),
            journal: rooms.journal.clone(),
            metrics: rooms.metrics.clone(),
            host: rooms.host.clone(),
        };
        let for_operator = tenants::api(rooms.tenants.clone())
            .merge(tenants::keys_api(rooms.api_keys.clone()))
            .merge(workers::admin_api(rooms.workers.clone()))
            .merge(grants::operator_api(rooms.grants.clone(), rooms.tenants.clone()))
            .merge(crate::audit::api(audit))
            .merge(admin::operator_api(status.clone()))
            .guard(|router| {
                router
                    .route_layer(from_fn_with_state(rooms.idempotency.clone(), idempotency::layer))
                    .route_layer(from_fn_with_state(rooms.operators.clone(), operator::layer))
            });
        let for_people = pats::api(rooms.pats.clone())
            .merge(rooms.oauth.people_api())
            .merge(rooms.oauth.admin_api())
            .merge(apps::api(rooms.apps.clone()))
            .merge(grants::org_api(rooms.grants.clone(), rooms.tenants.clone()))
            .merge(gateway::session_api(Session {
                gateway: rooms.gateway.clone(),
                principals: self.principals(),
            }))
            .guard(|router| router.route_layer(from_fn_with_state(self.principals(), principal::layer)));
        let open = admin::open_api(status)
            .merge(workers::enroll_api(rooms.enrollment.clone(), rooms.metrics.clone()))
            .merge(gateway::api(rooms.gateway.clone()));
        let people = identity::api(&self.people(), &self.principals(), &rooms.idempotency);
        admin::with_document(for_operator.merge(people).merge(for_people).merge(open))
    }

    fn people(&self) -> People {
        let rooms = &*self.rooms;
        People {
            sign_in: rooms.sign_in.clone(),
            users: rooms.users.clone(),
            orgs: rooms.orgs.clone(),
            invitations: rooms.invitations.clone(),
            logins: rooms.logins.clone(),
            origin: rooms.config.origin().into(),
        }
    }

    // The pages; none where the configuration wants none.
    fn pages(&self) -> Router {
        let rooms = &*self.rooms;
        if !rooms.config.console {
            return Router::new();
        }
        let console = Console {
            people: self.people(),
            oauth: rooms.oauth.clone(),
            pats: rooms.pats.clone(),
            apps: rooms.apps.clone(),
            grants: rooms.grants.clone(),
            tenants: rooms.tenants.clone(),
            host: rooms.host.clone(),
            assets: console::assets::root(),
            modules: console::assets::approver_modules(),
            issuer: rooms.config.issuer().into(),
            signup: rooms.config.signup,
        };
        console::router(console, self.principals())
    }

    /// What tells who asks.
    pub(crate) fn principals(&self) -> Principals {
        let rooms = &*self.rooms;
        Principals {
            operators: rooms.operators.clone(),
            logins: rooms.logins.clone(),
            pats: rooms.pats.clone(),
            users: rooms.users.clone(),
            orgs: rooms.orgs.clone(),
            origin: rooms.config.origin().into(),
        }
    }

    /// What the status routes need.
    pub(crate) fn status(&self) -> StatusRoutes {
        let rooms = &*self.rooms;
        StatusRoutes {
            store: rooms.store.clone(),
            revocations: rooms.revocations.clone(),
            public_key: rooms.signing_key.public(),
            host: rooms.host.clone(),
        }
    }
}

// A person who follows a dead link is shown a page.
async fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "no such path")
}
