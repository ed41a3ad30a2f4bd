//! What the links in mails lead to. Following one changes nothing: mail programs look at links, too.

use airlock_core::Secret;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::{in_a_browser, secret, sign_in::mail_is_coming};
use crate::console::Console;
use crate::console::views::{ConfirmPage, ForgotPage, ResetPage};
use crate::console::visit::{Visit, done};
use crate::http::form::Form;
use crate::http::{Me, Problem, QueryOf};

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/verify", get(verify_page).post(verify))
        .route("/email/confirm", get(email_page).post(email))
        .route("/forgot", get(forgot_page).post(forgot))
        .route("/reset", get(reset_page).post(reset))
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

async fn verify_page(
    State(console): State<Console>,
    visit: Visit,
    QueryOf(shown): QueryOf<Token>,
) -> Response {
    let view = ConfirmPage {
        shell: visit.door(&console, "Confirm your address"),
        text: "One press, and this address is confirmed as yours.".to_owned(),
        action: "/verify",
        token: shown.token,
        button: "Confirm my address",
    };
    visit.page(&view)
}

async fn verify(
    State(console): State<Console>,
    visit: Visit,
    Form(shown): Form<Token>,
) -> Result<Response, Problem> {
    console.people.users.verify_email(&visit.nobody, &shown.token).await?;
    Ok(done("/login", "verified"))
}

async fn email_page(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    QueryOf(shown): QueryOf<Token>,
) -> Response {
    let view = ConfirmPage {
        shell: visit.door(&console, "Change your address"),
        text: format!("One press, and you sign in with the new address instead of {}.", me.user.email),
        action: "/email/confirm",
        token: shown.token,
        button: "Use the new address",
    };
    visit.page(&view)
}

async fn email(
    State(console): State<Console>,
    me: Me,
    Form(shown): Form<Token>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    console.people.users.confirm_email(&me, &shown.token).await?;
    Ok(done("/profile", "email"))
}

async fn forgot_page(State(console): State<Console>, visit: Visit) -> Response {
    let view = ForgotPage { shell: visit.door(&console, "Forgot your password?") };
    visit.page(&view)
}

#[derive(Deserialize)]
struct Forgot {
    email: String,
}

async fn forgot(
    State(console): State<Console>,
    visit: Visit,
    Form(asked): Form<Forgot>,
) -> Result<Response, Problem> {
    match console.people.users.forgot(&visit.nobody, &asked.email).await {
        Ok(()) => Ok(mail_is_coming(&console, visit, "to set another password")),
        Err(e) => Ok(forgot_page(State(console), visit.failed(e)?).await),
    }
}

async fn reset_page(
    State(console): State<Console>,
    visit: Visit,
    QueryOf(shown): QueryOf<Token>,
) -> Response {
    reset_form(&console, visit, shown.token)
}

fn reset_form(console: &Console, visit: Visit, token: String) -> Response {
    let view = ResetPage { shell: visit.door(console, "Choose a new password"), token };
    visit.page(&view)
}

#[derive(Deserialize)]
struct Reset {
    token: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn reset(
    State(console): State<Console>,
    visit: Visit,
    Form(asked): Form<Reset>,
) -> Result<Response, Problem> {
    match console.people.users.reset(&visit.nobody, &asked.token, &asked.password).await {
        Ok(()) => Ok(done("/login", "reset")),
        Err(e) => Ok(reset_form(&console, visit.failed(e)?, asked.token)),
    }
}
