//! The data airlock: tool calls through a control plane, as the same port that an engine in this process answers.

mod mcp;

pub use mcp::McpPlane;
