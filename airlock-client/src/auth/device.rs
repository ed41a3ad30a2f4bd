//! Sign-in on a device without a browser: a person types a code elsewhere, and the device asks until they did.
//!
//! Source: RFC 8628.

use std::fmt;
use std::time::Duration;

use airlock_core::{Secret, Timestamp};
use serde::Deserialize;

use super::idp::{Idp, SCOPE, SignInError, Tokens, form, read_tokens, refusal};
use crate::error::ClientError;
use crate::transport::{Request, Response};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Time that a person has when the answer names none.
const EXPIRES_IN_DEFAULT_S: u64 = 600;
const INTERVAL_MIN_S: u64 = 5;
const INTERVAL_MAX_S: u64 = 60;
const SLOWER: Duration = Duration::from_secs(5);

/// A sign-in that waits for a person. A value: it is asked what to send and told what came back.
pub struct DeviceGrant {
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    code: Secret<String>,
    interval: Duration,
    ends_at: Timestamp,
}

/// What became of it.
#[derive(Debug)]
pub enum Polled {
    /// Nobody did anything yet: ask again after [`DeviceGrant::pause`].
    Pending,
    /// The person signed in.
    Done(Tokens),
}

#[derive(Deserialize)]
struct Answer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: Option<u64>,
    interval: Option<u64>,
}

impl DeviceGrant {
    /// The request that begins it.
    ///
    /// # Errors
    /// When the identity provider has no endpoint for devices.
    pub fn request(idp: &Idp) -> Result<Request, SignInError> {
        let endpoint = idp.endpoints.device.as_ref().ok_or(SignInError::NotOffered("device endpoint"))?;
        Ok(form(endpoint, &[("client_id", &idp.client_id), ("scope", SCOPE)]))
    }
    /// Reads the answer to it.
    ///
    /// # Errors
    /// When it is a refusal or none.
    pub fn read(response: &Response, now: Timestamp) -> Result<Self, SignInError> {
        if !response.status.is_success() {
            return Err(SignInError::Refused(refusal(response)));
        }
        let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| SignInError::Answer)?;
        let interval = answer.interval.unwrap_or(INTERVAL_MIN_S).clamp(INTERVAL_MIN_S, INTERVAL_MAX_S);
        Ok(Self {
            user_code: answer.user_code,
            verification_uri: answer.verification_uri,
            verification_uri_complete: answer.verification_uri_complete,
            code: Secret::new(answer.device_code),
            interval: Duration::from_secs(interval),
            ends_at: now.after(Duration::from_secs(answer.expires_in.unwrap_or(EXPIRES_IN_DEFAULT_S))),
        })
    }
    /// How long to wait before each [`poll`](Self::poll), the first among them.
    pub fn pause(&self) -> Duration {
        self.interval
    }
    /// The request that asks whether the person is done.
    pub fn poll(&self, idp: &Idp) -> Request {
        let fields =
            [("grant_type", GRANT), ("client_id", &idp.client_id), ("device_code", self.code.expose())];
        form(&idp.endpoints.token, &fields)
    }
    /// Takes in the answer to it.
    ///
    /// # Errors
    /// When the person said no, the code expired, or the identity provider refused.
    pub fn handle(&mut self, response: &Response, now: Timestamp) -> Result<Polled, SignInError> {
        let refused = match read_tokens(response, now) {
            Ok(tokens) => return Ok(Polled::Done(tokens)),
            Err(SignInError::Refused(refused)) => refused,
            Err(error) => return Err(error),
        };
        match refused.error.as_str() {
            "authorization_pending" => {}
            "slow_down" => self.interval += SLOWER,
            "expired_token" => return Err(SignInError::CodeExpired),
            "access_denied" => return Err(SignInError::Denied),
            // The provider is busy or restarting; the person may be typing meanwhile.
            _ if refused.status == 429 || refused.status >= 500 => self.interval += SLOWER,
            _ => return Err(SignInError::Refused(refused)),
        }
        if now >= self.ends_at { Err(SignInError::CodeExpired) } else { Ok(Polled::Pending) }
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// When the identity provider cannot be reached or refuses.
    pub async fn begin(idp: &Idp) -> Result<Self, ClientError> {
        let response = idp.transport.send(&Self::request(idp)?).await?;
        Ok(Self::read(&response, idp.host.now())?)
    }

    /// Asks until the person is done. Safe to drop: the code stays valid, and another call goes on asking.
    ///
    /// # Errors
    /// As [`handle`](Self::handle).
    pub async fn finish(&mut self, idp: &Idp) -> Result<Tokens, ClientError> {
        loop {
            tokio::time::sleep(self.pause()).await;
            let now = idp.host.now();
            match idp.transport.send(&self.poll(idp)).await {
                Ok(response) => {
                    if let Polled::Done(tokens) = self.handle(&response, now)? {
                        return Ok(tokens);
                    }
                }
                // The network is away for a moment; the code is not.
                Err(error) if now < self.ends_at => {
                    tracing::debug!(%error, "asking for the device's tokens again");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl fmt::Debug for DeviceGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceGrant")
            .field("verification_uri", &self.verification_uri)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const BEGUN: Timestamp = Timestamp::from_millis(1_000_000);

    fn answer(status: u16, body: &str) -> Response {
        Response::new(StatusCode::from_u16(status).unwrap(), body.to_owned())
    }

    fn grant() -> DeviceGrant {
        let body = r#"{"device_code":"D1","user_code":"WXYZ","verification_uri":"https://v","expires_in":60,"interval":1}"#;
        DeviceGrant::read(&answer(200, body), BEGUN).unwrap()
    }

    #[track_caller]
    fn check(body: &str, status: u16, expected: &str) {
        let polled = grant().handle(&answer(status, body), BEGUN);
        let said = match polled {
            Ok(Polled::Pending) => "pending".to_owned(),
            Ok(Polled::Done(_)) => "done".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{body}");
    }

    #[test]
    fn each_answer_means_what_rfc_8628_says() {
        check(r#"{"error":"authorization_pending"}"#, 400, "pending");
        check(r#"{"error":"slow_down"}"#, 400, "pending");
        check(r#"{"error":"expired_token"}"#, 400, "the code expired before anybody used it");
        check(r#"{"error":"access_denied"}"#, 400, "the person denied access");
        check(r#"{"error":"invalid_client"}"#, 401, "the identity provider refused: invalid_client");
        check("<html>busy</html>", 503, "pending");
        check(
            r#"{"access_token":"A","refresh_token":"R","token_type":"Bearer","expires_in":60}"#,
            200,
            "done",
        );
    }

    #[test]
    fn it_asks_no_faster_than_every_five_seconds_slows_down_and_ends() {
        let mut grant = grant();
        assert_eq!(grant.pause(), Duration::from_secs(5));
        grant.handle(&answer(400, r#"{"error":"slow_down"}"#), BEGUN).unwrap();
        assert_eq!(grant.pause(), Duration::from_secs(10));
        let late = BEGUN.after(Duration::from_secs(60));
        let ended = grant.handle(&answer(400, r#"{"error":"authorization_pending"}"#), late);
        assert!(matches!(ended, Err(SignInError::CodeExpired)));
        assert!(!format!("{grant:?}").contains("D1"));
    }
}
