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
    ///
    /// # Errors
    /// When the system gives no HTTP client.
    pub(super) fn new(url: String, key: String) -> Result<Self, AgentError> {
        // It talks to this process, in the clear, and so trusts nobody; reqwest wants to be told all the same.
        let tls =
            rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .expect("ring has the suites of TLS 1.2 and 1.3")
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build()?;
        Ok(Self { http, url, key })
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
