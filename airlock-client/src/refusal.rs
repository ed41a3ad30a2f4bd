//! An answer with an error status, read: its code, what it says, when to try again.

use std::fmt;
use std::time::Duration;

use airlock_proto::gateway::Problem;
use serde_json::Value;

use crate::transport::Response;

/// What the gateway said instead of an answer.
///
/// Two forms are understood: an envelope with `body.code`, and a flat object with `error`. Whatever else, an empty body
/// among it, is a refusal without a code.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The gateway's own word, such as `pairing_revoked`.
    pub code: Option<String>,
    /// One sentence.
    pub message: String,
    /// The request that it is about.
    pub request_id: Option<String>,
    /// How long to wait before the next try, when it says so.
    pub retry_after: Option<Duration>,
    /// Where a person can allow the app, for the three codes of consent.
    pub consent_url: Option<String>,
    /// The answer as it came, at most 16 KiB of it.
    text: String,
}

/// Most bytes of an error's body that are kept.
const TEXT_BYTES_MAX: usize = 16 * 1024;
const MESSAGE_CHARS_MAX: usize = 500;

impl Refusal {
    /// The refusal in an answer, or none when its status is 200 to 299.
    pub fn of(response: &Response) -> Option<Self> {
        if response.status.is_success() {
            return None;
        }
        let status = response.status.as_u16();
        let whole = String::from_utf8_lossy(&response.body);
        let value: Value = serde_json::from_str(&whole).unwrap_or_default();
        let problem = Problem::read(&whole);
        let root = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            status,
            code: problem.code.as_deref().map(clean).filter(|code| !code.is_empty()),
            message: problem.message.as_deref().map_or_else(|| format!("Gateway returned {status}"), clean),
            request_id: problem.request_id.as_deref().map(clean),
            retry_after: response.retry_after(),
            consent_url: root("consentUrl").filter(|url| url.len() <= MESSAGE_CHARS_MAX),
            text: cut(&whole, TEXT_BYTES_MAX).to_owned(),
        })
    }

    /// A refusal of which only this is known.
    pub(crate) fn told(status: u16, code: Option<String>, message: String) -> Self {
        Self {
            status,
            code,
            message,
            request_id: None,
            retry_after: None,
            consent_url: None,
            text: String::new(),
        }
    }

    /// The answer as it came. It may hold anything: not for logs.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// Whether a plan or its quota is used up, or requests came too fast.
    pub fn is_quota_exceeded(&self) -> bool {
        self.status == 429
            || self.has(&["quota_exceeded", "workspace_limit_exceeded", "workspace_limit_reached"])
    }
    /// Whether the pairing that was used was ended.
    pub fn is_pairing_revoked(&self) -> bool {
        self.has(&["pairing_revoked"])
    }
    /// Whether there is no pairing behind the routing token, or none any more.
    pub fn needs_pairing(&self) -> bool {
        self.has(&["pairing_revoked", "no_approver"])
    }
    /// Whether it came too late.
    pub fn is_expired(&self) -> bool {
        self.status == 410 || self.has(&["expired"])
    }
    /// Whether it contradicts what is there.
    pub fn is_conflict(&self) -> bool {
        self.status == 409
    }
    /// Whether a person has to allow the app first.
    pub fn needs_consent(&self) -> bool {
        self.status == 403 && self.has(&["app_consent_required", "app_consent_pending", "app_consent_denied"])
    }
    pub(crate) fn has(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|own| codes.iter().any(|code| own.eq_ignore_ascii_case(code)))
    }
}

// What a server says goes to terminals and logs: without control characters, and not without end.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} {code}: {}", self.status, self.message),
            None => write!(f, "{}: {}", self.status, self.message),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({self})")
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn read(status: u16, body: &str) -> Refusal {
        Refusal::of(&Response::new(StatusCode::from_u16(status).unwrap(), body.to_owned())).unwrap()
    }

    #[track_caller]
    fn check(status: u16, body: &str, code: Option<&str>, message: &str) {
        let refusal = read(status, body);
        assert_eq!((refusal.code.as_deref(), refusal.message.as_str()), (code, message), "{body}");
    }

    #[test]
    fn both_forms_are_read_and_the_envelope_wins() {
        check(429, r#"{"body":{"code":"quota_exceeded","message":"m"}}"#, Some("quota_exceeded"), "m");
        check(403, r#"{"error":"access_denied","message":"m"}"#, Some("access_denied"), "m");
        let hybrid = r#"{"error":"NotFound","message":"m","body":{"code":"NotFound","message":"m"}}"#;
        check(404, hybrid, Some("NotFound"), "m");
        check(404, r#"{"body":null,"error":"expired"}"#, Some("expired"), "Gateway returned 404");
        check(404, r#"{"body":{"code":null},"error":"x"}"#, None, "Gateway returned 404");
        check(500, r#"{"error":{"code":1}}"#, None, "Gateway returned 500");
        check(502, "<html>nginx</html>", None, "Gateway returned 502");
        check(401, "", None, "Gateway returned 401");
        check(302, "[]", None, "Gateway returned 302");
        check(400, "{\"error\":\"e\",\"message\":\"a\\u001b[31mb\\nc\"}", Some("e"), "a[31mbc");
        assert!(Refusal::of(&Response::new(StatusCode::NO_CONTENT, "")).is_none());
    }

    #[test]
    fn what_it_is_follows_from_status_and_code() {
        assert!(
            read(429, "").is_quota_exceeded()
                && read(403, r#"{"error":"QUOTA_EXCEEDED"}"#).is_quota_exceeded()
        );
        assert!(read(410, "").is_expired() && read(404, r#"{"error":"expired"}"#).is_expired());
        assert!(!read(404, r#"{"error":"NotFound"}"#).is_expired());
        assert!(read(409, "").is_conflict());
        assert!(read(403, r#"{"error":"pairing_revoked"}"#).is_pairing_revoked());
        let consent = read(403, r#"{"error":"app_consent_required","message":"m","consentUrl":"https://c"}"#);
        assert!(consent.needs_consent() && consent.consent_url.as_deref() == Some("https://c"));
        assert!(!read(401, r#"{"error":"app_consent_required"}"#).needs_consent());
    }

    #[test]
    fn what_is_kept_is_bounded_and_not_printed() {
        let refusal = read(500, &"é".repeat(TEXT_BYTES_MAX));
        assert_eq!(refusal.text().len(), TEXT_BYTES_MAX);
        assert_eq!(format!("{:?}", read(500, "SECRET")), "Refusal(500: Gateway returned 500)");
    }
}
