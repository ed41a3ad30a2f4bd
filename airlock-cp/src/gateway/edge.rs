//! What every request of the gateway meets: the version of the protocol, where one is said. Which web pages may call: those
//! of registered public apps; cookies mean nothing here, so none are let along. And the body of a [`GatewayError`].

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, UPGRADE,
    VARY,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::{Gateway, GatewayError};

/// The protocol's version, which a client may say and need not.
static X_HARP_VERSION: HeaderName = HeaderName::from_static("x-harp-version");
const VERSION: HeaderValue = HeaderValue::from_static("0.2");

fn unsupported_version() -> GatewayError {
    let told =
        "this gateway speaks version 0.2 of the protocol; without X-HARP-Version it takes what it knows";
    GatewayError::new(StatusCode::UPGRADE_REQUIRED, "unsupported_version", told)
}

/// Answers what browsers ask before a page's request, and lets the page read the answer.
pub(super) async fn layer(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let mut all = request.headers().get_all(ORIGIN).iter();
    let origin = match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok().map(str::to_owned),
        _ => None,
    };
    let known = match &origin {
        None => Ok(false),
        Some(origin) => gateway.apps.origin_is_known(origin).await,
    };
    let known = match known {
        Ok(known) => known,
        Err(error) => return GatewayError::from(error).respond(gateway.host.now()),
    };
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let version = request.headers().get(&X_HARP_VERSION).cloned();
    let mut response = match &version {
        _ if asks_first => StatusCode::NO_CONTENT.into_response(),
        Some(other) if other != VERSION => unsupported_version().into_response(),
        _ => next.run(request).await,
    };
    if let Some(refused) = response.extensions_mut().remove::<GatewayError>() {
        response = refused.respond(gateway.host.now());
    }
    let status = response.status();
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if version.is_some() && !asks_first {
        headers.insert(&X_HARP_VERSION, VERSION);
    }
    if status == StatusCode::UPGRADE_REQUIRED {
        // RFC 9110, section 15.5.22.
        headers.insert(UPGRADE, HeaderValue::from_static("HARP/0.2"));
    }
    if let (true, Some(Ok(origin))) = (known, origin.map(|origin| HeaderValue::from_str(&origin))) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // The page is of another site, and may read what it asked for.
        let policy = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(policy, HeaderValue::from_static("cross-origin"));
        let mut say = |name: HeaderName, text: &'static str| {
            headers.insert(name, HeaderValue::from_static(text));
        };
        if asks_first {
            say(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE, OPTIONS");
            say(
                ACCESS_CONTROL_ALLOW_HEADERS,
                "Authorization, X-PAT, X-Client-Id, X-Client-Secret, Content-Type, X-HARP-Version",
            );
            say(ACCESS_CONTROL_MAX_AGE, "600");
        } else {
            say(ACCESS_CONTROL_EXPOSE_HEADERS, "X-Request-Id, WWW-Authenticate, Retry-After, X-HARP-Version");
        }
    }
    response
}
