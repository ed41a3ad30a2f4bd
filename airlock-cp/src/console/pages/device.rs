//! `/device`: a program without a browser shows a code; its person enters it here.

use airlock_core::Code;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{id, in_a_browser};
use crate::console::Console;
use crate::console::views::{DevicePage, DeviceStep, OrgEntry, ScopeWords};
use crate::console::visit::Visit;
use crate::http::form::Form;
use crate::http::{Me, Problem, QueryOf};
use crate::oauth::{AuthorizedPerson, DeviceError};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/device", get(show).post(enter)).route("/device/decide", post(decide))
}

#[derive(Deserialize)]
struct Shown {
    user_code: Option<String>,
}

async fn show(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    QueryOf(shown): QueryOf<Shown>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    Ok(step(&console, visit, DeviceStep::Enter { code: shown.user_code.unwrap_or_default() }))
}

fn step(console: &Console, visit: Visit, step: DeviceStep) -> Response {
    let view = DevicePage { shell: visit.door(console, "Connect a device"), step };
    visit.page(&view)
}

fn problem(error: DeviceError) -> Problem {
    match error {
        DeviceError::Unknown => Problem::new(
            Code::InvalidArguments,
            "no device waits with this code; it may be mistyped, or older than ten minutes",
        ),
        DeviceError::TooMany { retry_after } => {
            Problem::new(Code::RateLimited, "too many wrong codes; wait a minute").after(retry_after)
        }
        DeviceError::Service(error) => error.into(),
        denied => Problem::new(Code::Forbidden, denied.to_string()),
    }
}

fn person(me: &Me, org: Option<airlock_core::id::OrgId>) -> Result<AuthorizedPerson, Problem> {
    AuthorizedPerson::of(me, org)
        .ok_or_else(|| Problem::new(Code::Forbidden, "sign in with a browser for this; a token does not do"))
}

#[derive(Deserialize)]
struct Entered {
    code: String,
}

async fn enter(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(entered): Form<Entered>,
) -> Result<Response, Problem> {
    let found = console.oauth.devices().look_up(&entered.code, &person(&me, None)?).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let visit = visit.failed(problem(error))?;
            return Ok(step(&console, visit, DeviceStep::Enter { code: entered.code }));
        }
    };
    let orgs = found.orgs.into_iter().map(|m| OrgEntry {
        id: m.org.id.to_string(),
        name: m.org.name,
        note: format!("You are {} there", m.role),
        href: None,
    });
    let confirm = DeviceStep::Confirm {
        code: written(&entered.code),
        client: found.client_name,
        verified: found.verified,
        from: found.asked_from.unwrap_or_default(),
        account: me.user.email.clone(),
        orgs: orgs.collect(),
        scopes: found.scopes.iter().filter_map(|(scope, _)| ScopeWords::of(scope.as_str())).collect(),
    };
    Ok(step(&console, visit, confirm))
}

// As the device shows it.
fn written(typed: &str) -> String {
    let mut letters: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    letters.make_ascii_uppercase();
    if letters.len() == 8 {
        letters.insert(4, '-');
    }
    letters
}

#[derive(Deserialize)]
struct Decision {
    code: String,
    decision: String,
    org: Option<String>,
}

async fn decide(
    State(console): State<Console>,
    visit: Visit,
    me: Me,
    Form(said): Form<Decision>,
) -> Result<Response, Problem> {
    let org = said.org.as_deref().map(id).transpose()?;
    let (devices, person) = (console.oauth.devices(), person(&me, org)?);
    let (result, then) = match said.decision.as_str() {
        "allow" => (devices.allow(&said.code, &person).await, DeviceStep::Allowed),
        "deny" => (devices.deny(&said.code, &person).await, DeviceStep::Denied),
        _ => return Err(Problem::new(Code::InvalidArguments, "say allow or deny")),
    };
    match result {
        Ok(()) => Ok(step(&console, visit, then)),
        Err(error) => {
            let visit = visit.failed(problem(error))?;
            Ok(step(&console, visit, DeviceStep::Enter { code: said.code }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_code_is_shown_as_the_device_shows_it() {
        assert_eq!(written("bdwphqpk"), "BDWP-HQPK");
        assert_eq!(written(" BDWP-HQPK "), "BDWP-HQPK");
        assert_eq!(written("bdfghj"), "BDFGHJ");
    }
}
