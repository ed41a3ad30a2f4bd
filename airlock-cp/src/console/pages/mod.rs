//! Handlers: each asks the services that the JSON API asks, and fills a view.

mod account;
mod approvals;
mod apps;
mod authorize;
mod clients;
mod device;
mod grants;
mod home;
mod org;
mod profile;
mod sign_in;

use airlock_core::{Code, Secret};
use axum::Router;
use serde::{Deserialize, Deserializer};

use super::Console;
use crate::http::{Me, Problem};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .merge(sign_in::router())
        .merge(account::router())
        .merge(authorize::router())
        .merge(device::router())
        .merge(home::router())
        .merge(profile::router())
        .merge(org::router())
        .merge(clients::router())
        .merge(apps::router())
        .merge(grants::router())
        .merge(approvals::router())
}

// As many of a list as a page shows; links lead to the others. Its parameter, where a page has one list.
const SHOWN_MAX: usize = 100;
const AFTER: &str = "after";

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(from).map(Secret::new)
}

/// An id in a form. One that is none of its kind names nothing.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, "nothing has this id"))
}

/// What is one's own is changed in a browser, not with a token.
fn in_a_browser(me: &Me) -> Result<(), Problem> {
    match me.login {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::Forbidden, "sign in with a browser for this; a token does not do")),
    }
}

/// What must be typed before something is destroyed.
fn typed(shown: &str, expected: &str) -> Result<(), Problem> {
    if shown.trim() == expected {
        return Ok(());
    }
    Err(Problem::new(Code::InvalidArguments, format!("type {expected} to confirm; nothing was done")))
}

/// A list as typed, one a line.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
