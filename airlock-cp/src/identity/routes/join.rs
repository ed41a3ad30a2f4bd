//! Routes of who has an invitation's link, signed in or not.

use airlock_core::{Code, Secret};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;

use super::auth::welcome;
use super::{GET, POST, People, anonymous, secret, secret_opt, texts};
use crate::http::{Api, Body, PathOf, Peer, Principal, Problem};
use crate::identity::{InvitationView, Joined, NewPerson};

pub(super) fn api() -> Api<People> {
    Api::new()
        .route(GET, "/api/v1/invitations/{token}", "Show what a link invites to", view)
        .route(
            POST,
            "/api/v1/invitations/accept",
            "Take an invitation, signed in or by making an account",
            accept,
        )
        .body(texts(&["token"], &["name", "password"]))
        .open()
}

async fn view(
    State(people): State<People>,
    PathOf(token): PathOf<String>,
) -> Result<Json<InvitationView>, Problem> {
    Ok(Json(people.invitations.view(&token).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accept {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "secret_opt")]
    password: Option<Secret<String>>,
}

async fn accept(
    State(people): State<People>,
    who: Option<Extension<Principal>>,
    peer: Peer,
    headers: HeaderMap,
    Body(asked): Body<Accept>,
) -> Result<Response, Problem> {
    let taken = match (who, asked.name, asked.password) {
        (Some(Extension(Principal::Person(me))), None, None) => {
            people.invitations.accept(&me, asked.token.expose()).await?
        }
        (None, Some(name), Some(password)) => {
            let caller = anonymous(peer, &headers);
            let person = NewPerson { name, password };
            people.invitations.accept_new(&caller, asked.token.expose(), person).await?
        }
        (None, ..) => {
            let rule = "name and password of a new account, or sign in first";
            return Err(Problem::new(Code::InvalidArguments, rule));
        }
        (Some(_), ..) => {
            let rule = "signed in, an invitation is taken without name and password, by a person";
            return Err(Problem::new(Code::InvalidArguments, rule));
        }
    };
    joined(&people, &taken).await
}

/// The answer to who joined an org.
pub(super) async fn joined(people: &People, joined: &Joined) -> Result<Response, Problem> {
    let org = people.orgs.show(&joined.invitation.org_id).await?;
    let body = json!({"org": org, "role": joined.invitation.role});
    match &joined.login {
        Some(opened) => welcome(people, opened, body).await,
        None => Ok(Json(body).into_response()),
    }
}
