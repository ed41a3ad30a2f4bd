//! The OAuth clients of an org.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{AFTER, SHOWN_MAX, lines};
use crate::authz::Act;
use crate::console::Console;
use crate::console::views::{ClientEntry, ClientForm, ClientsPage, Place, Secret as Shown, SecretPage};
use crate::console::visit::{Visit, done};
use crate::http::form::Form;
use crate::http::{OrgCtx, Problem};
use crate::oauth::{AuthMethod, Client, ClientKind, ClientPatch, ClientStatus, NewClient, Owner};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/org/clients", get(page).post(register))
        .route("/org/clients/block", post(block))
        .route("/org/clients/unblock", post(unblock))
        .route("/org/clients/delete", post(delete))
}

async fn page(State(console): State<Console>, visit: Visit, ctx: OrgCtx) -> Result<Response, Problem> {
    ctx.may(Act::SeeClients)?;
    show(&console, visit, &ctx, ClientForm::default()).await
}

fn owner(ctx: &OrgCtx) -> Owner {
    Owner::Org(ctx.org().clone())
}

async fn show(console: &Console, visit: Visit, ctx: &OrgCtx, form: ClientForm) -> Result<Response, Problem> {
    let clients = console.oauth.clients().list(&owner(ctx), visit.after(AFTER), SHOWN_MAX).await?;
    let entry = |client: Client| ClientEntry {
        id: client.client_id,
        name: client.name,
        kind: match client.kind {
            ClientKind::Preregistered => "registered here",
            ClientKind::Cimd => "by its address",
            ClientKind::Dcr => "by itself",
            ClientKind::App => "an app",
        },
        redirects: client.metadata.redirect_uris,
        confidential: client.metadata.token_endpoint_auth_method != AuthMethod::None,
        blocked: client.status == ClientStatus::Blocked,
        since: console.when(client.created_at),
        used: client.last_used_at.map(|at| console.when(at)),
        own: client.kind == ClientKind::Preregistered,
    };
    let view = ClientsPage {
        shell: visit.room(console, "AI clients", Place::Clients).await?,
        pager: visit.pager("/org/clients", AFTER, "clients", clients.next_cursor.as_deref()),
        clients: clients.items.into_iter().map(entry).collect(),
        form,
        manage: ctx.role().may(Act::ManageClients),
    };
    Ok(visit.page(&view))
}

#[derive(Deserialize)]
struct Register {
    name: String,
    redirect_uris: String,
    confidential: Option<String>,
}

async fn register(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Register>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageClients)?;
    let new = NewClient {
        name: form.name.clone(),
        redirect_uris: lines(&form.redirect_uris),
        confidential: form.confidential.is_some(),
        ..NewClient::default()
    };
    let made = match console.oauth.clients().create(ctx.caller(), &owner(&ctx), new).await {
        Ok(made) => made,
        Err(e) => {
            let entered = ClientForm {
                name: form.name,
                redirects: form.redirect_uris,
                confidential: form.confidential.is_some(),
            };
            return show(&console, visit.failed(e)?, &ctx, entered).await;
        }
    };
    let Some(secret) = made.secret else { return Ok(done("/org/clients", "registered")) };
    let view = SecretPage {
        shell: visit.door(&console, "The client’s secret"),
        text: format!("{} proves itself with both of these.", made.client.name),
        secrets: vec![
            Shown { label: "Client id", id: "client-id", text: made.client.client_id },
            Shown { label: "Client secret", id: "client-secret", text: secret.expose().clone() },
        ],
        warning: "This is the only time the secret is shown. Keep it where secrets belong.",
        back: ("/org/clients", "I have kept it"),
    };
    Ok(visit.page(&view))
}

#[derive(Deserialize)]
struct One {
    id: String,
}

async fn set(
    console: &Console,
    visit: Visit,
    ctx: &OrgCtx,
    client: &str,
    status: ClientStatus,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageClients)?;
    let word = if status == ClientStatus::Blocked { "blocked" } else { "unblocked" };
    let patch = ClientPatch { status: Some(status), name: None };
    match console.oauth.clients().patch(ctx.caller(), &owner(ctx), client, patch, None).await {
        Ok(_) => Ok(done("/org/clients", word)),
        Err(e) => show(console, visit.failed(e)?, ctx, ClientForm::default()).await,
    }
}

async fn block(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    set(&console, visit, &ctx, &one.id, ClientStatus::Blocked).await
}

async fn unblock(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    set(&console, visit, &ctx, &one.id, ClientStatus::Active).await
}

async fn delete(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageClients)?;
    match console.oauth.clients().delete(ctx.caller(), &owner(&ctx), &one.id).await {
        Ok(()) => Ok(done("/org/clients", "client-deleted")),
        Err(e) => show(&console, visit.failed(e)?, &ctx, ClientForm::default()).await,
    }
}
