//! Reads a database's shape from `pg_catalog`: only relations and columns that the role may select.

use std::collections::HashMap;

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{Catalog, ColumnInfo, ForeignKey, SourceError, TableInfo, TableKind};
use tokio_postgres::types::{FromSqlOwned, ToSql, Type};
use tokio_postgres::{Client, Row};

use super::fault;
use super::types::{PgType, PgTypes, Wire, wire};

/// A catalog, and how each of its columns crosses.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) catalog: Catalog,
    wires: HashMap<TableRef, HashMap<String, Wire>>,
}

impl Known {
    /// The table, when the catalog has it.
    pub(super) fn table(&self, table: &TableRef) -> Result<&TableInfo, SourceError> {
        self.catalog.table(table).ok_or_else(|| drift(table, "the catalog does not have it"))
    }

    /// How a column crosses.
    pub(super) fn wire(&self, table: &TableRef, column: &str) -> Result<&Wire, SourceError> {
        let wire = self.wires.get(table).and_then(|columns| columns.get(column));
        wire.ok_or_else(|| {
            drift(table, "the catalog does not have the column, or not with a type that can be read")
        })
    }
}

fn drift(table: &TableRef, what: &str) -> SourceError {
    SourceError::Drift { table: table.clone(), what: what.to_owned() }
}

/// Reads the catalog in the transaction that `client` is in.
pub(super) async fn read(client: &Client) -> Result<Known, SourceError> {
    let version = query(client, "SELECT current_setting('server_version')", &[]).await?;
    let version = version.first().map(|row| cell::<String>(row, 0)).transpose()?;
    let relations = query(client, RELATIONS, &[]).await?;
    let oids = relations.iter().map(|row| cell::<u32>(row, 0)).collect::<Result<Vec<_>, _>>()?;
    let of_oids: &[(&(dyn ToSql + Sync), Type)] = &[(&oids, Type::OID_ARRAY)];
    let (columns, types, labels, indexes, keys) = futures::try_join!(
        query(client, COLUMNS, of_oids),
        query(client, TYPES, of_oids),
        query(client, LABELS, of_oids),
        query(client, INDEXES, of_oids),
        query(client, FOREIGN_KEYS, of_oids),
    )?;
    let types = read_types(&types, &labels)?;

    let mut known =
        Known { catalog: Catalog { tables: Vec::new(), server_version: version }, wires: HashMap::new() };
    let mut at = HashMap::new();
    let mut numbers: Vec<HashMap<i16, String>> = Vec::new();
    for row in &relations {
        at.insert(cell::<u32>(row, 0)?, known.catalog.tables.len());
        known.catalog.tables.push(relation(row)?);
        numbers.push(HashMap::new());
    }
    for row in &columns {
        let Some(&table) = at.get(&cell::<u32>(row, 0)?) else { continue };
        let (info, wire) = column(row, &types)?;
        // A key or an index over a column that the role may not read says nothing that it may use.
        if info.granted {
            numbers[table].insert(cell(row, 1)?, info.name.clone());
        }
        if let Some(wire) = wire {
            let wires = known.wires.entry(known.catalog.tables[table].table.clone()).or_default();
            wires.insert(info.name.clone(), wire);
        }
        known.catalog.tables[table].columns.push(info);
    }
    for row in &indexes {
        let Some(&table) = at.get(&cell::<u32>(row, 0)?) else { continue };
        index(row, &numbers[table], &mut known.catalog.tables[table])?;
    }
    for row in &keys {
        let (Some(&from), Some(&to)) = (at.get(&cell::<u32>(row, 0)?), at.get(&cell::<u32>(row, 1)?)) else {
            continue;
        };
        let columns = names(&cell::<Vec<i16>>(row, 2)?, &numbers[from]);
        let referenced = names(&cell::<Vec<i16>>(row, 3)?, &numbers[to]);
        if let (Some(columns), Some(referenced)) = (columns, referenced) {
            let references = known.catalog.tables[to].table.clone();
            known.catalog.tables[from].foreign_keys.push(ForeignKey { columns, references, referenced });
        }
    }
    Ok(known)
}

