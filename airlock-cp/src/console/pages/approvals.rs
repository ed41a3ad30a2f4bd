//! An approver's pages, and what lets a phone install them. They hold nothing that is asked: scripts fetch and decrypt it.

use askama::Template as _;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue};
use serde_json::json;

use crate::authz::Act;
use crate::console::views::{ApproverPage, ApproverView, OfflinePage, Place, Shell};
use crate::console::visit::Visit;
use crate::console::{Console, assets};
use crate::http::{Me, OrgCtx, Problem};

/// The worker may answer for pages from here on, and for none beside them.
const SCOPE: &str = "/approvals";

pub(super) fn router() -> Router<Console> {
    let shown = |view: ApproverView| {
        get(move |state: State<Console>, visit: Visit, me: Me, ctx: OrgCtx| show(state, visit, me, ctx, view))
    };
    let pages = ApproverView::ALL.into_iter();
    pages
        .fold(Router::new(), |router, view| router.route(view.path(), shown(view)))
        .route("/approvals/offline", get(offline))
        .route("/approvals/manifest.webmanifest", get(manifest))
        .route("/approvals/worker.js", get(worker))
}

async fn show(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    ctx: OrgCtx,
    view: ApproverView,
) -> Result<Response, Problem> {
    super::in_a_browser(&me)?;
    ctx.may(Act::UseApprovals)?;
    let page = ApproverPage {
        shell: visit.room(&console, view.title(), Place::Approvals).await?,
        view,
        user: me.user.id.to_string(),
        org: ctx.org().to_string(),
        modules: console.modules.clone(),
    };
    Ok(visit.page(&page))
}

fn sent(kind: &'static str, body: String) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // The worker compares; it asks again at every visit.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The one page that the worker keeps: the same for everybody.
async fn offline(State(console): State<Console>) -> Result<Response, Problem> {
    let page = OfflinePage { shell: Shell::bare(console.assets.clone(), "No connection") };
    let html = page
        .render()
        .map_err(|_| Problem::new(airlock_core::Code::Internal, "the page could not be made"))?;
    Ok(sent("text/html; charset=utf-8", html))
}

async fn manifest(State(console): State<Console>) -> Response {
    let icon = |file: &str, sizes: &str, kind: &str, purpose: &str| json!({"src": format!("{}/img/{file}", console.assets), "sizes": sizes, "type": kind, "purpose": purpose});
    let manifest = json!({
        "id": SCOPE, "name": "Airlock approvals", "short_name": "Airlock",
        "description": "What your agents ask before they act.",
        "start_url": SCOPE, "scope": "/", "display": "standalone",
        "background_color": "#f5f6f8", "theme_color": "#0b6a66",
        "icons": [
            icon("icon-192.png", "192x192", "image/png", "any"),
            icon("icon-512.png", "512x512", "image/png", "any"),
            icon("icon-maskable-512.png", "512x512", "image/png", "maskable"),
        ],
        "shortcuts": [
            {"name": "Pair an agent", "url": ApproverView::Pair.path()},
            {"name": "Do not disturb", "url": ApproverView::Quiet.path()},
        ],
    });
    sent("application/manifest+json", manifest.to_string())
}

async fn worker(State(console): State<Console>) -> Response {
    let root = serde_json::Value::from(&*console.assets);
    let mut response =
        sent("text/javascript; charset=utf-8", format!("const ROOT = {root};\n{}", assets::worker()));
    let allowed = HeaderName::from_static("service-worker-allowed");
    response.headers_mut().insert(allowed, HeaderValue::from_static(SCOPE));
    response
}
