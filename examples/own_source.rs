//! A `Source` of your own: rows from wherever they are, here from a closure.
//!
//! `cargo run --example own_source`

#![expect(clippy::print_stdout, reason = "an example shows its answer")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use airlock_core::engine::Embedded;
use airlock_core::mask::MaskKeys;
use airlock_core::policy::TableRef;
use airlock_core::runtime::SystemHost;
use airlock_core::snapshot::source::BatchStream;
use airlock_core::snapshot::{Catalog, Reader, RowsAsk, Source, SourceError, filter_rows, table_info};
use airlock_core::{DataPlane, Host, Secret};
use arrow::array::{RecordBatch, StringArray};
use async_trait::async_trait;
use futures::StreamExt as _;

/// Notes by user, fetched when asked for.
#[derive(Clone, Debug)]
struct Notes;

impl Notes {
    fn fetch(&self) -> RecordBatch {
        let user = StringArray::from(vec!["u_1", "u_2"]);
        let note = StringArray::from(vec!["call alice@example.net", "call bob@example.net"]);
        RecordBatch::try_from_iter([("user", Arc::new(user) as _), ("note", Arc::new(note) as _)])
            .expect("columns of one length")
    }
}

#[async_trait]
impl Source for Notes {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        let table = TableRef { schema: "public".into(), name: "notes".into() };
        let notes = table_info(table, &self.fetch().schema(), &["user"]);
        Ok(Catalog { tables: vec![notes], server_version: None })
    }
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Reader for Notes {
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError> {
        let rows = filter_rows(&self.fetch(), &ask)?;
        Ok(futures::stream::iter([Ok(rows)]).boxed())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy =
        "{root_table: notes, root_filter_col: user, tables: [{name: notes, mask_columns: {note: scrub}}]}";
    let host: Arc<dyn Host> = Arc::new(SystemHost::new());
    let keys = MaskKeys::new(Secret::new([7; 32]), "t_example".parse()?);
    let engine = Embedded::from_yaml(policy, Arc::new(Notes), keys, NonZeroUsize::MIN, host.clone()).await?;
    let arguments = serde_json::json!({"sql": "SELECT note FROM notes", "format": "csv"});
    let call = Embedded::call_for(&*host, "u_1".parse()?, "execute_sql".parse()?, &arguments)?;
    let result: serde_json::Value = serde_json::from_slice(&engine.call(call).await?.body)?;
    println!("{}", result["content"][0]["text"].as_str().unwrap_or_default());
    Ok(())
}
