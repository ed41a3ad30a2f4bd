//! Reads a file's shape through SQLite's pragma functions.

use std::collections::HashMap;

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{Catalog, ColumnInfo, ForeignKey, SourceError, TableInfo, TableKind};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::fault;
use super::types::Kind;

/// The schema of the opened file.
const SCHEMA: &str = "main";

/// A catalog, and the kinds of its columns.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) catalog: Catalog,
    /// Changes with every change of the schema.
    pub(super) version: i64,
}

impl Known {
    /// The kind of a column, when the catalog has it and it can be read.
    pub(super) fn kind(&self, table: &TableRef, column: &str) -> Result<Kind, SourceError> {
        let info = self.catalog.table(table).and_then(|t| t.column(column));
        info.and_then(|c| Kind::of(&c.source_type)).ok_or_else(|| SourceError::Drift {
            table: table.clone(),
            what: "the catalog does not have the column, or not with a type that can be read".to_owned(),
        })
    }
}

/// The schema's version in the transaction that the connection is in.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<i64, SourceError> {
    let row = sqlx::query("SELECT schema_version FROM pragma_schema_version").fetch_one(connection).await;
    cell(&row.map_err(|e| fault(&e, None))?, 0)
}

/// Reads the catalog in the transaction that the connection is in.
pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Known, SourceError> {
    let version = version(connection).await?;
    let library = rows(connection, "SELECT sqlite_version()", None).await?;
    let mut tables = Vec::new();
    for row in rows(connection, TABLES, None).await? {
        let (name, kind) = (cell::<String>(&row, 0)?, cell::<String>(&row, 1)?);
        let kind = if kind == "view" { TableKind::View } else { TableKind::Table };
        tables.push(table(connection, name, kind).await?);
    }
    foreign_keys(connection, &mut tables).await?;
    let library = library.first().map(|row| cell::<String>(row, 0)).transpose()?;
    let catalog = Catalog { tables, server_version: library.map(|v| format!("SQLite {v}")) };
    Ok(Known { catalog, version })
}

async fn table(
    connection: &mut SqliteConnection,
    name: String,
    kind: TableKind,
) -> Result<TableInfo, SourceError> {
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    for row in rows(connection, COLUMNS, Some(&name)).await? {
        let (column, declared) = (cell::<String>(&row, 0)?, cell::<String>(&row, 1)?);
        let in_key = cell::<i64>(&row, 3)?;
        if in_key > 0 {
            key.push((in_key, column.clone(), declared.eq_ignore_ascii_case("integer")));
        }
        columns.push(ColumnInfo {
            data_type: Kind::of(&declared).map(Kind::arrow),
            name: column,
            source_type: declared,
            granted: true,
            nullable: !cell::<bool>(&row, 2)?,
            labels: Vec::new(),
            comment: None,
        });
    }
    key.sort_unstable();
    // Declared exactly so, a key is the row's own number and never NULL.
    if let [(_, name, true)] = &key[..]
        && let Some(column) = columns.iter_mut().find(|c| c.name == *name)
    {
        column.nullable = false;
    }
    let primary_key: Vec<String> = key.into_iter().map(|(_, name, _)| name).collect();
    let mut info = TableInfo {
        table: TableRef { schema: SCHEMA.to_owned(), name: name.clone() },
        kind,
        columns,
        unique: Vec::new(),
        indexes: Vec::new(),
        primary_key: primary_key.clone(),
        foreign_keys: Vec::new(),
        comment: None,
        rows_estimate: None,
    };
    // The key of an ordinary table has no index of its own to be listed.
    add_index(&mut info, primary_key, true);
    for (unique, columns) in indexes(connection, &name).await? {
        add_index(&mut info, columns, unique);
    }
    Ok(info)
}

fn add_index(info: &mut TableInfo, columns: Vec<String>, unique: bool) {
    if columns.is_empty() {
        return;
    }
    if unique && !info.unique.contains(&columns) {
        info.unique.push(columns.clone());
    }
    if !info.indexes.contains(&columns) {
        info.indexes.push(columns);
    }
}

