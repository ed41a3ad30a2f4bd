//! Routes of the AI clients that somebody let in.

use airlock_core::id::FamilyId;
use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};

use super::{Families, Family};
use crate::http::{Api, Me, PathOf, Problem};
use crate::tenants::Page;

/// Routes of a person's connected clients.
pub(super) fn api(families: Families) -> Api {
    Api::new()
        .route(Method::GET, "/api/v1/me/clients", "List the AI clients that you let in", list)
        .route(Method::DELETE, "/api/v1/me/clients/{family_id}", "End one of them, at once", revoke)
        .with_state(families)
}

async fn list(me: Me, State(families): State<Families>) -> Result<Json<Page<Family>>, Problem> {
    let items = families.of_user(&me.user.id).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn revoke(
    me: Me,
    State(families): State<Families>,
    PathOf(id): PathOf<FamilyId>,
) -> Result<StatusCode, Problem> {
    families.revoke(&me.caller, &me.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
