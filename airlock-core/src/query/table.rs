//! A snapshot's table as the engine reads it: masked batches in memory, and the mark by which plans are checked.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::error::Result;
use datafusion::functions_table::generate_series::GenerateSeriesTable;
use datafusion::logical_expr::{Expr, TableSource};
use datafusion::physical_plan::ExecutionPlan;

use crate::snapshot::MemoryTable;

/// One table of the snapshot.
pub(crate) struct SnapshotTable {
    schema: SchemaRef,
    partitions: [Vec<RecordBatch>; 1],
}

impl SnapshotTable {
    pub(super) fn new(table: &MemoryTable) -> Self {
        Self { schema: table.schema().clone(), partitions: [table.batches().to_vec()] }
    }
}

// The rows stay out of logs.
impl std::fmt::Debug for SnapshotTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SnapshotTable({} columns)", self.schema.fields().len())
    }
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = MemorySourceConfig::try_new(&self.partitions, self.schema.clone(), projection.cloned())?;
        Ok(DataSourceExec::from_data_source(source.with_limit(limit)))
    }
}

/// Whether a scan reads a table of a snapshot, or a series of bounded length. Nothing else may be read.
pub(crate) fn is_snapshot_table(source: &Arc<dyn TableSource>) -> bool {
    source_as_provider(source)
        .is_ok_and(|provider| provider.is::<SnapshotTable>() || provider.is::<GenerateSeriesTable>())
}
