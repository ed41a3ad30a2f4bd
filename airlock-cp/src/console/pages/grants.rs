//! What people of a role reach of a tenant through AI clients.

use airlock_core::Code;
use airlock_core::id::TenantId;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{AFTER, SHOWN_MAX, id, lines};
use crate::authz::{Act, Role};
use crate::console::Console;
use crate::console::views::{GrantEntry, GrantsPage, Place, RoleChoice, TenantGrants};
use crate::console::visit::{Visit, done};
use crate::error::ServiceError;
use crate::grants::{Grant, NewGrant};
use crate::http::form::Form;
use crate::http::{OrgCtx, Problem};
use crate::tenants::Tenant;

pub(super) fn router() -> Router<Console> {
    Router::new().route("/org/grants", get(page).post(put)).route("/org/grants/clear", post(clear))
}

async fn page(State(console): State<Console>, visit: Visit, ctx: OrgCtx) -> Result<Response, Problem> {
    ctx.may(Act::SeeClients)?;
    show(&console, visit, &ctx).await
}

async fn show(console: &Console, visit: Visit, ctx: &OrgCtx) -> Result<Response, Problem> {
    let mut tenants = Vec::new();
    let page = console.tenants.of_org(ctx.org(), visit.after(AFTER), SHOWN_MAX).await?;
    for tenant in page.items {
        let rules = console.grants.list(&tenant).await?;
        let roles = Role::ALL.iter().copied().filter(|role| !role.mcp_scopes().is_empty());
        tenants.push(TenantGrants {
            id: tenant.id.to_string(),
            endpoint: format!("{}/mcp/{}", console.issuer, tenant.slug),
            name: tenant.name,
            grants: roles.map(|role| entry(role, rules.iter().find(|rule| rule.role == role))).collect(),
        });
    }
    let view = GrantsPage {
        shell: visit.room(console, "Access to data", Place::Grants).await?,
        pager: visit.pager("/org/grants", AFTER, "tenants", page.next_cursor.as_deref()),
        tenants,
        manage: ctx.role().may(Act::ManageClients),
    };
    Ok(visit.page(&view))
}

const EVERYTHING: &str = "*";

fn entry(role: Role, rule: Option<&Grant>) -> GrantEntry {
    let snapshots = rule.map(|rule| rule.allowed_snapshots.as_deref());
    let reach = match snapshots {
        None | Some(Some([])) => "The schema, and no records".to_owned(),
        Some(None) => "Every record that the worker exposes".to_owned(),
        Some(Some([one])) => format!("The records of {one}"),
        Some(Some(several)) => format!("The records of {} ids", several.len()),
    };
    GrantEntry {
        role: RoleChoice::of(role),
        set: rule.is_some(),
        snapshots: match snapshots {
            None => String::new(),
            Some(None) => EVERYTHING.to_owned(),
            Some(Some(list)) => list.join("\n"),
        },
        reach,
    }
}

#[derive(Deserialize)]
struct Which {
    tenant: String,
    role: String,
    #[serde(default)]
    snapshots: String,
}

async fn own(console: &Console, ctx: &OrgCtx, which: &Which) -> Result<(Tenant, Role), Problem> {
    ctx.may(Act::ManageClients)?;
    let tenant = console.tenants.show(&id::<TenantId>(&which.tenant)?).await?;
    if tenant.org_id != *ctx.org() {
        return Err(ServiceError::NotFound("tenant").into());
    }
    let role = which.role.parse().map_err(|()| Problem::new(Code::InvalidArguments, "choose a role"))?;
    Ok((tenant, role))
}

async fn put(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Which>,
) -> Result<Response, Problem> {
    let (tenant, role) = own(&console, &ctx, &form).await?;
    let list = lines(&form.snapshots);
    let everything = list.iter().any(|line| line == EVERYTHING);
    // What this page does not show stays as it is.
    let before = console.grants.list(&tenant).await?.into_iter().find(|rule| rule.role == role);
    let (tools, max_rows) = before.map_or((None, None), |rule| (rule.tools, rule.max_rows));
    let new = NewGrant { allowed_snapshots: (!everything).then_some(list), tools, max_rows };
    match console.grants.put(ctx.caller(), &tenant, role, new).await {
        Ok(_) => Ok(done("/org/grants", "rule")),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

async fn clear(
    State(console): State<Console>,
    ctx: OrgCtx,
    Form(form): Form<Which>,
) -> Result<Response, Problem> {
    let (tenant, role) = own(&console, &ctx, &form).await?;
    console.grants.remove(ctx.caller(), &tenant, role).await?;
    Ok(done("/org/grants", "rule-removed"))
}
