//! The org: its name, its people, who is asked to join.

use airlock_core::Code;
use airlock_core::id::UserId;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{SHOWN_MAX, id, in_a_browser, typed};
use crate::authz::{Act, Role};
use crate::console::Console;
use crate::console::views::{
    InvitationEntry, MemberEntry, OrgPage, Place, RoleChoice, Secret as Shown, SecretPage,
};
use crate::console::visit::{Visit, done};
use crate::http::form::Form;
use crate::http::{Me, OrgCtx, Problem};
use crate::identity::{MadeInvitation, Member, OrgPatch, UserStatus};
use crate::tenants::Page;

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/org", get(page))
        .route("/org/name", post(rename))
        .route("/org/members/role", post(set_role))
        .route("/org/members/remove", post(remove))
        .route("/org/invitations", post(invite))
        .route("/org/invitations/resend", post(resend))
        .route("/org/invitations/revoke", post(revoke))
        .route("/org/leave", post(leave))
        .route("/org/delete", post(delete))
}

// Where the page's two lists go on.
const MEMBERS: &str = "members";
const INVITATIONS: &str = "invitations";

/// Who asked somebody to join, by name.
async fn inviter(console: &Console, ctx: &OrgCtx, shown: &[Member], by: &str) -> Result<String, Problem> {
    if by == "operator" {
        return Ok("the operator".to_owned());
    }
    if let Some(member) = shown.iter().find(|m| m.user_id.as_str() == by) {
        return Ok(member.name.clone());
    }
    let found = match by.parse() {
        Ok(user) => console.people.orgs.member(ctx, &user).await?,
        Err(_) => None,
    };
    Ok(found.map_or_else(|| "somebody who left".to_owned(), |member| member.name))
}

async fn page(State(console): State<Console>, visit: Visit, ctx: OrgCtx) -> Result<Response, Problem> {
    show(&console, visit, &ctx).await
}

async fn show(console: &Console, visit: Visit, ctx: &OrgCtx) -> Result<Response, Problem> {
    let role = ctx.role();
    let org = console.people.orgs.show(ctx.org()).await?;
    let manages = role.may(Act::ManageMembers);
    let may_change = |member: Role| manages && (member != Role::Owner || role.may(Act::ManageOwners));
    let members = if role.may(Act::SeeMembers) {
        console.people.orgs.members(ctx, visit.after(MEMBERS), SHOWN_MAX).await?
    } else {
        Page::default()
    };
    let invitations = if manages {
        console.people.invitations.list(ctx, visit.after(INVITATIONS), SHOWN_MAX).await?
    } else {
        Page::default()
    };
    let (mut asked, members_next) = (Vec::new(), members.next_cursor);
    let members = members.items;
    for invitation in &invitations.items {
        asked.push(inviter(console, ctx, &members, &invitation.invited_by).await?);
    }
    let view = OrgPage {
        members_pager: visit.pager("/org", MEMBERS, "members", members_next.as_deref()),
        invitations_pager: visit.pager(
            "/org",
            INVITATIONS,
            "invitations",
            invitations.next_cursor.as_deref(),
        ),
        invitations: invitations
            .items
            .into_iter()
            .zip(asked)
            .map(|(i, by)| InvitationEntry {
                id: i.id.to_string(),
                by,
                email: i.email,
                role: RoleChoice::of(i.role),
                ends: console.when(i.expires_at),
            })
            .collect(),
        members: members
            .iter()
            .map(|m| MemberEntry {
                id: m.user_id.to_string(),
                name: m.name.clone(),
                email: m.email.clone(),
                role: RoleChoice::of(m.role),
                disabled: m.status != UserStatus::Active,
                me: ctx.user() == Some(&m.user_id),
                since: console.when(m.joined_at),
                manage: may_change(m.role),
            })
            .collect(),
        roles: Role::ALL.iter().copied().filter(|r| may_change(*r)).map(RoleChoice::of).collect(),
        shell: visit.room(console, "Organization", Place::Org).await?,
        name: org.name,
        slug: org.slug.to_string(),
        may_change: role.may(Act::ChangeOrg),
        may_invite: manages,
        may_leave: ctx.user().is_some(),
        may_delete: role.may(Act::DeleteOrg),
    };
    Ok(visit.page(&view))
}