async fn query(
    client: &Client,
    sql: &str,
    params: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, SourceError> {
    client.query_typed(sql, params).await.map_err(|e| fault::of_server(&e))
}

fn cell<T: FromSqlOwned>(row: &Row, at: usize) -> Result<T, SourceError> {
    row.try_get(at).map_err(|_| SourceError::Failed("an unexpected catalog".to_owned()))
}

fn relation(row: &Row) -> Result<TableInfo, SourceError> {
    let kind = match cell::<String>(row, 3)?.as_str() {
        "p" => TableKind::Partitioned,
        "v" => TableKind::View,
        "m" => TableKind::MaterializedView,
        "f" => TableKind::ForeignTable,
        _ => TableKind::Table,
    };
    let estimate = cell::<i64>(row, 4)?;
    Ok(TableInfo {
        table: TableRef { schema: cell(row, 1)?, name: cell(row, 2)? },
        kind,
        columns: Vec::new(),
        primary_key: Vec::new(),
        unique: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        comment: cell(row, 5)?,
        // -1 is never analysed; views have no estimate.
        rows_estimate: u64::try_from(estimate).ok().filter(|_| kind != TableKind::View),
    })
}

fn column(row: &Row, types: &PgTypes) -> Result<(ColumnInfo, Option<Wire>), SourceError> {
    let (oid, typmod) = (cell::<u32>(row, 3)?, cell::<i32>(row, 4)?);
    let source_type: String = cell(row, 5)?;
    let wire = wire(types, oid, typmod, &source_type);
    let info = ColumnInfo {
        name: cell(row, 2)?,
        source_type,
        data_type: wire.as_ref().map(|w| w.decoder.arrow()),
        granted: cell(row, 8)?,
        nullable: !cell::<bool>(row, 6)?,
        labels: labels(types, oid),
        comment: cell(row, 7)?,
    };
    Ok((info, wire))
}

/// Labels of an enum, also below a domain or in an array.
fn labels(types: &PgTypes, mut oid: u32) -> Vec<String> {
    for _ in 0..32 {
        match types.get(&oid) {
            Some(t) if t.kind == 'd' => oid = t.base,
            Some(t) if t.category == 'A' => oid = t.element,
            Some(t) => return t.labels.clone(),
            None => break,
        }
    }
    Vec::new()
}

fn index(row: &Row, numbers: &HashMap<i16, String>, table: &mut TableInfo) -> Result<(), SourceError> {
    let (primary, unique, ordered) = (cell::<bool>(row, 1)?, cell::<bool>(row, 2)?, cell::<bool>(row, 3)?);
    let Some(columns) = names(&cell::<Vec<i16>>(row, 4)?, numbers) else { return Ok(()) };
    if primary {
        table.primary_key.clone_from(&columns);
    }
    if unique && !table.unique.contains(&columns) {
        table.unique.push(columns.clone());
    }
    if ordered && !table.indexes.contains(&columns) {
        table.indexes.push(columns);
    }
    Ok(())
}

fn names(numbers: &[i16], of: &HashMap<i16, String>) -> Option<Vec<String>> {
    numbers.iter().map(|n| of.get(n).cloned()).collect()
}

fn read_types(rows: &[Row], labels: &[Row]) -> Result<PgTypes, SourceError> {
    let mut types = PgTypes::new();
    for row in rows {
        let letter = |at| cell::<String>(row, at).map(|t| t.chars().next().unwrap_or(' '));
        let found = PgType {
            schema: cell(row, 1)?,
            name: cell(row, 2)?,
            kind: letter(3)?,
            category: letter(4)?,
            base: cell(row, 5)?,
            typmod: cell(row, 6)?,
            element: cell(row, 7)?,
            labels: Vec::new(),
        };
        types.insert(cell(row, 0)?, found);
    }
    for row in labels {
        if let Some(found) = types.get_mut(&cell::<u32>(row, 0)?) {
            found.labels.push(cell(row, 1)?);
        }
    }
    Ok(types)
}

/// Partitions are left out: their parent shows their rows.
const RELATIONS: &str = "\
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.reltuples::int8, obj_description(c.oid, 'pg_class')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname";

const COLUMNS: &str = "\
SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
  a.attnotnull, col_description(a.attrelid, a.attnum), has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_attribute a
WHERE a.attrelid = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

/// The columns' types, what these are made of, and the arrays of those: a domain in an array is cast to the array of
/// its base type.
const TYPES: &str = "\
WITH RECURSIVE used(oid) AS (
  SELECT atttypid FROM pg_attribute WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped
  UNION
  SELECT next.oid FROM used JOIN pg_type t ON t.oid = used.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) next(oid) WHERE next.oid <> 0)
SELECT t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typcategory::text, t.typbasetype, t.typtypmod, t.typelem
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid IN (SELECT oid FROM used UNION SELECT a.typarray FROM used JOIN pg_type a ON a.oid = used.oid)";

const LABELS: &str = "\
WITH RECURSIVE used(oid) AS (
  SELECT atttypid FROM pg_attribute WHERE attrelid = ANY($1) AND attnum > 0 AND NOT attisdropped
  UNION
  SELECT next.oid FROM used JOIN pg_type t ON t.oid = used.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (t.typelem)) next(oid) WHERE next.oid <> 0)
SELECT e.enumtypid, e.enumlabel::text FROM pg_enum e WHERE e.enumtypid IN (SELECT oid FROM used)
ORDER BY e.enumtypid, e.enumsortorder";

/// Whole-table indexes over plain columns; an index over some rows or over an expression proves nothing about a key.
const INDEXES: &str = "\
SELECT i.indrelid, i.indisprimary, i.indisunique, am.amname IN ('btree', 'hash'),
  (i.indkey::int2[])[0:i.indnkeyatts - 1]
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam
WHERE i.indrelid = ANY($1) AND i.indisvalid AND i.indislive AND i.indpred IS NULL AND i.indexprs IS NULL
ORDER BY i.indrelid, i.indisprimary DESC, x.relname";

const FOREIGN_KEYS: &str = "\
SELECT conrelid, confrelid, conkey, confkey FROM pg_constraint
WHERE contype = 'f' AND conrelid = ANY($1) AND confrelid = ANY($1) ORDER BY conrelid, conname";
