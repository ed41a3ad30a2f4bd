//! Sign-in, sign-up, and taking an invitation.

use airlock_core::Secret;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use serde::Deserialize;

use super::secret;
use crate::config::Signup;
use crate::console::reply::{page, see_other, with_cookie};
use crate::console::views::{AcceptPage, GoingPage, MessagePage, SignInPage, SignUpPage};
use crate::console::visit::{Visit, done, go};
use crate::console::{Console, Next};
use crate::http::form::Form;
use crate::http::{Me, Principal, Problem, QueryOf, cookies};
use crate::identity::{AGE_MAX, NewPerson, NewSignUp, OpenedLogin, SignInError};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/login", get(show).post(with_password))
        .route("/login/operator", post(with_operator_token))
        .route("/logout", post(out))
        .route("/signup", get(sign_up_page).post(sign_up))
        .route("/invitations/accept", get(invitation).post(accept))
}

#[derive(Deserialize)]
struct Shown {
    next: Option<String>,
    email: Option<String>,
    again: Option<String>,
}

async fn show(State(console): State<Console>, visit: Visit, QueryOf(shown): QueryOf<Shown>) -> Response {
    let next = Next::read(shown.next.as_deref());
    if visit.is_signed_in() && shown.again.is_none() {
        return go(&next);
    }
    form(&console, visit, &next, shown.email.unwrap_or_default(), false)
}

fn form(console: &Console, visit: Visit, next: &Next, email: String, operator: bool) -> Response {
    let view = SignInPage {
        shell: visit.door(console, "Sign in"),
        next: next.to_string(),
        email,
        open: console.signup == Signup::Open,
        operator,
    };
    visit.page(&view)
}

