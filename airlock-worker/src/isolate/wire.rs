//! What parent and child say to each other.

use std::time::Duration;

use airlock_core::egress::Refusal;
use airlock_core::policy::limits::Limits;
use airlock_core::query::{AnswerColumn, Format, QueryError, Rows, Shaped, Truncation};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::doors::Door;
use super::measure::{Measure, State};
use crate::cache::DataKey;

/// From the parent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// The first message: lock yourself in.
    Setup {
        /// Bytes of private memory.
        memory_bytes: u64,
        /// Measures to leave out.
        without: Vec<Measure>,
    },
    /// A snapshot; `tables` messages follow, each with a descriptor.
    Open { key: DataKey, limits: Box<Limits>, tables: usize },
    /// One table of the snapshot being opened; the message carries its descriptor.
    Table { name: String, bytes: u64 },
    /// Run a statement.
    Run(Ask),
    /// Drop these snapshots.
    Forget(Vec<DataKey>),
    /// Try each door.
    TryDoors,
}

/// One statement.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) key: DataKey,
    pub(super) sql: String,
    pub(super) format: Format,
    pub(super) max_rows: u64,
    pub(super) offset: u64,
    pub(super) timeout: Duration,
}

/// From the child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    /// After `Setup`: what holds.
    Hello(Vec<(Measure, State)>),
    /// After the last `Table`.
    Opened(Result<(), Failure>),
    /// After `Run`: the answer; its rows are the message's body.
    Answer(Answer),
    /// After `Run`: none.
    Failed(Failure),
    /// After `Forget`.
    Forgotten,
    /// After `TryDoors`: whether each is shut.
    Doors(Vec<(Door, bool)>),
}

/// A [`Shaped`] without its rows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    columns: Vec<AnswerColumn>,
    row_count: u64,
    truncation: Option<Truncation>,
    ordered: bool,
    tables: Vec<String>,
    rows: Body,
}

/// How the message's body is to be read.
#[derive(Debug, Serialize, Deserialize)]
enum Body {
    /// The rows as JSON, this many bytes, then the text.
    Text(usize),
    /// An Arrow stream.
    Arrow,
}

impl Answer {
    /// The head, and the parts of the body.
    pub(super) fn split(shaped: Shaped) -> (Self, [Bytes; 2]) {
        let Shaped { columns, row_count, rows, truncation, ordered, tables } = shaped;
        let (rows, parts) = match rows {
            Rows::Text { rows_json, text } => (Body::Text(rows_json.len()), [rows_json.into(), text.into()]),
            Rows::Arrow(stream) => (Body::Arrow, [stream, Bytes::new()]),
        };
        (Self { columns, row_count, truncation, ordered, tables, rows }, parts)
    }

    /// Head and body joined again; `None` when they do not fit each other.
    pub(super) fn join(self, body: Vec<u8>) -> Option<Shaped> {
        let Self { columns, row_count, truncation, ordered, tables, rows } = self;
        let rows = match rows {
            Body::Arrow => Rows::Arrow(body.into()),
            Body::Text(at) => {
                let mut rows_json = String::from_utf8(body).ok()?;
                if !rows_json.is_char_boundary(at) {
                    return None;
                }
                let text = rows_json.split_off(at);
                Rows::Text { rows_json, text }
            }
        };
        Some(Shaped { columns, row_count, rows, truncation, ordered, tables })
    }
}

/// A [`QueryError`] of the child's.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Refused(Refusal),
    Sql {
        message: String,
        hint: Option<String>,
    },
    Timeout,
    LimitExceeded(String),
    /// The child ends after this message.
    Crashed,
    Engine(String),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(refusal) => Self::Refused(refusal),
            QueryError::Sql { message, hint } => Self::Sql { message, hint },
            QueryError::Timeout => Self::Timeout,
            QueryError::Crashed => Self::Crashed,
            QueryError::LimitExceeded { limit } => Self::LimitExceeded(limit.to_owned()),
            QueryError::Engine(kind) => Self::Engine(kind),
            other => Self::Engine(other.to_string()),
        }
    }
}

impl From<Failure> for QueryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::Sql { message, hint } => Self::Sql { message, hint },
            Failure::Timeout => Self::Timeout,
            Failure::Crashed => Self::Crashed,
            Failure::LimitExceeded(name) => match Limits::NAMES.iter().find(|known| **known == name) {
                Some(limit) => Self::LimitExceeded { limit },
                None => Self::Engine("a limit without a name".to_owned()),
            },
            Failure::Engine(kind) => Self::Engine(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: Rows) {
        let shaped = Shaped {
            columns: vec![],
            row_count: 2,
            rows,
            truncation: None,
            ordered: true,
            tables: vec!["users".into()],
        };
        let (head, parts) = Answer::split(shaped.clone());
        let head: Answer = serde_json::from_slice(&serde_json::to_vec(&head).unwrap()).unwrap();
        assert_eq!(head.join(parts.concat()), Some(shaped));
    }

    #[test]
    fn an_answer_is_split_and_joined() {
        check(Rows::Text { rows_json: "[[\"é\"]]".into(), text: "é|ü".into() });
        check(Rows::Text { rows_json: String::new(), text: String::new() });
        check(Rows::Arrow(Bytes::from_static(b"\xff\x00")));
    }

    #[test]
    fn a_body_that_does_not_fit_its_head_is_no_answer() {
        let rows = Rows::Text { rows_json: "é".into(), text: String::new() };
        let head = |at| Answer {
            rows: Body::Text(at),
            ..Answer::split(Shaped {
                columns: vec![],
                row_count: 0,
                rows: rows.clone(),
                truncation: None,
                ordered: false,
                tables: vec![],
            })
            .0
        };
        assert!(head(1).join("é".into()).is_none());
        assert!(head(9).join("é".into()).is_none());
        assert!(head(0).join(vec![0xff]).is_none());
    }

    #[test]
    fn failures_keep_their_kind() {
        for error in [
            QueryError::Timeout,
            QueryError::Crashed,
            QueryError::LimitExceeded { limit: "query_memory" },
            QueryError::Engine("plan".into()),
            QueryError::Sql { message: "m".into(), hint: Some("h".into()) },
        ] {
            assert_eq!(QueryError::from(Failure::from(error.clone())), error);
        }
    }
}
