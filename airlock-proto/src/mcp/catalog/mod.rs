//! What can be answered without data: handshake, discovery, lists. A tool call is handed back to be forwarded.

use airlock_core::error::CallError;
use airlock_core::id::ToolName;
use airlock_core::plane::Revision;
use airlock_core::principal::ToolScope;
use airlock_core::tool;
use bytes::Bytes;
use rmcp::model::{
    CacheScope, DiscoverResult, ErrorCode, InitializeResult, ProtocolVersion, ServerCapabilities,
};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::era::Reject;
use super::params::{Params, text};
use super::result::{server_info, stamped, tool_not_found};

/// The one resource: the policy-level schema.
pub const SCHEMA_URI: &str = "airlock://schema";

/// Lists depend on the key's scopes, so they are private; a scope changed a moment ago may show this much later.
const LIST_TTL_MS: u64 = 30_000;

/// The discovery document changes with a deployment.
const DISCOVER_TTL_MS: u64 = 3_600_000;

/// The tools there are, and the words about them.
#[derive(Clone, Debug)]
pub struct Catalog {
    free: Vec<Tool>,
    bound: Vec<Tool>,
    instructions: String,
}

#[derive(Clone, Debug)]
struct Tool {
    name: ToolName,
    read_only: bool,
    definition: Value,
}

/// Who looks at the catalog.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Which tools the credential reaches.
    pub scope: &'a ToolScope,
    /// Whether the snapshot is bound outside the model, so that tools have no argument for it.
    pub bound: bool,
    /// Which revision to answer in.
    pub revision: Revision,
}

/// A tool call to forward.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which tool.
    pub tool: ToolName,
    /// Its arguments: a JSON object.
    pub arguments: Box<RawValue>,
    /// Whether it changes nothing.
    pub read_only: bool,
}

/// What to do about a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Send this result.
    Result(Bytes),
    /// Send these tools; the listing is audited.
    Tools(Bytes),
    /// Send this error.
    Error(Reject),
    /// Forward this call.
    Call(Call),
    /// Refuse the call to this tool, and keep that it was tried. `hidden` tells the audit row what the client is not told.
    Refused {
        /// As the client named it.
        tool: String,
        /// Whether the tool exists and the credential does not reach it.
        hidden: bool,
        /// Why.
        error: CallError,
    },
    /// Call this tool and put its structured content into [`schema_resource`].
    Schema(Call),
}

impl Catalog {
    /// The data tools, as core defines them.
    pub fn data_tools() -> Self {
        Self::new(tool::definitions(false), tool::definitions(true), tool::INSTRUCTIONS)
    }

    /// The catalog of these definitions: with and without the argument that names the snapshot.
    ///
    /// A definition without a valid `name` is left out.
    pub fn new(free: Vec<Value>, bound: Vec<Value>, instructions: impl Into<String>) -> Self {
        Self { free: tools(free), bound: tools(bound), instructions: instructions.into() }
    }

    /// Answers a request of a revision that [`super::era::revision`] has decided.
    pub fn answer(&self, view: View<'_>, method: &str, params: &Params<'_>) -> Answer {
        let modern = view.revision.is_modern();
        match method {
            "initialize" if !modern => result(self.initialize(view.revision), view.revision),
            "ping" | "logging/setLevel" if !modern => result(json!({}), view.revision),
            "server/discover" if modern => result(self.discover(view.revision), view.revision),
            "tools/list" => match no_cursor(params) {
                Ok(()) => Answer::Tools(list("tools", self.definitions(view), view.revision)),
                Err(reject) => Answer::Error(reject),
            },
            "tools/call" => self.call(view, params),
            "resources/list" => paged(params, "resources", self.resources(view), view.revision),
            "resources/templates/list" => paged(params, "resourceTemplates", vec![], view.revision),
            "resources/read" => self.read(view, params),
            "prompts/list" => paged(params, "prompts", vec![], view.revision),
            "prompts/get" => Answer::Error(Reject::ok(ErrorCode::INVALID_PARAMS, "unknown prompt")),
            // Never completes a snapshot id: the answer would tell which customers there are.
            "completion/complete" => {
                let none = json!({ "completion": { "values": [], "total": 0, "hasMore": false } });
                result(none, view.revision)
            }
            _ => Answer::Error(Reject::method_not_found(view.revision)),
        }
    }

    fn initialize(&self, revision: Revision) -> impl Serialize {
        InitializeResult::new(capabilities(revision))
            .with_protocol_version(protocol_version(revision))
            .with_server_info(server_info())
            .with_instructions(self.instructions.clone())
    }

    fn discover(&self, revision: Revision) -> impl Serialize {
        let mut document =
            DiscoverResult::new(Revision::ALL.map(protocol_version).to_vec(), capabilities(revision))
                .with_ttl_ms(DISCOVER_TTL_MS)
                .with_cache_scope(CacheScope::Private);
        document.instructions = Some(self.instructions.clone());
        document
    }

    fn tools(&self, bound: bool) -> &[Tool] {
        if bound { &self.bound } else { &self.free }
    }

    fn definitions(&self, view: View<'_>) -> Vec<Value> {
        let reached = self.tools(view.bound).iter().filter(|tool| view.scope.allows(&tool.name));
        reached.map(|tool| for_revision(tool.definition.clone(), view.revision)).collect()
    }

    fn resources(&self, view: View<'_>) -> Vec<Value> {
        match self.find(view, tool::GET_SCHEMA) {
            Some(_) => vec![json!({
                "uri": SCHEMA_URI,
                "name": "schema",
                "description": "Tables, columns and masks that the snapshots of this endpoint have",
                "mimeType": "application/json",
            })],
            None => vec![],
        }
    }

