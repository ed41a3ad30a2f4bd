//! What every page bears: its security headers; and how a failure looks to a person.

use std::sync::Arc;

use airlock_core::Code;
use axum::extract::{Request, State};
use axum::middleware::Next as Rest;
use axum::response::Response;
use http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::reply::{page, see_other};
use super::views::{ErrorPage, Shell};
use crate::http::Problem;
use crate::http::problem::status;

/// The policy of every page but that of consent, whose form may also lead to the client.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'self'; require-trusted-types-for 'script'; trusted-types default";

/// The policy of a page whose form leads to another origin: browsers hold redirects to `form-action` too.
pub(crate) fn policy_to(origin: &str) -> HeaderValue {
    let policy = POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"));
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(POLICY))
}

/// Puts the headers on every page, and makes pages of failures where a person is asking. `assets`: the root of our files.
pub(crate) async fn page_headers(State(assets): State<Arc<str>>, request: Request, rest: Rest) -> Response {
    let asked = Asked::of(&request);
    let mut response = rest.run(request).await;
    // A program is answered by the outermost layer, as everywhere else.
    if !asked.person && response.extensions().get::<Problem>().is_some() {
        return response;
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = failure(&problem, &asked, assets, response.headers());
    }
    bear(response.headers_mut());
    response
}

struct Asked {
    person: bool,
    path: String,
    safe: bool,
    request_id: String,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Self {
            person: text(ACCEPT.as_str()).contains("text/html"),
            path: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            safe: request.method() == Method::GET,
            request_id: text("x-request-id").to_owned(),
        }
    }
}

fn failure(problem: &Problem, asked: &Asked, assets: Arc<str>, before: &HeaderMap) -> Response {
    if problem.code() == Code::Unauthorized {
        let back = if asked.safe { super::Next::read(Some(&asked.path)) } else { super::Next::home() };
        return see_other(&sign_in(&back));
    }
    let status = status(problem.code(), problem.code().fault());
    let view = ErrorPage {
        shell: Shell::bare(assets, title(status)),
        status: status.as_u16(),
        detail: sentence(problem.detail()),
        advice: advice(problem.code(), status),
        request_id: asked.request_id.clone(),
    };
    let mut response = page(status, &view);
    let wait = problem.retry_after_s().map(HeaderValue::from);
    if let Some(wait) = wait.or_else(|| before.get(RETRY_AFTER).cloned()) {
        response.headers_mut().insert(RETRY_AFTER, wait);
    }
    response
}

/// The sign-in page that leads on to a path of ours.
pub(crate) fn sign_in(next: &super::Next) -> String {
    if next.is_home() {
        return "/login".to_owned();
    }
    let query = serde_urlencoded::to_string([("next", next.as_str())]).unwrap_or_default();
    format!("/login?{query}")
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "This is not allowed",
        404 => "Nothing is here",
        405 => "This cannot be done here",
        409 | 412 => "It changed in the meantime",
        413 => "That is too much",
        422 | 400 => "Something in the form is not right",
        429 => "Too many tries",
        503 => "Not just now",
        _ => "Something went wrong on our side",
    }
}

fn advice(code: Code, status: StatusCode) -> &'static str {
    match (code, status.as_u16()) {
        (Code::CsrfFailed, _) => "Go back, load the page again, and send the form once more.",
        (_, 403) => "Ask an owner or admin of your organization for a role that may do this.",
        (_, 404) => "The link may be old, or the thing may belong to another organization.",
        (_, 409 | 412) => "Go back and load the page again to see how things are now.",
        (_, 429) => "Wait a while before you try again.",
        (_, 500..) => {
            "Nothing was lost. Try again in a minute; the request id helps whoever runs this server to find out why."
        }
        _ => "Go back and check what you entered.",
    }
}

// Details of failures are written for the middle of a line.
pub(crate) fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let mut text: String = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    text.push_str(chars.as_str());
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

fn bear(headers: &mut HeaderMap) {
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_set(CONTENT_SECURITY_POLICY, POLICY);
    unless_set(X_FRAME_OPTIONS, "DENY");
    unless_set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(REFERRER_POLICY, "same-origin");
    unless_set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    unless_set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=()",
    );
}