#[derive(Deserialize)]
struct Rename {
    name: String,
}

async fn rename(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Rename>,
) -> Result<Response, Problem> {
    ctx.may(Act::ChangeOrg)?;
    let patch = OrgPatch { name: Some(form.name), slug: None };
    match console.people.orgs.patch(&ctx, patch, None).await {
        Ok(_) => Ok(done("/org", "saved")),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

#[derive(Deserialize)]
struct NewRole {
    user: String,
    role: String,
}

fn role(word: &str) -> Result<Role, Problem> {
    word.parse().map_err(|()| Problem::new(Code::InvalidArguments, "choose a role"))
}

async fn set_role(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<NewRole>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    let user: UserId = id(&form.user)?;
    match console.people.orgs.set_role(&ctx, &user, role(&form.role)?).await {
        Ok(_) => Ok(done("/org", "role")),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

#[derive(Deserialize)]
struct OneMember {
    user: String,
}

async fn remove(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<OneMember>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    match console.people.orgs.remove(&ctx, &id(&form.user)?).await {
        Ok(()) => Ok(done("/org", "removed")),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

#[derive(Deserialize)]
struct Invite {
    email: String,
    role: String,
}

async fn invite(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Invite>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    match console.people.invitations.create(&ctx, &form.email, role(&form.role)?).await {
        Ok(made) => Ok(invited(&console, visit, made)),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

#[derive(Deserialize)]
struct One {
    id: String,
}

async fn resend(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    match console.people.invitations.resend(&ctx, &id(&one.id)?).await {
        Ok(made) => Ok(invited(&console, visit, made)),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

fn invited(console: &Console, visit: Visit, made: MadeInvitation) -> Response {
    let Some(link) = made.link else { return done("/org", "invited") };
    let view = SecretPage {
        shell: visit.door(console, "The invitation’s link"),
        text: format!(
            "Send it to {}. It works once, for seven days, for that address only.",
            made.invitation.email
        ),
        secrets: vec![Shown { label: "Link", id: "link", text: link.expose().clone() }],
        warning: "This is the only time it is shown. A new link ends this one.",
        back: ("/org", "I have kept it"),
    };
    visit.page(&view)
}

async fn revoke(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    match console.people.invitations.revoke(&ctx, &id(&one.id)?).await {
        Ok(()) => Ok(done("/org", "invitation-revoked")),
        Err(e) => show(&console, visit.failed(e)?, &ctx).await,
    }
}

#[derive(Deserialize)]
struct Typed {
    confirm: String,
}

async fn leave(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    ctx: OrgCtx,
    Form(form): Form<Typed>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    let org = console.people.orgs.show(ctx.org()).await?;
    let result = match typed(&form.confirm, org.slug.as_str()) {
        Ok(()) => console.people.orgs.leave(&me).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match result {
        Ok(()) => Ok(done("/", "left")),
        Err(problem) => show(&console, visit.failed(problem)?, &ctx).await,
    }
}

async fn delete(
    State(console): State<Console>,
    visit: Visit,
    ctx: OrgCtx,
    Form(form): Form<Typed>,
) -> Result<Response, Problem> {
    ctx.may(Act::DeleteOrg)?;
    let org = console.people.orgs.show(ctx.org()).await?;
    let result = match typed(&form.confirm, org.slug.as_str()) {
        Ok(()) => console.people.orgs.delete(&ctx).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match result {
        Ok(()) => Ok(done("/", "org-deleted")),
        Err(problem) => show(&console, visit.failed(problem)?, &ctx).await,
    }
}
