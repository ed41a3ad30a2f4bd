//! What a URL says, read leniently: one SDK encodes nothing.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Path};
use http::StatusCode;
use http::request::Parts;

use super::GatewayError;

/// The one part of a path. What cannot be one names nothing.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GatewayError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let nothing = |_| GatewayError::new(StatusCode::NOT_FOUND, "NotFound", "nothing has this id");
        path.map(|Path(text)| Self(text)).map_err(nothing)
    }
}

/// The two parts of a path.
#[derive(Debug)]
pub(super) struct Segments(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, GatewayError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let nothing = |_| GatewayError::new(StatusCode::NOT_FOUND, "NotFound", "nothing has this id");
        path.map(|Path((one, two))| Self(one, two)).map_err(nothing)
    }
}

/// The query: the last value of each name; empty is absent.
#[derive(Debug)]
pub(super) struct Params(HashMap<String, String>);

impl Params {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
    pub(super) fn needed(&self, name: &str) -> Result<&str, GatewayError> {
        self.text(name).ok_or_else(|| GatewayError::bad_request(format!("the query lacks {name}")))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}