    /// The tool of this name, if the credential reaches it.
    fn find(&self, view: View<'_>, name: &str) -> Option<&Tool> {
        self.tools(view.bound).iter().find(|tool| tool.name.as_str() == name && view.scope.allows(&tool.name))
    }

    fn call(&self, view: View<'_>, params: &Params<'_>) -> Answer {
        let Some(name) = params.name.and_then(text) else {
            return Answer::Error(Reject::ok(ErrorCode::INVALID_PARAMS, "params.name must be a tool's name"));
        };
        let Some(tool) = self.find(view, &name) else {
            let hidden = self.tools(view.bound).iter().any(|tool| tool.name.as_str() == name);
            return Answer::Refused { tool: name, hidden, error: tool_not_found() };
        };
        let arguments = params.arguments.map_or_else(empty_object, ToOwned::to_owned);
        Answer::Call(Call { tool: tool.name.clone(), arguments, read_only: tool.read_only })
    }

    fn read(&self, view: View<'_>, params: &Params<'_>) -> Answer {
        let Some(uri) = params.uri.and_then(text) else {
            return Answer::Error(Reject::ok(
                ErrorCode::INVALID_PARAMS,
                "params.uri must be a resource's URI",
            ));
        };
        match self.find(view, tool::GET_SCHEMA) {
            Some(tool) if uri == SCHEMA_URI => Answer::Schema(Call {
                tool: tool.name.clone(),
                arguments: empty_object(),
                read_only: tool.read_only,
            }),
            _ => Answer::Error(unknown_resource(&uri, view.revision)),
        }
    }
}

/// The schema as a resource, from the tool result that holds it as structured content. `None` when it holds none.
pub fn schema_resource(tool_result: &[u8], revision: Revision) -> Option<Bytes> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Held<'a> {
        #[serde(borrow)]
        structured_content: &'a RawValue,
        #[serde(default)]
        is_error: bool,
    }
    let held: Held<'_> = serde_json::from_slice(tool_result).ok()?;
    if held.is_error {
        return None;
    }
    let contents = json!([{
        "uri": SCHEMA_URI,
        "mimeType": "application/json",
        "text": held.structured_content.get(),
    }]);
    let mut resource = Map::from_iter([("contents".to_owned(), contents)]);
    if revision.is_modern() {
        cached(&mut resource, 0);
    }
    Some(bytes(stamped(resource, revision)))
}

/// Older clients know a code of its own for this; newer ones look for the URI that they asked for.
fn unknown_resource(uri: &str, revision: Revision) -> Reject {
    let code = if revision.is_modern() { ErrorCode::INVALID_PARAMS } else { ErrorCode::RESOURCE_NOT_FOUND };
    let mut reject = Reject::ok(code, "unknown resource");
    reject.error.data = (uri.len() <= 1024).then(|| json!({ "uri": uri }));
    reject
}

fn tools(definitions: Vec<Value>) -> Vec<Tool> {
    let of = |definition: Value| {
        let name = definition.get("name")?.as_str()?.parse().ok()?;
        let read_only = definition.pointer("/annotations/readOnlyHint").and_then(Value::as_bool);
        Some(Tool { name, read_only: read_only.unwrap_or(false), definition })
    };
    definitions.into_iter().filter_map(of).collect()
}

/// A definition without what the revision does not know: a client of 2025-03-26 gets no structured content, so it must
/// not be promised any.
fn for_revision(mut definition: Value, revision: Revision) -> Value {
    if revision == Revision::V2025_03_26
        && let Some(definition) = definition.as_object_mut()
    {
        definition.remove("outputSchema");
        definition.remove("title");
    }
    definition
}

/// What we can do, and no more: nothing here changes while a client listens, so there is nothing to subscribe to.
fn capabilities(revision: Revision) -> ServerCapabilities {
    let mut all = ServerCapabilities::builder()
        .enable_tools()
        .enable_resources()
        .enable_prompts()
        .enable_completions()
        .build();
    if !revision.is_modern() {
        all.logging = Some(Map::new());
    }
    all
}

fn protocol_version(revision: Revision) -> ProtocolVersion {
    match revision {
        Revision::V2025_03_26 => ProtocolVersion::V_2025_03_26,
        Revision::V2025_06_18 => ProtocolVersion::V_2025_06_18,
        Revision::V2025_11_25 => ProtocolVersion::V_2025_11_25,
        Revision::V2026_07_28 => ProtocolVersion::V_2026_07_28,
    }
}

fn no_cursor(params: &Params<'_>) -> Result<(), Reject> {
    match params.cursor {
        None => Ok(()),
        Some(_) => Err(Reject::ok(ErrorCode::INVALID_PARAMS, "unknown cursor: the list has one page")),
    }
}

fn paged(params: &Params<'_>, key: &str, items: Vec<Value>, revision: Revision) -> Answer {
    match no_cursor(params) {
        Ok(()) => Answer::Result(list(key, items, revision)),
        Err(reject) => Answer::Error(reject),
    }
}

fn list(key: &str, items: Vec<Value>, revision: Revision) -> Bytes {
    let mut list = Map::from_iter([(key.to_owned(), Value::Array(items))]);
    if revision.is_modern() {
        cached(&mut list, LIST_TTL_MS);
    }
    bytes(stamped(list, revision))
}

fn cached(result: &mut Map<String, Value>, ttl_ms: u64) {
    result.insert("ttlMs".into(), ttl_ms.into());
    result.insert("cacheScope".into(), "private".into());
}

fn result(value: impl Serialize, revision: Revision) -> Answer {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => Answer::Result(bytes(stamped(object, revision))),
        _ => unreachable!("every result of ours is an object"),
    }
}

fn bytes(object: Map<String, Value>) -> Bytes {
    Value::Object(object).to_string().into()
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
}

#[cfg(test)]
mod tests;