#[derive(Deserialize)]
struct WithPassword {
    next: Option<String>,
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn with_password(
    State(console): State<Console>,
    visit: Visit,
    headers: HeaderMap,
    Form(form_): Form<WithPassword>,
) -> Result<Response, Problem> {
    let next = Next::read(form_.next.as_deref());
    let opened = console.people.sign_in.with_password(&visit.nobody, &form_.email, &form_.password).await;
    match opened {
        Ok(opened) => welcome(&console, &visit, &headers, &opened, &next).await,
        Err(error) => Ok(form(&console, visit.failed(problem(error))?, &next, form_.email, false)),
    }
}

#[derive(Deserialize)]
struct WithToken {
    next: Option<String>,
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
}

async fn with_operator_token(
    State(console): State<Console>,
    visit: Visit,
    headers: HeaderMap,
    Form(shown): Form<WithToken>,
) -> Result<Response, Problem> {
    let next = Next::read(shown.next.as_deref());
    match console.people.sign_in.with_operator_token(&visit.nobody, &shown.token).await {
        Ok(opened) => welcome(&console, &visit, &headers, &opened, &next).await,
        Err(SignInError::Wrong) => {
            let wrong = Problem::new(airlock_core::Code::Unauthorized, "this is not the operator token");
            Ok(form(&console, visit.failed(wrong)?, &next, String::new(), true))
        }
        Err(error) => Ok(form(&console, visit.failed(problem(error))?, &next, String::new(), true)),
    }
}

fn problem(error: SignInError) -> Problem {
    error.into()
}

// The cookie, and on. The session that the browser had before is over: nobody goes on with a cookie of before sign-in.
async fn welcome(
    console: &Console,
    visit: &Visit,
    headers: &HeaderMap,
    opened: &OpenedLogin,
    next: &Next,
) -> Result<Response, Problem> {
    if let Some(before) = cookies::session(headers)
        && let Some(before) = console.people.logins.check(before).await?
    {
        console.people.logins.revoke(&before.id, None).await?;
    }
    let cookie = Some(cookies::set(&opened.cookie, AGE_MAX.as_secs()));
    // A request of a program may lead to another origin at once, where a form's redirects must not go.
    if next.as_str().starts_with("/authorize") || next.as_str().starts_with("/mcp/authorize") {
        let view = GoingPage { shell: visit.door(console, "Going on"), next: next.to_string() };
        return Ok(with_cookie(page(http::StatusCode::OK, &view), cookie));
    }
    Ok(with_cookie(go(next), cookie))
}

#[derive(Deserialize)]
struct Nothing {}

async fn out(
    State(console): State<Console>,
    who: Principal,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response, Problem> {
    console.people.sign_in.out(&who, false).await?;
    Ok(with_cookie(done("/login", "signed-out"), Some(cookies::clear())))
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
}

async fn sign_up_page(
    State(console): State<Console>,
    visit: Visit,
    QueryOf(shown): QueryOf<Token>,
) -> Result<Response, Problem> {
    sign_up_form(&console, visit, &shown.token.unwrap_or_default(), String::new(), String::new()).await
}

async fn sign_up_form(
    console: &Console,
    visit: Visit,
    token: &str,
    email: String,
    name: String,
) -> Result<Response, Problem> {
    let invited = if token.is_empty() { None } else { Some(console.people.invitations.view(token).await?) };
    let view = SignUpPage {
        shell: visit.door(console, "Make an account"),
        allowed: invited.is_some() || console.signup == Signup::Open,
        token: token.to_owned(),
        email: invited.as_ref().map_or(email, |i| i.email.clone()),
        org: invited.map(|i| i.org),
        name,
    };
    Ok(visit.page(&view))
}

#[derive(Deserialize)]
struct SignUp {
    #[serde(default)]
    token: String,
    name: String,
    email: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn sign_up(
    State(console): State<Console>,
    visit: Visit,
    headers: HeaderMap,
    Form(new): Form<SignUp>,
) -> Result<Response, Problem> {
    let (name, email) = (new.name.clone(), new.email.clone());
    if !new.token.is_empty() {
        let person = NewPerson { name: new.name, password: new.password };
        let joined = console.people.invitations.accept_new(&visit.nobody, &new.token, person).await;
        return match joined {
            Ok(joined) => match &joined.login {
                Some(opened) => {
                    let next = Next::read(Some("/?done=joined"));
                    welcome(&console, &visit, &headers, opened, &next).await
                }
                None => Ok(see_other("/login")),
            },
            Err(e) => sign_up_form(&console, visit.failed(problem(e))?, &new.token, email, name).await,
        };
    }
    let person = NewSignUp { email: new.email, name: new.name, password: new.password };
    match console.people.users.sign_up(&visit.nobody, person).await {
        Ok(()) => Ok(mail_is_coming(&console, visit, "to confirm your address")),
        Err(e) => sign_up_form(&console, visit.failed(e)?, "", email, name).await,
    }
}

/// Says that a mail comes, whether or not there is an account.
pub(super) fn mail_is_coming(console: &Console, visit: Visit, what: &str) -> Response {
    let view = MessagePage {
        shell: visit.door(console, "Look at your mail"),
        text: format!("A mail with a link {what} is on its way, if the address is right."),
        more: "It comes within a minute. Look among unwanted mail, too.".to_owned(),
        link: Some(("/login".to_owned(), "Back to sign-in")),
    };
    visit.page(&view)
}

async fn invitation(
    State(console): State<Console>,
    visit: Visit,
    QueryOf(shown): QueryOf<Token>,
) -> Result<Response, Problem> {
    accept_form(&console, visit, shown.token.unwrap_or_default()).await
}

async fn accept_form(console: &Console, visit: Visit, token: String) -> Result<Response, Problem> {
    let invited = console.people.invitations.view(&token).await?;
    let me = match &visit.who {
        Some(Principal::Person(me)) => Some(me.user.email.clone()),
        Some(Principal::Operator { .. }) => Some("the operator".to_owned()),
        None => None,
    };
    let query = serde_urlencoded::to_string([("token", &token)]).unwrap_or_default();
    let view = AcceptPage {
        shell: visit.door(console, "Invitation"),
        here: format!("/invitations/accept?{query}"),
        token,
        org: invited.org,
        invited_by: invited.invited_by,
        role: invited.role.to_string(),
        same: me.as_ref().is_some_and(|me| me.to_lowercase() == invited.email.to_lowercase()),
        email: invited.email,
        signed_in_as: me,
    };
    Ok(visit.page(&view))
}

#[derive(Deserialize)]
struct Accept {
    token: String,
}

async fn accept(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(shown): Form<Accept>,
) -> Result<Response, Problem> {
    match console.people.invitations.accept(&me, &shown.token).await {
        Ok(_) => Ok(done("/", "joined")),
        Err(e) => accept_form(&console, visit.failed(e)?, shown.token).await,
    }
}
