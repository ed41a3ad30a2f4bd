//! Small catalogs, written as text, for the tests of this room.

use arrow::datatypes::{DataType, TimeUnit};

use super::TableRef;
use crate::snapshot::Catalog;
use crate::snapshot::source::{ColumnInfo, ForeignKey, TableInfo, TableKind};

/// A catalog from lines such as
///
/// ```text
/// users: id int8 pk, external_id text unique, email text, ref int8? -> users.id
/// items: order_id int8 pk, line int4 pk; (order_id, line) -> lines(order_id, no); index (line)
/// ```
///
/// `?` allows NULL; the role may not read what is `denied`; columns marked `pk` form the primary key; a single `->` after a column is a foreign key.
pub(crate) fn catalog(text: &str) -> Catalog {
    let tables = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(table).collect();
    Catalog { tables, server_version: None }
}

fn table(line: &str) -> TableInfo {
    let (name, rest) = line.split_once(':').expect("a table's line has a colon");
    let mut parts = rest.split(';');
    let mut info = TableInfo {
        table: table_ref(name.trim()),
        kind: TableKind::Table,
        columns: vec![],
        primary_key: vec![],
        unique: vec![],
        indexes: vec![],
        foreign_keys: vec![],
        comment: None,
        rows_estimate: None,
    };
    for column in split(parts.next().unwrap_or_default()) {
        let (head, reference) = match column.split_once("->") {
            Some((head, target)) => (head.trim(), Some(target.trim())),
            None => (column.as_str(), None),
        };
        let mut words = head.split_whitespace();
        let name = words.next().expect("a column has a name").to_owned();
        let written = words.next().expect("a column has a type");
        let nullable = written.ends_with('?');
        let source_type = written.trim_end_matches('?').to_owned();
        let mut granted = true;
        for flag in words {
            match flag {
                "denied" => granted = false,
                "pk" => info.primary_key.push(name.clone()),
                "unique" => info.unique.push(vec![name.clone()]),
                "index" => info.indexes.push(vec![name.clone()]),
                other => panic!("unknown flag {other}"),
            }
        }
        if let Some(target) = reference {
            let (table, column) = target.rsplit_once('.').expect("a reference is table.column");
            info.foreign_keys.push(ForeignKey {
                columns: vec![name.clone()],
                references: table_ref(table),
                referenced: vec![column.to_owned()],
            });
        }
        let labels = if source_type == "enum" { vec!["a".into(), "b".into()] } else { vec![] };
        info.columns.push(ColumnInfo {
            name,
            data_type: data_type(&source_type),
            source_type,
            granted,
            nullable,
            labels,
            comment: None,
        });
    }
    for part in parts.map(str::trim) {
        if let Some(columns) = part.strip_prefix("index") {
            info.indexes.push(list(columns));
        } else if let Some(columns) = part.strip_prefix("unique") {
            info.unique.push(list(columns));
        } else if let Some((columns, target)) = part.split_once("->") {
            let (table, referenced) = target.trim().split_once('(').expect("a reference is table(columns)");
            info.foreign_keys.push(ForeignKey {
                columns: list(columns),
                references: table_ref(table),
                referenced: list(referenced),
            });
        } else {
            match part {
                "view" => info.kind = TableKind::View,
                "foreign" => info.kind = TableKind::ForeignTable,
                "large" => info.rows_estimate = Some(100_000_000),
                other => panic!("unknown part {other}"),
            }
        }
    }
    if !info.primary_key.is_empty() {
        info.unique.insert(0, info.primary_key.clone());
    }
    info.indexes.extend(info.unique.clone());
    info
}

fn table_ref(name: &str) -> TableRef {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    TableRef { schema: schema.to_owned(), name: name.to_owned() }
}

/// At commas that stand in no parentheses.
fn split(text: &str) -> Vec<String> {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("never empty").push(c);
    }
    parts.iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
}

fn list(text: &str) -> Vec<String> {
    text.trim().trim_matches(|c| c == '(' || c == ')').split(',').map(|c| c.trim().to_owned()).collect()
}

fn data_type(source: &str) -> Option<DataType> {
    Some(match source {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" => DataType::Int64,
        "float8" => DataType::Float64,
        "date" => DataType::Date32,
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "bytea" => DataType::BinaryView,
        "texts[]" => DataType::List(std::sync::Arc::new(arrow::datatypes::Field::new_list_field(
            DataType::Utf8View,
            true,
        ))),
        "enum" => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        numeric if numeric.starts_with("numeric(") => DataType::Decimal128(12, 2),
        "vector" | "tsvector" | "geometry" | "weird" => return None,
        _ => DataType::Utf8View,
    })
}
