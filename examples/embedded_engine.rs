//! The data airlock in your own process: a policy, rows in memory, one question. No server, no database.
//!
//! `cargo run --example embedded_engine`

#![expect(clippy::print_stdout, reason = "an example shows its answer")]

use std::num::NonZeroUsize;
use std::sync::Arc;

use airlock_core::engine::Embedded;
use airlock_core::mask::MaskKeys;
use airlock_core::runtime::SystemHost;
use airlock_core::snapshot::MemorySource;
use airlock_core::{DataPlane, Host, Secret};
use arrow::array::{Int64Array, RecordBatch, StringArray};

const POLICY: &str = "
root_table: users
root_filter_col: id
tables:
  - {name: users, mask_columns: {email: email, ssn: null}}
  - {name: orders, parent: users, fk: user_id}
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let users = RecordBatch::try_from_iter([
        ("id", Arc::new(StringArray::from(vec!["u_1", "u_2"])) as _),
        ("email", Arc::new(StringArray::from(vec!["alice@example.net", "bob@example.net"])) as _),
        ("ssn", Arc::new(StringArray::from(vec!["536-90-4399", "219-09-9999"])) as _),
    ])?;
    let orders = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as _),
        ("user_id", Arc::new(StringArray::from(vec!["u_1", "u_1", "u_2"])) as _),
        ("cents", Arc::new(Int64Array::from(vec![1250, 399, 99_900])) as _),
    ])?;
    let source =
        MemorySource::new().with_table("users", users, &["id"]).with_table("orders", orders, &["id"]);

    let host: Arc<dyn Host> = Arc::new(SystemHost::new());
    // In earnest: 32 bytes that are kept, so that masked values stay the same.
    let keys = MaskKeys::new(Secret::new([7; 32]), "t_example".parse()?);
    let engine = Embedded::from_yaml(POLICY, Arc::new(source), keys, NonZeroUsize::MIN, host.clone()).await?;

    let sql = "SELECT u.email, u.ssn, sum(o.cents) AS cents FROM users u JOIN orders o ON o.user_id = u.id GROUP BY 1, 2";
    let arguments = serde_json::json!({"sql": sql, "format": "markdown"});
    let call = Embedded::call_for(&*host, "u_1".parse()?, "execute_sql".parse()?, &arguments)?;
    let result: serde_json::Value = serde_json::from_slice(&engine.call(call).await?.body)?;
    println!("{}", result["content"][0]["text"].as_str().unwrap_or_default());
    Ok(())
}
