//! Bodies: JSON by what they hold, whatever their header says; null is absent; bounded.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::GatewayError;

/// Largest body, but for artifacts.
pub(super) const BODY_BYTES_MAX: usize = 256 * 1024;
/// Largest artifact.
pub(super) const ARTIFACT_BYTES_MAX: usize = 2 * 1024 * 1024;
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// A JSON object. Members that we do not know are passed over.
#[derive(Debug)]
pub(super) struct Json<T, const BYTES_MAX: usize = BODY_BYTES_MAX>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned, const BYTES_MAX: usize> FromRequest<S> for Json<T, BYTES_MAX> {
    type Rejection = GatewayError;
    async fn from_request(request: Request, _: &S) -> Result<Self, GatewayError> {
        if request.headers().contains_key(CONTENT_ENCODING) {
            return Err(GatewayError::bad_request("a Content-Encoding is not taken"));
        }
        let body = Limited::new(request.into_body(), BYTES_MAX).collect();
        let slow = |_| GatewayError::bad_request("the body came in too slowly");
        let body = match tokio::time::timeout(BODY_TIME_MAX, body).await.map_err(slow)? {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("a body has at most {BYTES_MAX} bytes");
                return Err(GatewayError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message));
            }
            Err(_) => return Err(GatewayError::bad_request("the body did not come in whole")),
        };
        read(&body).map(Self)
    }
}

/// Reads an object; nothing, and `null`, are an empty one.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, GatewayError> {
    let blank = body.iter().all(u8::is_ascii_whitespace);
    let bad = |_| GatewayError::bad_request("the body is not the JSON object expected");
    let mut value: Value = if blank { Value::Null } else { serde_json::from_slice(body).map_err(bad)? };
    if value.is_null() {
        value = Value::Object(serde_json::Map::new());
    }
    if !value.is_object() {
        return Err(GatewayError::bad_request("the body is not a JSON object"));
    }
    strip(&mut value);
    // serde's own words may quote what was sent; the name of a member that is missing is ours.
    serde_json::from_value(value).map_err(|error| {
        let text = error.to_string();
        let told = text.starts_with("missing field");
        GatewayError::bad_request(if told { text } else { "a member is not of its kind".to_owned() })
    })
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip);
        }
        Value::Array(all) => all.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq, Eq)]
    struct Form {
        name: Option<String>,
        #[serde(default)]
        list: Vec<String>,
    }

    #[track_caller]
    fn check(body: &[u8], expected: Result<Form, &str>) {
        let got = read::<Form>(body).map_err(|error| error.code());
        assert_eq!(got, expected, "{}", String::from_utf8_lossy(body));
    }

    #[test]
    fn null_is_absent_and_the_unknown_is_passed_over() {
        let named = || Form { name: Some("x".into()), list: vec![] };
        check(b"", Ok(Form::default()));
        check(b" \r\n", Ok(Form::default()));
        check(b"null", Ok(Form::default()));
        check(br#"{"name":null,"list":null}"#, Ok(Form::default()));
        check(br#"{"name":"x","list":null,"other":{"a":null}}"#, Ok(named()));
        check(br#"{"name":1}"#, Err("bad_request"));
        check(b"[]", Err("bad_request"));
        check(b"\"x\"", Err("bad_request"));
        check(b"{", Err("bad_request"));
        check(b"name=x", Err("bad_request"));
        check(b"{\"name\":\"\xff\"}", Err("bad_request"));
        check(&b"[".repeat(100_000), Err("bad_request"));
    }
}
