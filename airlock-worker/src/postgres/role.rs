//! Checks that the role and the server are what `source:` demands, before any row is read.

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::SourceError;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::{PgConfig, fault};

/// What to do about a role that can write.
const REMEDY: &str = "use a role that can only read (`airlock init --print-grants` writes its grants)";

/// Refuses a superuser, a role past row security, a primary where a replica is demanded.
pub(super) async fn check_server(client: &Client, config: &PgConfig) -> Result<(), SourceError> {
    let row = client.query_typed(ROLE, &[]).await.map_err(|e| fault::of_server(&e))?.pop();
    let fact = |at: usize| row.as_ref().and_then(|r| r.try_get::<_, bool>(at).ok());
    let (Some(is_super), Some(bypasses_rls), Some(in_recovery)) = (fact(0), fact(1), fact(2)) else {
        return Err(SourceError::Unsafe("what the role may do cannot be told".to_owned()));
    };
    if config.require_replica && !in_recovery {
        return Err(SourceError::Unsafe(
            "source.require_replica is set and the server is not a standby".to_owned(),
        ));
    }
    if config.require_read_only && is_super {
        return Err(SourceError::Unsafe(format!("the role is a superuser; {REMEDY}")));
    }
    if bypasses_rls && !is_super && !config.allow_bypass_rls {
        return Err(SourceError::Unsafe(
            "the role has BYPASSRLS, so row security does not bind it; remove it with ALTER ROLE … NOBYPASSRLS, or set \
             source.allow_bypass_rls"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Refuses a role that can change one of `tables`, be it a single column.
pub(super) async fn check_tables(client: &Client, tables: &[TableRef]) -> Result<(), SourceError> {
    let schemas: Vec<&str> = tables.iter().map(|t| t.schema.as_str()).collect();
    let names: Vec<&str> = tables.iter().map(|t| t.name.as_str()).collect();
    let params: &[(&(dyn ToSql + Sync), Type)] = &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)];
    let rows = client.query_typed(WRITABLE, params).await.map_err(|e| fault::of_server(&e))?;
    if rows.is_empty() {
        return Ok(());
    }
    let writable: Vec<String> = rows.iter().filter_map(|r| r.try_get::<_, String>(0).ok()).collect();
    Err(SourceError::Unsafe(format!("the role can change {}; {REMEDY}", shortened(&writable))))
}

/// The first few names, and how many more there are.
fn shortened(names: &[String]) -> String {
    match names.len().checked_sub(NAMES_MAX) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more tables", names[..NAMES_MAX].join(", ")),
    }
}

const NAMES_MAX: usize = 3;

const ROLE: &str =
    "SELECT rolsuper, rolbypassrls, pg_is_in_recovery() FROM pg_roles WHERE rolname = current_user";

const WRITABLE: &str = "\
SELECT n.nspname || '.' || c.relname FROM unnest($1, $2) AS listed(schema, name)
JOIN pg_namespace n ON n.nspname = listed.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = listed.name
WHERE has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(c.oid, 'INSERT, UPDATE')
ORDER BY n.nspname, c.relname";
