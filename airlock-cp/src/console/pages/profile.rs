//! One's own: name, address, password, browsers, connected clients, tokens.

use std::time::Duration;

use airlock_core::Secret;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{id, in_a_browser, secret, typed};
use crate::authz::Act;
use crate::console::Console;
use crate::console::reply::with_cookie;
use crate::console::views::{
    ConnectedClient, Place, ProfilePage, Secret as Shown, SecretPage, SessionEntry, TokenEntry,
};
use crate::console::visit::{Visit, done};
use crate::http::form::Form;
use crate::http::{Me, OrgCtx, Problem, cookies};
use crate::identity::{Login, Membership, Sessions};
use crate::pats::NewPat;

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/profile", get(page))
        .route("/profile/name", post(rename))
        .route("/profile/email", post(email))
        .route("/profile/password", post(password))
        .route("/profile/sessions/revoke", post(end_session))
        .route("/profile/sessions/revoke-others", post(end_others))
        .route("/profile/clients/revoke", post(disconnect))
        .route("/profile/tokens", post(make_token))
        .route("/profile/tokens/revoke", post(revoke_token))
        .route("/profile/delete", post(delete))
}

async fn page(State(console): State<Console>, visit: Visit, me: Me) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    show(&console, visit, &me).await
}

async fn show(console: &Console, visit: Visit, me: &Me) -> Result<Response, Problem> {
    let shell = visit.room(console, "Profile", Place::Profile).await?;
    let orgs = console.people.orgs.of_user(&me.user.id).await?;
    let this = me.login.as_ref().map(|(login, _)| &login.id);
    let session = |login: Login| SessionEntry {
        current: this == Some(&login.id),
        id: login.id.to_string(),
        browser: browser(login.user_agent.as_deref().unwrap_or_default()),
        ip: login.ip.unwrap_or_default(),
        since: console.when(login.created_at),
        seen: console.when(login.last_seen_at),
    };
    let sessions = console.people.logins.of_user(&me.user.id).await?.into_iter().map(session).collect();
    let mut clients = Vec::new();
    for family in console.oauth.families().of_user(&me.user.id).await? {
        let verified = console.oauth.clients().is_verified(&family.client_id).await?;
        clients.push(ConnectedClient {
            id: family.id.to_string(),
            name: family.client_name,
            verified,
            scopes: family.scopes.split(' ').filter_map(short).map(str::to_owned).collect(),
            org: name_of(&orgs, &family.org_id),
            resource: family.resource,
            since: console.when(family.created_at),
            used: family.last_used_at.map(|at| console.when(at)),
            ends: console.when(family.ends_at),
        });
    }
    let now = console.host.now();
    // No more are good at one time than a page shows.
    let tokens = console.pats.kept(&me.user.id, None).await?;
    let tokens = tokens.into_iter().filter(|pat| pat.expires_at > now);
    let token = |pat: crate::pats::Pat| TokenEntry {
        id: pat.id.to_string(),
        name: pat.name,
        hint: pat.hint,
        org: name_of(&orgs, &pat.org_id),
        since: console.when(pat.created_at),
        used: pat.last_used_at.map(|at| console.when(at)),
        ends: console.when(pat.expires_at),
    };
    let view = ProfilePage {
        may_make_tokens: shell.may(Act::OwnTokens),
        shell,
        name: me.user.name.clone(),
        email: me.user.email.clone(),
        verified: me.user.email_verified_at.is_some(),
        sessions,
        clients,
        tokens: tokens.map(token).collect(),
    };
    Ok(visit.page(&view))
}

fn name_of(orgs: &[Membership], id: &airlock_core::id::OrgId) -> String {
    orgs.iter()
        .find(|m| m.org.id == *id)
        .map_or_else(|| "an organization you left".to_owned(), |m| m.org.name.clone())
}

// A scope in one word.
fn short(scope: &str) -> Option<&'static str> {
    match scope {
        "mcp:read" => Some("see the schema"),
        "mcp:call" => Some("ask"),
        "profile" => Some("your name"),
        "email" => Some("your e-mail"),
        _ => None,
    }
}

