//! A source that keeps how each ask of an export is answered.

use std::sync::Arc;

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::BatchStream;
use airlock_core::snapshot::{Catalog, Explained, Reader, RowsAsk, Source, SourceError};
use async_trait::async_trait;
use parking_lot::Mutex;

/// What was asked, in order.
type Kept = Arc<Mutex<Vec<(TableRef, Explained)>>>;

/// The source that it stands before; each ask is explained before it is answered.
#[derive(Debug)]
pub(super) struct Explaining {
    source: Arc<dyn Source>,
    kept: Kept,
}

impl Explaining {
    pub(super) fn new(source: Arc<dyn Source>) -> Self {
        Self { source, kept: Kept::default() }
    }

    /// How a table's rows were found: a large table is asked for in parts, by one statement.
    pub(super) fn of(&self, table: &TableRef) -> Vec<Explained> {
        let mut found: Vec<Explained> = Vec::new();
        for (of, explained) in self.kept.lock().iter() {
            if of == table && !found.contains(explained) {
                found.push(explained.clone());
            }
        }
        found
    }
}

#[async_trait]
impl Source for Explaining {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        self.source.catalog().await
    }
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        let reader = self.source.begin().await?;
        Ok(Box::new(ExplainingReader { reader, kept: self.kept.clone() }))
    }
}

struct ExplainingReader {
    reader: Box<dyn Reader>,
    kept: Kept,
}

#[async_trait]
impl Reader for ExplainingReader {
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError> {
        if let Some(explained) = self.reader.explain(&ask).await? {
            self.kept.lock().push((ask.table.clone(), explained));
        }
        self.reader.rows(ask).await
    }
    async fn explain(&self, ask: &RowsAsk) -> Result<Option<Explained>, SourceError> {
        self.reader.explain(ask).await
    }
    fn conversions_failed(&self, table: &TableRef) -> u64 {
        self.reader.conversions_failed(table)
    }
}
