//! The OpenAPI document, from what is mounted; compared to a committed file by a test.

use axum::Json;
use axum::extract::State;
use http::Method;
use serde_json::{Map, Value, json};

use crate::http::{Api, Operation};

/// Adds the route that serves the document, which lists itself as well.
pub fn with_document(api: Api) -> Api {
    let serve = |State(document): State<Value>| async move { Json(document) };
    let mount = |document: Value| {
        let own = Api::new().route(Method::GET, "/api/v1/openapi.json", "This document", serve);
        own.open().with_state(document)
    };
    let mut operations = api.operations().to_vec();
    operations.extend_from_slice(mount(Value::Null).operations());
    api.merge(mount(document(&operations)))
}

/// The document of these operations.
pub fn document(operations: &[Operation]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method.as_str().to_ascii_lowercase()] = describe(operation);
    }
    paths.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Airlock control plane",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Times are RFC 3339, UTC. Lists are {items, next_cursor}. Errors are RFC 9457 problems."
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "operator": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": crate::http::cookies::SESSION},
                "token": {"type": "http", "scheme": "bearer"}
            },
            "schemas": {"Problem": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code", "request_id"],
                "properties": {
                    "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
                    "detail": {"type": "string"}, "code": {"type": "string"}, "request_id": {"type": "string"}
                }
            }}
        }
    })
}

fn describe(operation: &Operation) -> Value {
    let in_path = operation.path.split('/').filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'));
    let path =
        in_path.map(|n| json!({"name": n, "in": "path", "required": true, "schema": {"type": "string"}}));
    let query =
        operation.query.iter().map(|n| json!({"name": n, "in": "query", "schema": {"type": "string"}}));
    let mut out = json!({
        "summary": operation.summary,
        "parameters": path.chain(query).collect::<Vec<_>>(),
        "responses": {
            "2XX": {"description": "Done"},
            "default": {
                "description": "Not done",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
            }
        }
    });
    if let Some(schema) = &operation.body {
        out["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    if operation.operator {
        out["security"] = json!([{"operator": []}]);
    }
    if operation.people {
        out["security"] = json!([{"session": []}, {"token": []}, {"operator": []}]);
    }
    out
}
