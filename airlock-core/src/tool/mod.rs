//! The agent's tools as values: names, schemas, arguments, results. MCP, an agent's own loop and tests use the same.

mod args;
mod definition;
mod result;

pub use args::{ExecuteSql, GetSchema, NullRates, SchemaDetail, TextFormat, subject_of};
pub use definition::{EXECUTE_SQL, GET_SCHEMA, INSTRUCTIONS, NULL_RATES, definitions};
pub use result::{SERVER_INFO, ServerInfo, ToolResult, error_result};

#[cfg(feature = "query")]
pub mod execute_sql;
#[cfg(feature = "query")]
pub mod get_schema;
#[cfg(feature = "query")]
pub mod null_rates;
