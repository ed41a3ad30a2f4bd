//! The demo's agent: a few lines of MCP over HTTP, as any client sends them.

use serde_json::{Value, json};

/// Calls tools at one MCP endpoint with one key.
#[derive(Debug)]
pub(super) struct Agent {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// The endpoint gave no tool result.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It could not be reached, or its answer was no JSON.
    #[error("the MCP endpoint did not answer: {0}")]
    Http(#[from] reqwest::Error),
    /// It answered with a JSON-RPC error.
    #[error("the MCP endpoint answered {0}")]
    Rpc(String),
}

impl Agent {
    /// An agent that knows an endpoint and a key.
    pub(super) fn new(url: String, key: String) -> Self {
        // Where another crate of the build has reqwest speak TLS, it wants to know with what, although nothing here does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { http: reqwest::Client::new(), url, key }
    }

    /// Calls a tool; the whole result object, whether `isError` or not.
    pub(super) async fn call(&self, tool: &str, arguments: Value) -> Result<Value, AgentError> {
        let request = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}
        });
        let mut answer: Value =
            self.http.post(&self.url).bearer_auth(&self.key).json(&request).send().await?.json().await?;
        match answer.get_mut("result").map(Value::take) {
            Some(result) => Ok(result),
            None => {
                Err(AgentError::Rpc(answer["error"]["message"].as_str().unwrap_or("no result").to_owned()))
            }
        }
    }

    /// Runs a statement; the structured content.
    pub(super) async fn sql(&self, subject: &str, sql: &str) -> Result<Value, AgentError> {
        let mut result = self.call("execute_sql", json!({"snapshot_id": subject, "sql": sql})).await?;
        Ok(result["structuredContent"].take())
    }
}
