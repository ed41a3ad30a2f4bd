//! What `params` and `_meta` may hold, borrowed from the request. Every value is looked at when it is needed, so that an
//! odd one spoils only what it is for.

use serde::Deserialize;
use serde_json::value::RawValue;

use rmcp::model::{ErrorCode, ErrorData};

/// The parameters of a request that any of our methods looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Params<'a> {
    /// What stands around the request.
    #[serde(rename = "_meta")]
    pub meta: Option<Meta<'a>>,
    /// Of a tool or a prompt.
    #[serde(borrow)]
    pub name: Option<&'a RawValue>,
    /// Of a resource.
    #[serde(borrow)]
    pub uri: Option<&'a RawValue>,
    /// Of a task.
    #[serde(borrow, rename = "taskId")]
    pub task_id: Option<&'a RawValue>,
    /// Of a tool or a prompt.
    #[serde(borrow)]
    pub arguments: Option<&'a RawValue>,
    /// Where a list continues. We never issue one.
    #[serde(borrow)]
    pub cursor: Option<&'a RawValue>,
    /// Which revision a handshake asks for.
    #[serde(borrow, rename = "protocolVersion")]
    pub protocol_version: Option<&'a RawValue>,
    /// Who shakes hands.
    #[serde(borrow, rename = "clientInfo")]
    pub client_info: Option<&'a RawValue>,
}

/// What stands around a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Meta<'a> {
    /// Which revision the request speaks.
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    pub protocol_version: Option<&'a RawValue>,
    /// What its client can do.
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    pub client_capabilities: Option<&'a RawValue>,
    /// What its client calls itself.
    #[serde(borrow, rename = "io.modelcontextprotocol/clientInfo")]
    pub client_info: Option<&'a RawValue>,
    /// W3C trace context.
    #[serde(borrow)]
    pub traceparent: Option<&'a RawValue>,
    /// A snapshot bound outside the model.
    #[serde(borrow, rename = "ai.airlock/snapshot")]
    pub snapshot: Option<&'a RawValue>,
}

/// What a client calls itself. Never trusted; kept for the audit row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ClientInfo {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

impl<'a> Params<'a> {
    /// Reads the parameters of a message.
    ///
    /// # Errors
    /// -32602 when they are no object, name a key twice, or `_meta` is no object.
    pub fn read(raw: Option<&'a RawValue>) -> Result<Self, ErrorData> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        if !raw.get().starts_with('{') {
            return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, "params must be an object", None));
        }
        serde_json::from_str(raw.get()).map_err(|_| {
            ErrorData::new(ErrorCode::INVALID_PARAMS, "params or params._meta is malformed", None)
        })
    }

    /// The parameter that the `Mcp-Name` header repeats for this method.
    pub fn named_by(&self, method: &str) -> Option<&'a RawValue> {
        match method {
            "tools/call" | "prompts/get" => self.name,
            "resources/read" => self.uri,
            "tasks/get" | "tasks/update" | "tasks/cancel" => self.task_id,
            _ => None,
        }
    }

    /// Who asks, by their own word: in `_meta`, or in a handshake.
    pub fn client(&self) -> ClientInfo {
        let raw = self.meta.as_ref().and_then(|meta| meta.client_info).or(self.client_info);
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }
}

/// The text of a JSON string; `None` for any other value.
pub fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// Whether the value is a JSON object.
pub fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn unknown_keys_pass_and_odd_values_spoil_nothing_else() {
        let json = raw(r#"{"name":5,"uri":"u","x":[1],"_meta":{"progressToken":1,"traceparent":"t"}}"#);
        let params = Params::read(Some(&json)).unwrap();
        assert_eq!(params.name.and_then(text), None);
        assert_eq!(params.uri.and_then(text).as_deref(), Some("u"));
        assert_eq!(params.meta.unwrap().traceparent.and_then(text).as_deref(), Some("t"));
        assert!(Params::read(None).unwrap().meta.is_none());
        assert!(Params::read(Some(&raw(r#"{"_meta":null}"#))).unwrap().meta.is_none());
    }

    #[test]
    fn what_is_no_object_and_keys_given_twice_are_refused() {
        for bad in [
            "[]",
            "5",
            r#"{"_meta":5}"#,
            r#"{"name":"a","name":"b"}"#,
            r#"{"_meta":{"traceparent":"a","traceparent":"b"}}"#,
        ] {
            assert_eq!(Params::read(Some(&raw(bad))).unwrap_err().code, ErrorCode::INVALID_PARAMS, "{bad}");
        }
    }

    #[test]
    fn clients_name_themselves_in_either_era() {
        let named = Some("cursor".to_owned());
        for json in [
            r#"{"clientInfo":{"name":"cursor","version":"1"}}"#,
            r#"{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"cursor"}}}"#,
        ] {
            assert_eq!(Params::read(Some(&raw(json))).unwrap().client().name, named, "{json}");
        }
        assert_eq!(
            Params::read(Some(&raw(r#"{"clientInfo":"me"}"#))).unwrap().client(),
            ClientInfo::default()
        );
    }
}
