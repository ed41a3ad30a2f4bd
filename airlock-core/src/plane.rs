//! Port [`DataPlane`]: one tool call of one principal, rendered bytes back.
//!
//! [`Engine`](crate::engine::Engine) runs it in process; the control plane forwards it through a tunnel; a client
//! sends it over MCP. All share this shape.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::CallError;
use crate::id::{CallId, SubjectId, ToolName, TraceId};
use crate::principal::Principal;

/// A revision of the Model Context Protocol that results are rendered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// 2025-03-26: no structured content; what a client without a version header is taken to speak.
    V2025_03_26,
    /// 2025-06-18: structured content.
    V2025_06_18,
    /// 2025-11-25: the newest with an `initialize` handshake.
    V2025_11_25,
    /// 2026-07-28: stateless; `resultType` on every result.
    V2026_07_28,
}

impl Revision {
    /// Newest first.
    pub const ALL: [Revision; 4] =
        [Self::V2026_07_28, Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// The date that names the revision.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }
    /// Whether the revision is of the stateless era.
    pub const fn is_modern(self) -> bool {
        matches!(self, Self::V2026_07_28)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Revision {
    type Err = UnknownRevision;
    fn from_str(text: &str) -> Result<Self, UnknownRevision> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(UnknownRevision)
    }
}

/// No revision that we serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protocol revision not supported")]
pub struct UnknownRevision;

/// In which form the caller takes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContentType {
    /// The JSON-RPC result object of `tools/call`.
    McpResult,
    /// An Arrow IPC stream of the rows.
    ArrowStream,
}

impl ContentType {
    /// The media type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::McpResult => "application/json",
            Self::ArrowStream => "application/vnd.apache.arrow.stream",
        }
    }
    /// The form of this media type.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "application/json" => Some(Self::McpResult),
            "application/vnd.apache.arrow.stream" => Some(Self::ArrowStream),
            _ => None,
        }
    }
}

/// One tool call.
#[derive(Clone, Debug)]
pub struct ToolCall {
    /// Names the call in tunnel frames and logs.
    pub id: CallId,
    /// Which tool.
    pub tool: ToolName,
    /// The tool's arguments: a JSON object, not yet validated.
    pub arguments: Box<RawValue>,
    /// The subject, when it was bound outside the model (header or URL); an argument that differs is refused.
    pub bound: Option<SubjectId>,
    /// Who asks.
    pub principal: Principal,
    /// Which trace it belongs to.
    pub trace: TraceId,
    /// Time the whole call may take.
    pub budget: Duration,
    /// Revision to render for.
    pub revision: Revision,
    /// Form of the answer.
    pub accept: ContentType,
}

/// How a call ended, as audit knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With an answer.
    Ok,
    /// With a failure; the error class names it.
    Error,
    /// Refused before it was forwarded.
    Denied,
    /// The process ended before the outcome was known.
    Unknown,
}

impl Outcome {
    /// The word in audit rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
        }
    }
}

/// What may be known of an answer without reading it: the audit row is made from this, never from the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How the call ended.
    pub outcome: Outcome,
    /// The error class when it ended with a failure that the model can act on.
    pub error_class: Option<String>,
    /// The finer word below the class.
    pub detail_code: Option<String>,
    /// Rows answered.
    pub rows: u64,
    /// Whether rows, bytes or cells were cut.
    pub truncated: bool,
    /// Milliseconds the plane spent, queueing included.
    pub elapsed_ms: u64,
    /// Milliseconds of it spent queueing.
    pub queue_ms: u64,
    /// Whether the call had to export first.
    pub cold: bool,
    /// Which generation of the snapshot answered.
    pub generation: Option<u64>,
    /// Which masks were in force, hex.
    pub policy_hash: Option<String>,
    /// Keyed digest of the statement without its literals; the key stays with the worker.
    pub sql_fingerprint: Option<String>,
}

impl Head {
    /// The head of a call that ended well so far, with nothing counted.
    pub fn ok() -> Self {
        Self {
            outcome: Outcome::Ok,
            error_class: None,
            detail_code: None,
            rows: 0,
            truncated: false,
            elapsed_ms: 0,
            queue_ms: 0,
            cold: false,
            generation: None,
            policy_hash: None,
            sql_fingerprint: None,
        }
    }
}

/// A rendered answer: its head and its bytes.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// What may be known of it without reading it.
    pub head: Head,
    /// Its form.
    pub content_type: ContentType,
    /// The bytes, passed on untouched.
    pub body: Bytes,
}

/// Port: whatever answers a tool call.
#[async_trait]
pub trait DataPlane: Send + Sync {
    /// Answers one call. Dropping the future cancels the call.
    ///
    /// # Errors
    /// With what belongs in a JSON-RPC error ([`Surface::Protocol`](crate::error::Surface)). A failure that the model
    /// can act on is a [`Rendered`] tool result with `isError: true`.
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError>;
}
