//! `airlock-approve devices`, `revoke-device`, `consents`, `allow`, `deny`: what the gateway keeps about the person.

use airlock_proto::gateway::paths;
use http::Method;
use serde_json::Value;

use super::desk::Desk;
use super::error::CliError;
use crate::approver::calls::ME;
use crate::calls::{Call, get, json, post};

const DEVICES: &[&str] = &["signerKeyId", "fingerprint", "deviceId", "label", "createdAt", "revokedAt"];
const CONSENTS: &[&str] = &["appId", "appName", "state", "askedAt", "decidedAt"];

pub(super) async fn devices(desk: &mut Desk) -> Result<(), CliError> {
    list(get(paths::of(paths::APPROVER_DEVICES, ME), json), DEVICES, desk).await
}

pub(super) async fn consents(desk: &mut Desk) -> Result<(), CliError> {
    list(get(paths::CONSENTS, json), CONSENTS, desk).await
}

async fn list(call: Call<Value>, columns: &[&str], desk: &mut Desk) -> Result<(), CliError> {
    let told = desk.signed_in().await?.call(&call).await?;
    let items = told["items"].as_array().ok_or(crate::ClientError::Answer)?;
    desk.output.list(items, columns);
    Ok(())
}

pub(super) async fn revoke_device(key: &str, desk: &mut Desk) -> Result<(), CliError> {
    let path = format!("{}/{}", paths::of(paths::APPROVER_DEVICES, ME), paths::encoded(key));
    let mut call: Call<Value> = get(path, json);
    call.request.method = Method::DELETE;
    desk.signed_in().await?.call(&call).await?;
    desk.output.value("revoked", key);
    Ok(())
}

/// `path` is that of a yes or of a no.
pub(super) async fn consent(app: &str, path: &str, desk: &mut Desk) -> Result<(), CliError> {
    let call: Call<Value> = post(paths::of(path, app), &Value::Null, json);
    let told = desk.signed_in().await?.call(&call).await?;
    desk.output.value("state", told["state"].as_str().ok_or(crate::ClientError::Answer)?);
    Ok(())
}
