//! The log as a stream of lines, made so that it can be checked with nothing but itself and the public key.

use airlock_core::Timestamp;
use airlock_core::audit::{Line, SignedCheckpoint};
use airlock_core::id::{OrgId, TenantId};
use bytes::Bytes;
use futures::Stream;
use futures::stream;
use serde::{Deserialize, Serialize};

use super::{AuditFilter, AuditLog, Row, Scope, repo};
use crate::store::StoreError;

const PAGE: i64 = 500;

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One JSON value a line: a header, then records, hashes of other tenants' records, and checkpoints. Can be verified.
    #[default]
    Jsonl,
    /// The tenant's rows, for spreadsheets.
    Csv,
}

/// The first line of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportHeader {
    /// Version of the form.
    pub airlock_audit_export: u32,
    /// Whose chain.
    pub org_id: OrgId,
    /// Whose records are whole.
    pub tenant_id: TenantId,
    /// Who signs the checkpoints, as the exporter says; who verifies should know it from elsewhere.
    pub signing_key: String,
    /// When it was made.
    pub exported_at: Timestamp,
}

struct Cursor {
    after: u64,
    to: u64,
    checkpoints: std::collections::VecDeque<SignedCheckpoint>,
    head: Option<String>,
}

impl AuditLog {
    /// A tenant's rows between two times, with all that stands between them in the chain. Ends with a checkpoint when it
    /// reaches the end of the chain.
    ///
    /// # Errors
    /// When the store does not answer. A stream that fails later ends with an error, so that no one takes it for whole.
    pub async fn export(
        &self,
        scope: Scope,
        filter: AuditFilter,
        format: ExportFormat,
        now: Timestamp,
    ) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static, StoreError> {
        self.checkpoint(&scope.org).await?;
        // A chain is whole or nothing: only times narrow what is to be verified.
        let filter = match format {
            ExportFormat::Csv => filter,
            ExportFormat::Jsonl => AuditFilter { from: filter.from, to: filter.to, ..AuditFilter::default() },
        };
        let span = repo::span(&self.store, &scope, &filter).await?;
        let (first, last) = span.unwrap_or((1, 0));
        // A range without an end goes to the end of the chain, where a signature stands.
        let to = match (&filter.to, span) {
            (None, Some(_)) => repo::end(&self.store, &scope.org).await?.map_or(last, |end| end.seq()),
            _ => last,
        };
        let checkpoints = match format {
            ExportFormat::Jsonl => {
                repo::checkpoints(&self.store, &scope.org, first.saturating_sub(1), to).await?
            }
            ExportFormat::Csv => Vec::new(),
        };
        let gone = repo::tombstone(&self.store, &scope.org).await?;
        let head = match format {
            ExportFormat::Csv => Row::csv_header(),
            ExportFormat::Jsonl => [
                line(&ExportHeader {
                    airlock_audit_export: 1,
                    org_id: scope.org.clone(),
                    tenant_id: scope.tenant.clone(),
                    signing_key: self.public_key.to_base64(),
                    exported_at: now,
                }),
                gone.map(|signed| line(&signed)).unwrap_or_default(),
            ]
            .concat(),
        };
        let cursor =
            Cursor { after: first.saturating_sub(1), to, checkpoints: checkpoints.into(), head: Some(head) };
        let log = self.clone();
        Ok(stream::try_unfold(cursor, move |mut cursor| {
            let (log, scope, filter) = (log.clone(), scope.clone(), filter.clone());
            async move {
                if let Some(head) = cursor.head.take() {
                    return Ok(Some((Bytes::from(head), cursor)));
                }
                let text = match format {
                    ExportFormat::Jsonl => log.jsonl_page(&scope, &mut cursor).await?,
                    ExportFormat::Csv => log.csv_page(&scope, &filter, &mut cursor).await?,
                };
                Ok(if text.is_empty() { None } else { Some((Bytes::from(text), cursor)) })
            }
        }))
    }

    async fn jsonl_page(&self, scope: &Scope, cursor: &mut Cursor) -> Result<String, StoreError> {
        let mut text = String::new();
        for next in repo::lines(&self.store, scope, cursor.after, cursor.to, PAGE).await? {
            cursor.after = match &next {
                Line::Record(r) => r.seq,
                Line::Omitted { seq, .. } => *seq,
            };
            text.push_str(&line(&next));
            while let Some(signed) = cursor.checkpoints.pop_front_if(|c| c.checkpoint.seq <= cursor.after) {
                text.push_str(&line(&signed));
            }
        }
        Ok(text)
    }

    async fn csv_page(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        cursor: &mut Cursor,
    ) -> Result<String, StoreError> {
        let records = repo::oldest(&self.store, scope, filter, cursor.after, PAGE).await?;
        let records: Vec<_> = records.into_iter().filter(|r| r.seq <= cursor.to).collect();
        cursor.after = records.last().map_or(cursor.after, |r| r.seq);
        Ok(records.iter().map(|r| Row::of(r).csv()).collect())
    }
}

fn line<T: Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string(value).expect("lines of an export are plain JSON");
    text.push('\n');
    text
}
