//! Failures: one code and one sentence, written twice so that every published client finds them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{GATEWAY_ID, msg_type};

/// A failure, read or to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The code, if the answer has one.
    pub code: Option<String>,
    /// The sentence.
    pub message: Option<String>,
    /// What it is about.
    pub request_id: Option<String>,
}

/// The body of an error's envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// The code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A code and a sentence.
    pub fn new(code: &str, message: &str) -> Self {
        Self { code: Some(code.to_owned()), message: Some(message.to_owned()), request_id: None }
    }

    /// The hybrid: an envelope, with code and sentence once more on top.
    pub fn to_json(&self, created_at: &str) -> Value {
        let (code, message) =
            (self.code.as_deref().unwrap_or_default(), self.message.as_deref().unwrap_or_default());
        let body = ProblemBody {
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: self.request_id.clone(),
        };
        let mut all = json!({
            "msgType": msg_type::ERROR,
            "createdAt": created_at,
            "sender": {"gatewayId": GATEWAY_ID},
            "body": body,
            "error": code,
            "message": message,
        });
        if let Some(request_id) = &self.request_id {
            all["requestId"] = Value::from(request_id.as_str());
        }
        all
    }

    /// Reads an error's body by the rule of all published clients: an object `body` decides, else the top.
    pub fn read(text: &str) -> Self {
        let Ok(Value::Object(root)) = serde_json::from_str(text) else { return Self::default() };
        let word = |from: &Value, name: &str| from.get(name).and_then(Value::as_str).map(str::to_owned);
        let top = Value::Object(root);
        match top.get("body").filter(|body| body.is_object()) {
            Some(body) => Self {
                code: word(body, "code"),
                message: word(body, "message"),
                request_id: word(body, "requestId"),
            },
            None => Self { code: word(&top, "error"), message: word(&top, "message"), request_id: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_by_both_rules() {
        let problem = Problem { request_id: Some("req-1".into()), ..Problem::new("expired", "too late") };
        let json = problem.to_json("2026-01-01T00:00:00.000Z");
        assert_eq!(Problem::read(&json.to_string()), problem);
        assert_eq!((&json["error"], &json["message"]), (&json!("expired"), &json!("too late")));
        assert_eq!(json["requestId"], "req-1");
        assert!(!Problem::new("a", "b").to_json("t").to_string().contains("null"));
    }

    #[test]
    fn flat_odd_and_foreign_bodies_are_read_without_a_fuss() {
        let flat = Problem::read(r#"{"error":"app_consent_required","message":"ask them","appId":"X"}"#);
        assert_eq!(flat, Problem::new("app_consent_required", "ask them"));
        // The envelope decides even when it says nothing.
        assert_eq!(Problem::read(r#"{"body":{},"error":"x"}"#).code, None);
        assert_eq!(Problem::read(r#"{"body":"text","error":"x"}"#).code.as_deref(), Some("x"));
        for none in ["", "<html>", "[]", "null", "{}", r#"{"error":{"code":1}}"#] {
            assert_eq!(Problem::read(none), Problem::default(), "{none}");
        }
    }
}
