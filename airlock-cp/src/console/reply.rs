//! How a page is sent: rendered, not stored by anybody; and how a form is answered.

use airlock_core::Code;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};

use super::next::Next;
use crate::http::Problem;

/// A rendered page.
pub(crate) fn page(status: StatusCode, view: &impl askama::Template) -> Response {
    let Ok(html) = view.render() else {
        tracing::error!("a page could not be rendered");
        return Problem::new(Code::Internal, "the page could not be made").into_response();
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Where the browser goes on after a form: with GET, so that a reload repeats nothing.
pub(crate) fn see_other(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    // `Next` and our own paths are ASCII; what is not goes home.
    let home = || HeaderValue::from_str(Next::home().as_str()).unwrap_or(HeaderValue::from_static("/"));
    headers.insert(LOCATION, HeaderValue::from_str(to).unwrap_or_else(|_| home()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same answer with a cookie.
pub(crate) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
