//! The SQL that makes a database role with exactly the rights an export needs.

use std::fmt::Write as _;

use super::bind::{DraftColumn, resolve};
use super::finding::Findings;
use super::{Include, Policy, RowsPolicy, TableRef};
use crate::snapshot::Catalog;

/// A script for psql: a login role that may read the columns of `policy`, and nothing else.
///
/// The password is asked for by psql, so that it stands in no file and no history.
///
/// # Errors
/// The findings of binding, if the policy does not fit the catalog.
pub fn grants(policy: &Policy, catalog: &Catalog, role: &str) -> Result<String, Findings> {
    let mut out = Vec::new();
    let bound = match resolve(policy, catalog, &mut out) {
        Some(bound) if out.is_empty() => bound,
        _ => return Err(Findings::from(out)),
    };
    let (role, literal) = (quoted(role), role.replace('\'', "''"));
    let literal_quoted = role.replace('\'', "''");
    let mut sql = format!(
        "-- Run with psql, as the owner of the tables; again after each change of the policy. Asks for the password of a \
         new role.\n\
         \\set ON_ERROR_STOP on\n\
         SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{literal}') AS is_new \\gset\n\
         \\if :is_new\n\
         CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;\n\
         \\password {role}\n\
         ALTER ROLE {role} SET default_transaction_read_only = on;\n\
         \\endif\n\
         BEGIN;\n\
         -- What an earlier policy had granted.\n\
         SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s', a.attrelid::regclass, g.grantee::regrole)\n\
         FROM pg_attribute a, aclexplode(a.attacl) g WHERE g.grantee = to_regrole('{literal_quoted}') \\gexec\n\
         GRANT CONNECT ON DATABASE :\"DBNAME\" TO {role};\n"
    );
    let mut schemas: Vec<&str> = bound.tables.iter().map(|t| t.policy.source.schema.as_str()).collect();
    schemas.sort_unstable();
    schemas.dedup();
    for schema in schemas.into_iter().map(quoted) {
        let _ = writeln!(sql, "GRANT USAGE ON SCHEMA {schema} TO {role};");
    }
    for (index, table) in bound.tables.iter().enumerate() {
        let reads = |c: &&DraftColumn<'_>| match table.policy.include {
            Include::Rows => c.read(),
            Include::None => c.traversed,
        };
        let mut columns: Vec<&str> =
            table.columns.iter().filter(reads).map(|c| c.info.name.as_str()).collect();
        // A condition on a column needs the right to read it.
        let mut asked: Vec<&str> = table.readable_key().iter().map(String::as_str).collect();
        if table.policy.rows == RowsPolicy::Root {
            asked.push(&policy.root_filter_col);
        }
        for link in &bound.links[index] {
            let own = if link.from == index { &link.from_columns } else { &link.to_columns };
            asked.extend(own.iter().map(String::as_str));
        }
        columns.extend(asked);
        // A table is seen by who may read something of it.
        if columns.is_empty() {
            columns.extend(table.columns.first().map(|c| c.info.name.as_str()));
        }
        let in_order: Vec<String> = table
            .columns
            .iter()
            .map(|c| c.info.name.clone())
            .filter(|name| columns.contains(&name.as_str()))
            .collect();
        let _ = writeln!(
            sql,
            "GRANT SELECT ({}) ON TABLE {} TO {role};",
            list(&in_order),
            qualified(&table.policy.source)
        );
    }
    sql.push_str("COMMIT;\n");
    Ok(sql)
}

/// An identifier as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table with its schema.
pub(super) fn qualified(table: &TableRef) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.name))
}

/// Columns, separated by commas.
pub(super) fn list(columns: &[String]) -> String {
    columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::test_catalog::catalog;

    #[test]
    fn only_what_an_export_reads_is_granted() {
        let catalog = catalog(
            "users: id int8 pk, external_id text unique, email text, password text, ssn text
             orders: id int8 pk, user_id int8 -> users.id, total numeric(12,2), secret text
             notes: id int8 pk, user_id int8 -> users.id, body text
             crm.cu\"rious: id int8 pk, order_id int8 -> orders.id, odd\"name text",
        );
        let policy = Policy::parse(
            "root_filter_col: external_id\ntables:\n\
             - {name: users, exclude_columns: [password], mask_columns: {ssn: null, email: hash}}\n\
             - {name: orders, parent: users, fk: user_id, columns: [id, total]}\n\
             - {name: notes, parent: users, fk: user_id, include: none}\n\
             - {name: 'crm.cu\"rious', as: curious, parent: orders, fk: order_id}\n",
        )
        .unwrap();
        insta::assert_snapshot!("grants", grants(&policy, &catalog, "airlock_reader").unwrap());
        assert!(grants(&policy, &catalog, "a\"b").unwrap().contains("CREATE ROLE \"a\"\"b\" LOGIN"));
    }

    #[test]
    fn nothing_is_granted_for_a_policy_that_does_not_fit() {
        let policy = Policy::parse("tables: [{name: users}]").unwrap();
        assert!(grants(&policy, &catalog("orders: id int8 pk"), "r").is_err());
    }
}
