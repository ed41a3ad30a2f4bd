//! What a URL says: parts of its path, its query, where a list goes on.

use airlock_core::Code;
use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// Parts of the path. One that is no id of its kind names nothing.
#[derive(Debug)]
pub struct PathOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|_| {
            Problem::new(
                Code::NotFound,
                "nothing has this id; a tenant's looks like t_acme, a worker's like w_acme_dev",
            )
        })
    }
}

/// The query.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let refuse = |_| {
            Problem::new(Code::InvalidArguments, "a parameter of the query is unknown, or not of its kind")
        };
        query.map(|Query(value)| Self(value)).map_err(refuse)
    }
}

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Paging {
    /// Most entries.
    pub limit: Option<usize>,
    /// From after here: the `next_cursor` of the part before.
    pub cursor: Option<String>,
}

impl Paging {
    /// Most entries, within bounds.
    pub fn limit(&self) -> usize {
        bounded(self.limit)
    }
}

/// Most entries, within bounds.
pub(crate) fn bounded(limit: Option<usize>) -> usize {
    limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
}
