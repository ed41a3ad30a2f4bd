//! One way to the admin API for every command: to the store itself, in this process, or to a control plane far away.
//! Both take the same requests to the same routes.

use airlock_core::Secret;
use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use serde_json::Value;
use tower::ServiceExt as _;
use url::Url;

use super::error::CliError;
use super::local;
use super::remote::Remote;
use crate::app::App;
use crate::config::Config;
use crate::http::LocalOperator;
use crate::http::principal::ORG_HEADER;

const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The admin API, near or far.
pub(super) enum Door {
    Local { app: App, router: Box<axum::Router> },
    Remote { remote: Remote, token: Secret<String> },
}

impl Door {
    pub(super) async fn local(config: Config) -> Result<Self, CliError> {
        let app = local::open(config).await?;
        // Commands ask the admin API only.
        let router = Box::new(app.router(axum::Router::new(), axum::Router::new()));
        Ok(Self::Local { app, router })
    }

    pub(super) fn remote(url: Url, config: Config) -> Result<Self, CliError> {
        let token = config.operator_token;
        let token =
            token.ok_or_else(|| CliError::Usage("--url needs AIRLOCK_CP_OPERATOR_TOKEN".to_owned()))?;
        Ok(Self::Remote { remote: Remote::new(url)?, token })
    }

    pub(super) async fn close(self) {
        if let Self::Local { app, .. } = self {
            app.shut_down(crate::serve::DRAIN_MAX).await;
        }
    }

    /// Asks, and takes the answer as it comes.
    pub(super) async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Body>, CliError> {
        self.open_in(None, method, path, body).await
    }

    /// The same in an org, by its id or slug, for what belongs to one.
    async fn open_in(
        &self,
        org: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Body>, CliError> {
        let mut request = Request::new(body.map_or_else(Body::empty, |b| Body::from(b.to_string())));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| CliError::Usage("an id holds no spaces".to_owned()))?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(org) = org {
            let org = HeaderValue::from_str(org);
            let org = org.map_err(|_| CliError::Usage("--org: an organization's id or slug".to_owned()))?;
            request.headers_mut().insert(ORG_HEADER, org);
        }
        let response = match self {
            Self::Local { router, .. } => {
                request.extensions_mut().insert(LocalOperator::trusted());
                match router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
            Self::Remote { remote, token } => {
                let bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
                let mut bearer =
                    bearer.map_err(|_| CliError::Usage("the token is no header value".to_owned()))?;
                bearer.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, bearer);
                remote.send(request).await?
            }
        };
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }

    /// Asks, and takes the answer whole.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        self.call_in(None, method, path, body).await
    }

    /// The same in an org.
    pub(super) async fn call_in(
        &self,
        org: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let bytes = whole(self.open_in(org, method, path, body).await?).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| CliError::Unavailable("the answer is no JSON".to_owned()))
    }

    /// Reads a whole list, part by part.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, CliError> {
        self.list_in(None, path).await
    }

    /// The same in an org.
    pub(super) async fn list_in(&self, org: Option<&str>, path: &str) -> Result<Vec<Value>, CliError> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let after = cursor.map(|c| format!("&cursor={c}")).unwrap_or_default();
            let part = format!("{path}?limit=500{after}");
            let mut page = self.call_in(org, Method::GET, &part, None).await?;
            if let Some(items) = page["items"].as_array_mut() {
                all.append(items);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(all),
            }
        }
    }
}

async fn whole(response: Response<Body>) -> Result<Bytes, CliError> {
    let cut = |_| CliError::Unavailable("the answer did not come in whole".to_owned());
    axum::body::to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.map_err(cut)
}

/// Gives each piece of an answer to `take`, until it has enough.
pub(super) async fn pieces(
    response: Response<Body>,
    mut take: impl FnMut(&[u8]) -> Result<bool, CliError>,
) -> Result<(), CliError> {
    let mut pieces = response.into_body().into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| CliError::Unavailable("the answer ended early".to_owned()))?;
        if !take(&piece)? {
            break;
        }
    }
    Ok(())
}

async fn refusal(response: Response<Body>) -> CliError {
    let status = response.status();
    let body = whole(response).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    match text("code") {
        _ if status == http::StatusCode::UNAUTHORIZED => CliError::Token,
        code if code.is_empty() => CliError::Unavailable(format!("not a control plane: status {status}")),
        code => CliError::Refused { code, detail: text("detail"), status },
    }
}
