//! Routes of sign-in, sign-up and passwords.

use airlock_core::{Code, Secret};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{POST, People, anonymous, secret, secret_opt, texts};
use crate::http::{Api, Body, Peer, Principal, Problem, cookies};

use crate::identity::{AGE_MAX, Logins, NewPerson, NewSignUp, OpenedLogin};

pub(super) fn api() -> Api<People> {
    Api::new()
        .route(POST, "/api/v1/auth/login", "Sign in with a password, or with the operator token", login)
        .body(texts(&[], &["email", "password", "operator_token"]))
        .route(POST, "/api/v1/auth/signup", "Make an account; a mail tells how it goes on", sign_up)
        .body(texts(&["email", "name", "password"], &["invitation"]))
        .route(POST, "/api/v1/auth/email/verify", "Confirm an address with the mailed token", verify)
        .body(texts(&["token"], &[]))
        .route(POST, "/api/v1/auth/password/forgot", "Mail a link to set another password", forgot)
        .body(texts(&["email"], &[]))
        .route(POST, "/api/v1/auth/password/reset", "Set another password with the mailed token", reset)
        .body(texts(&["token", "password"], &[]))
        .open()
}

pub(super) fn signed_in() -> Api<People> {
    Api::new()
        .route(POST, "/api/v1/auth/logout", "Sign out this browser, or all of them", logout)
        .body(json!({
            "type": "object", "additionalProperties": false, "properties": {"everywhere": {"type": "boolean"}}
        }))
        .person()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    email: Option<String>,
    #[serde(default, deserialize_with = "secret_opt")]
    password: Option<Secret<String>>,
    #[serde(default, deserialize_with = "secret_opt")]
    operator_token: Option<Secret<String>>,
}

async fn login(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Body(shown): Body<Credentials>,
) -> Result<Response, Problem> {
    let caller = anonymous(peer, &headers);
    let opened = match (shown.email, shown.password, shown.operator_token) {
        (Some(email), Some(password), None) => {
            people.sign_in.with_password(&caller, &email, &password).await?
        }
        (None, None, Some(token)) => people.sign_in.with_operator_token(&caller, &token).await?,
        _ => {
            let rule = "email and password, or operator_token";
            return Err(Problem::new(Code::InvalidArguments, rule));
        }
    };
    // The session that the browser had before is over: nobody goes on with a cookie that was there before sign-in.
    if let Some(before) = cookies::session(&headers)
        && let Some(before) = people.logins.check(before).await?
    {
        people.logins.revoke(&before.id, None).await?;
    }
    welcome(&people, &opened, json!({})).await
}

/// The answer to who just signed in: the cookie, and what the page needs to go on.
pub(super) async fn welcome(
    people: &People,
    opened: &OpenedLogin,
    mut body: Value,
) -> Result<Response, Problem> {
    let user = match &opened.login.user_id {
        Some(id) => Some(people.users.show(id).await?),
        None => None,
    };
    body["user"] = json!(user);
    body["session"] = json!(opened.login);
    body["csrf_token"] = Value::from(Logins::csrf_token(opened.cookie.expose()));
    let mut response = Json(body).into_response();
    response.headers_mut().append(SET_COOKIE, cookies::set(&opened.cookie, AGE_MAX.as_secs()));
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUp {
    email: String,
    name: String,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    #[serde(default, deserialize_with = "secret_opt")]
    invitation: Option<Secret<String>>,
}

async fn sign_up(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Body(new): Body<SignUp>,
) -> Result<Response, Problem> {
    let caller = anonymous(peer, &headers);
    if let Some(token) = new.invitation {
        let invited = people.invitations.view(token.expose()).await?;
        let same = |a: &str| a.parse::<crate::mail::EmailAddress>().ok().map(|a| a.key().to_owned());
        if same(&invited.email) != same(&new.email) {
            return Err(Problem::new(Code::Forbidden, "this invitation is for another e-mail address"));
        }
        let person = NewPerson { name: new.name, password: new.password };
        let joined = people.invitations.accept_new(&caller, token.expose(), person).await?;
        return super::join::joined(&people, &joined).await;
    }
    let new = NewSignUp { email: new.email, name: new.name, password: new.password };
    people.users.sign_up(&caller, new).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"status": "check_your_mail"}))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
}

async fn verify(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Body(shown): Body<Token>,
) -> Result<Json<Value>, Problem> {
    let user = people.users.verify_email(&anonymous(peer, &headers), shown.token.expose()).await?;
    Ok(Json(json!({"user": user})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forgot {
    email: String,
}

async fn forgot(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Body(asked): Body<Forgot>,
) -> Result<Response, Problem> {
    people.users.forgot(&anonymous(peer, &headers), &asked.email).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"status": "check_your_mail"}))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn reset(
    State(people): State<People>,
    peer: Peer,
    headers: HeaderMap,
    Body(asked): Body<Reset>,
) -> Result<StatusCode, Problem> {
    people.users.reset(&anonymous(peer, &headers), asked.token.expose(), &asked.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Logout {
    #[serde(default)]
    everywhere: bool,
}

async fn logout(
    who: Principal,
    State(people): State<People>,
    Body(asked): Body<Logout>,
) -> Result<Response, Problem> {
    people.sign_in.out(&who, asked.everywhere).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().append(SET_COOKIE, cookies::clear());
    Ok(response)
}
