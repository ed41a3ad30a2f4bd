//! Registered apps: one's own for members, all for those who manage clients.

use airlock_core::Code;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{AFTER, SHOWN_MAX, lines, typed};
use crate::apps::{AppKind, AppPatch, AppRecord, AppStatus, MintedApp, NewApp};
use crate::authz::Act;
use crate::console::Console;
use crate::console::views::{AppEntry, AppForm, AppsPage, Place, Secret as Shown, SecretPage};
use crate::console::visit::{Visit, done};
use crate::http::form::Form;
use crate::http::{OrgCtx, Problem};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/org/apps", get(page).post(register))
        .route("/org/apps/addresses", post(addresses))
        .route("/org/apps/rotate", post(rotate))
        .route("/org/apps/revoke", post(revoke))
}

const KINDS: [(&str, &str); 5] = [
    ("Agent", "Agent: a program that acts by itself, with a secret"),
    ("Desktop", "Desktop: a program on people’s computers, with a secret"),
    ("VsCodeExtension", "VS Code extension, with a secret"),
    ("Web", "Web: a page in a browser, known by its origin"),
    ("Mobile", "Mobile: a program on a phone"),
];

/// Whose apps somebody may do this to: everybody's in the org, or their own only.
fn reach(ctx: &OrgCtx, all: Act) -> Result<Option<String>, Problem> {
    match (ctx.may(all), ctx.user()) {
        (Ok(()), _) => Ok(None),
        (Err(_), Some(user)) if ctx.role().may(Act::OwnApps) => Ok(Some(user.to_string())),
        (Err(refused), _) => Err(refused),
    }
}

async fn page(State(console): State<Console>, visit: Visit, ctx: OrgCtx) -> Result<Response, Problem> {
    show(&console, visit, &ctx, AppForm::default()).await
}

async fn show(console: &Console, visit: Visit, ctx: &OrgCtx, form: AppForm) -> Result<Response, Problem> {
    let whose = reach(ctx, Act::SeeClients)?;
    let apps = console.apps.list(ctx.org(), whose.as_deref(), visit.after(AFTER), SHOWN_MAX).await?;
    let all = ctx.role().may(Act::ManageClients);
    let own = |app: &AppRecord| {
        ctx.role().may(Act::OwnApps) && ctx.user().is_some_and(|user| user.as_str() == app.owner_id)
    };
    let entry = |app: AppRecord| AppEntry {
        manage: all || own(&app),
        id: app.app_id,
        client_id: app.client_id,
        name: app.name,
        description: app.description,
        kind: format!("{:?}", app.kind),
        hint: app.client_secret_hint,
        origins: app.allowed_origins.join("\n"),
        redirects: app.redirect_uris.join("\n"),
        since: console.when(app.created_at),
        revoked: app.status == AppStatus::Revoked,
    };
    let view = AppsPage {
        shell: visit.room(console, "Apps", Place::Apps).await?,
        pager: visit.pager("/org/apps", AFTER, "apps", apps.next_cursor.as_deref()),
        apps: apps.items.into_iter().map(entry).collect(),
        form,
        kinds: KINDS.to_vec(),
        may_register: ctx.role().may(Act::OwnApps),
    };
    Ok(visit.page(&view))
}

async fn found(console: &Console, ctx: &OrgCtx, id: &str) -> Result<AppRecord, Problem> {
    let whose = reach(ctx, Act::ManageClients)?;
    Ok(console.apps.show(ctx.org(), id, whose.as_deref()).await?)
}

#[derive(Deserialize)]
struct Register {
    name: String,
    kind: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    home_page: String,
    #[serde(default)]
    origins: String,
    #[serde(default)]
    redirect_uris: String,
}

async fn register(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Register>,
) -> Result<Response, Problem> {
    ctx.may(Act::OwnApps)?;
    let kind: AppKind =
        form.kind.parse().map_err(|()| Problem::new(Code::InvalidArguments, "choose a kind"))?;
    let new = NewApp {
        name: form.name.clone(),
        kind,
        description: Some(form.description.clone()),
        home_page_url: Some(form.home_page.trim().to_owned()).filter(|page| !page.is_empty()),
        is_open_source: None,
        allowed_origins: Some(lines(&form.origins)),
        redirect_uris: Some(lines(&form.redirect_uris)),
    };
    match console.apps.create(ctx.caller(), ctx.org(), new).await {
        Ok(made) => Ok(minted(&console, visit, made, "registered")),
        Err(e) => {
            let entered = AppForm {
                name: form.name,
                kind: form.kind,
                description: form.description,
                home_page: form.home_page,
                origins: form.origins,
                redirects: form.redirect_uris,
            };
            show(&console, visit.failed(e)?, &ctx, entered).await
        }
    }
}

fn minted(console: &Console, visit: Visit, made: MintedApp, word: &str) -> Response {
    let Some(secret) = made.secret else { return done("/org/apps", word) };
    let view = SecretPage {
        shell: visit.door(console, "The app’s secret"),
        text: format!("{} shows both of these on each request.", made.app.name),
        secrets: vec![
            Shown { label: "Client id", id: "client-id", text: made.app.client_id },
            Shown { label: "Client secret", id: "client-secret", text: secret.expose().clone() },
        ],
        warning: "This is the only time the secret is shown. Keep it where secrets belong.",
        back: ("/org/apps", "I have kept it"),
    };
    visit.page(&view)
}

#[derive(Deserialize)]
struct Addresses {
    id: String,
    #[serde(default)]
    origins: String,
    #[serde(default)]
    redirect_uris: String,
}

async fn addresses(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Addresses>,
) -> Result<Response, Problem> {
    let before = found(&console, &ctx, &form.id).await?;
    let patch = AppPatch {
        allowed_origins: Some(lines(&form.origins)),
        redirect_uris: Some(lines(&form.redirect_uris)),
        ..AppPatch::default()
    };
    match console.apps.patch(ctx.caller(), before, patch, None).await {
        Ok(_) => Ok(done("/org/apps", "saved")),
        Err(e) => show(&console, visit.failed(e)?, &ctx, AppForm::default()).await,
    }
}

#[derive(Deserialize)]
struct One {
    id: String,
}

async fn rotate(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    let before = found(&console, &ctx, &one.id).await?;
    match console.apps.rotate(ctx.caller(), before).await {
        Ok(made) => Ok(minted(&console, visit, made, "saved")),
        Err(e) => show(&console, visit.failed(e)?, &ctx, AppForm::default()).await,
    }
}

#[derive(Deserialize)]
struct Revoke {
    id: String,
    confirm: String,
}

async fn revoke(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Revoke>,
) -> Result<Response, Problem> {
    let before = found(&console, &ctx, &form.id).await?;
    let result = match typed(&form.confirm, &before.app_id) {
        Ok(()) => console.apps.revoke(ctx.caller(), before).await.map(|_| ()).map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match result {
        Ok(()) => Ok(done("/org/apps", "app-revoked")),
        Err(problem) => show(&console, visit.failed(problem)?, &ctx, AppForm::default()).await,
    }
}
