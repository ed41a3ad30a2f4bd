//! The pages people see: rendered here, whole, and usable without scripts.
//!
//! A page is a view (a struct of texts and facts) and a template that shows nothing else; `pages/` builds views from what
//! the rooms say. What changes something is a form with the session's token, answered by a redirect. Secrets are shown once.
//! There is no inline script or style, and no address but ours.

pub mod assets;
mod edge;
mod next;
mod pages;
mod reply;
mod text;
pub mod views;
mod visit;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use airlock_core::Host;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};

pub(crate) use edge::page_headers;
use next::Next;

use crate::apps::Apps;
use crate::config::Signup;
use crate::grants::Grants;
use crate::http::form::OwnOrigin;
use crate::http::{Principals, principal};
use crate::identity::People;
use crate::oauth::Oauth;
use crate::pats::Pats;
use crate::tenants::Tenants;

/// Where a person says which apps may ask in their name.
pub(crate) const CONSENTS: &str = views::ApproverView::Apps.path();

/// What the pages stand on: the services that the JSON API has, too.
#[derive(Clone, Debug)]
pub struct Console {
    pub(crate) people: People,
    pub(crate) oauth: Oauth,
    pub(crate) pats: Pats,
    pub(crate) apps: Apps,
    pub(crate) grants: Grants,
    pub(crate) tenants: Tenants,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) assets: Arc<str>,
    /// The scripts of an approver's pages.
    pub(crate) modules: Arc<[assets::Module]>,
    /// Our own name, which addresses for AI clients begin with.
    pub(crate) issuer: Arc<str>,
    pub(crate) signup: Signup,
}

/// All pages, with what every page bears.
pub(crate) fn router(console: Console, principals: Principals) -> Router {
    let (assets, origin) = (console.assets.clone(), OwnOrigin(principals.origin.clone()));
    pages::router()
        .with_state(console)
        .layer(Extension(origin))
        .layer(from_fn_with_state(principals, principal::page_layer))
        .layer(from_fn_with_state(assets, page_headers))
        .merge(assets::router())
}
