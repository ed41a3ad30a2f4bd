//! The edge, shared by all routes: what every request meets before a room's handler, and what every answer bears.
//!
//! Order: request id → security headers → operator token (where a route asks for it) → idempotency → handler. Bodies
//! are bounded where they are read ([`body`]).

pub mod api;
pub mod body;
pub mod cookies;
pub mod form;
pub mod idempotency;
pub mod limits;
pub mod operator;
pub mod own_page;
pub mod peer;
pub mod principal;
pub mod problem;
pub mod query;
pub mod request_id;

pub use api::{Api, Operation};
pub use body::{Body, Stamped, if_match};
pub use operator::{LocalOperator, Operators};
pub use peer::{Peer, TrustedProxies};
pub use principal::{Me, OrgCtx, Principal, Principals};
pub use problem::Problem;
pub use query::{Paging, PathOf, QueryOf};
