//! `airlock-approve sign-in`, `sign-out`.

use super::desk::Desk;
use super::error::CliError;
use crate::auth::{DeviceGrant, Session};

const NAMED: CliError =
    CliError::Usage("AIRLOCK_PAT or AIRLOCK_PAT_FILE is set: it says who asks, and nobody signs in or out");

pub(super) async fn sign_in(desk: &Desk) -> Result<(), CliError> {
    if desk.is_named {
        return Err(NAMED);
    }
    let output = desk.output;
    let tell = |grant: &DeviceGrant| {
        output.say(&format!("Sign in at {} with the code {}", grant.verification_uri, grant.user_code));
    };
    desk.airlock.on_behalf_of_a_person(desk.tokens()?, tell).await?;
    output.value("signed_in", desk.airlock.base_url().as_str());
    Ok(())
}

pub(super) async fn sign_out(desk: &Desk) -> Result<(), CliError> {
    if desk.is_named {
        return Err(NAMED);
    }
    let idp = desk.airlock.identity_provider().await?;
    Session::restore(idp, desk.tokens()?)?.sign_out().await?;
    desk.output.value("signed_out", desk.airlock.base_url().as_str());
    Ok(())
}