/// Indexes over plain columns of the whole table, by name.
async fn indexes(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Vec<(bool, Vec<String>)>, SourceError> {
    let mut found: Vec<(String, bool, Vec<Option<String>>)> = Vec::new();
    for row in rows(connection, INDEXES, Some(table)).await? {
        let (index, unique) = (cell::<String>(&row, 0)?, cell::<bool>(&row, 1)?);
        let column = cell::<Option<String>>(&row, 2)?;
        match found.last_mut() {
            Some(last) if last.0 == index => last.2.push(column),
            _ => found.push((index, unique, vec![column])),
        }
    }
    // An expression has no column's name.
    Ok(found
        .into_iter()
        .filter_map(|(_, unique, c)| Some((unique, c.into_iter().collect::<Option<_>>()?)))
        .collect())
}

async fn foreign_keys(
    connection: &mut SqliteConnection,
    tables: &mut [TableInfo],
) -> Result<(), SourceError> {
    // Names of tables and columns are compared without case, and a key may leave the referenced columns out.
    let by_name: HashMap<String, (TableRef, Vec<String>, Vec<String>)> = tables
        .iter()
        .map(|t| {
            let columns = t.columns.iter().map(|c| c.name.clone()).collect();
            (t.table.name.to_ascii_lowercase(), (t.table.clone(), columns, t.primary_key.clone()))
        })
        .collect();
    let spelled =
        |columns: &[String], name: &str| columns.iter().find(|c| c.eq_ignore_ascii_case(name)).cloned();
    for table in tables {
        let own: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let mut last = None;
        let mut keys: Vec<(ForeignKey, bool)> = Vec::new();
        for row in rows(connection, FOREIGN_KEYS, Some(&table.table.name)).await? {
            let (id, at) = (cell::<i64>(&row, 0)?, cell::<i64>(&row, 1)?);
            let (to, from, referenced) =
                (cell::<String>(&row, 2)?, cell::<String>(&row, 3)?, cell::<Option<String>>(&row, 4)?);
            let Some((references, columns, key)) = by_name.get(&to.to_ascii_lowercase()) else { continue };
            if last.replace(id) != Some(id) {
                let references = references.clone();
                keys.push((ForeignKey { columns: Vec::new(), references, referenced: Vec::new() }, true));
            }
            let Some((foreign_key, is_whole)) = keys.last_mut() else { continue };
            let referenced = match referenced {
                Some(name) => spelled(columns, &name),
                None => usize::try_from(at).ok().and_then(|at| key.get(at).cloned()),
            };
            match (spelled(&own, &from), referenced) {
                (Some(from), Some(referenced)) => {
                    foreign_key.columns.push(from);
                    foreign_key.referenced.push(referenced);
                }
                _ => *is_whole = false,
            }
        }
        table.foreign_keys = keys.into_iter().filter(|(_, is_whole)| *is_whole).map(|(key, _)| key).collect();
    }
    Ok(())
}

async fn rows(
    connection: &mut SqliteConnection,
    sql: &'static str,
    table: Option<&str>,
) -> Result<Vec<SqliteRow>, SourceError> {
    let query = sqlx::query(sql);
    let query = if let Some(table) = table { query.bind(table) } else { query };
    query.fetch_all(connection).await.map_err(|e| fault(&e, None))
}

fn cell<'r, T>(row: &'r SqliteRow, at: usize) -> Result<T, SourceError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(at).map_err(|_| SourceError::Failed("an unexpected catalog".to_owned()))
}

/// Virtual tables and their shadows are left out: reading one runs an extension.
const TABLES: &str = "\
SELECT name, type FROM pragma_table_list
WHERE schema = 'main' AND type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

/// Generated columns (hidden 2 and 3) are columns; hidden ones (1) are a virtual table's arguments.
const COLUMNS: &str =
    "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid";

const INDEXES: &str = "\
SELECT i.name, i.\"unique\", c.name FROM pragma_index_list(?1) i, pragma_index_info(i.name) c
WHERE i.partial = 0 ORDER BY i.name, c.seqno";

const FOREIGN_KEYS: &str =
    "SELECT id, seq, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