/// Which browser on which system, as far as its own words tell.
fn browser(agent: &str) -> String {
    let first = |words: &[(&'static str, &'static str)]| {
        words.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name)
    };
    // Each names those before it as well.
    let program = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (program, system) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "An unknown browser".to_owned(),
    }
}

#[derive(Deserialize)]
struct Rename {
    name: String,
}

async fn rename(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(form): Form<Rename>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    match console.people.users.rename(&me, &form.name, None).await {
        Ok(_) => Ok(done("/profile", "saved")),
        Err(e) => show(&console, visit.failed(e)?, &me).await,
    }
}

#[derive(Deserialize)]
struct NewEmail {
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn email(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(form): Form<NewEmail>,
) -> Result<Response, Problem> {
    match console.people.users.change_email(&me, &form.password, &form.email).await {
        Ok(()) => Ok(done("/profile", "email-sent")),
        Err(e) => show(&console, visit.failed(e)?, &me).await,
    }
}

#[derive(Deserialize)]
struct NewPassword {
    #[serde(deserialize_with = "secret")]
    current: Secret<String>,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn password(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(form): Form<NewPassword>,
) -> Result<Response, Problem> {
    match console.people.users.change_password(&me, &form.current, &form.password).await {
        Ok(()) => Ok(done("/profile", "password")),
        Err(e) => show(&console, visit.failed(e)?, &me).await,
    }
}

#[derive(Deserialize)]
struct One {
    id: String,
}

#[derive(Deserialize)]
struct Nothing {}

async fn end_session(
    State(console): State<Console>,
    me: Me,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    let which = Sessions::One(id(&one.id)?);
    console.people.users.revoke_sessions(&me.caller, &me.user.id, which).await?;
    Ok(done("/profile#sessions", "session"))
}

async fn end_others(
    State(console): State<Console>,
    me: Me,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    if let Some((login, _)) = &me.login {
        let which = Sessions::AllBut(login.id.clone());
        console.people.users.revoke_sessions(&me.caller, &me.user.id, which).await?;
    }
    Ok(done("/profile#sessions", "sessions"))
}

async fn disconnect(
    State(console): State<Console>,
    me: Me,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    console.oauth.families().revoke(&me.caller, &me.user.id, &id(&one.id)?).await?;
    Ok(done("/profile#clients", "client"))
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
    days: u64,
}

async fn make_token(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    ctx: OrgCtx,
    Form(form): Form<NewToken>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    ctx.may(Act::OwnTokens)?;
    // Of a day too many the service says so.
    let life = Duration::from_secs(form.days.min(10_000) * 86_400);
    let new = NewPat { name: form.name, expires_at: Some(console.host.now().after(life)) };
    let made = match console.pats.create(ctx.caller(), &me.user.id, ctx.org(), new).await {
        Ok(made) => made,
        Err(e) => return show(&console, visit.failed(e)?, &me).await,
    };
    let view = SecretPage {
        shell: visit.door(&console, "Your new token"),
        text: format!("{} ends {}.", made.pat.name, console.when(made.pat.expires_at).relative),
        secrets: vec![Shown { label: "Token", id: "token", text: made.text.expose().clone() }],
        warning: "This is the only time it is shown. Keep it where secrets belong.",
        back: ("/profile#tokens", "I have kept it"),
    };
    Ok(visit.page(&view))
}

async fn revoke_token(
    State(console): State<Console>,
    me: Me,
    Form(one): Form<One>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    console.pats.revoke(&me.caller, &id(&one.id)?, Some(&me.user.id), None).await?;
    Ok(done("/profile#tokens", "token-revoked"))
}

#[derive(Deserialize)]
struct Delete {
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    confirm: String,
}

async fn delete(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(form): Form<Delete>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    let result = match typed(&form.confirm, "delete my account") {
        Ok(()) => console.people.users.delete_me(&me, &form.password).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match result {
        Ok(()) => Ok(with_cookie(done("/login", "account-deleted"), Some(cookies::clear()))),
        Err(problem) => show(&console, visit.failed(problem)?, &me).await,
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn browsers_are_known_by_their_words() {
        let linux = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(browser(linux), "Firefox on Linux");
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1";
        assert_eq!(browser(phone), "Safari on iPhone");
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        assert_eq!(browser(edge), "Edge on Windows");
        assert_eq!(browser("<script>"), "An unknown browser");
    }
}
