//! The text of statements: quoted identifiers, casts, placeholders and a row limit. Never a value.

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{RowFilter, RowsAsk, SourceError};
use tokio_postgres::types::{ToSql, Type};

use super::catalog::Known;
use super::types::{Comparable, Decoder, Wire, qualified, quoted};
use crate::source::keys::{Family, KeyColumn, key_columns};

/// Keys beyond this go by COPY, where the planner may choose a scan.
pub(super) const KEYS_BY_SELECT_MAX: usize = 10_000;

/// Rows beyond this go by COPY, which costs two round trips more and less for each row.
pub(super) const ROWS_BY_SELECT_MAX: u64 = 20_000;

/// One ask, ready to run.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) table: TableRef,
    /// Names, decoders and what the server must say of each column.
    pub(super) columns: Vec<(String, Wire)>,
    pub(super) lookup: Lookup,
    order_by: String,
    limit: u64,
}

/// Which rows, in the source's terms.
#[derive(Debug)]
pub(super) enum Lookup {
    /// None: the filter holds nothing that the columns could equal.
    Nothing,
    All,
    One {
        column: String,
        comparable: Comparable,
        text: Bound,
    },
    Many {
        columns: Vec<(String, Comparable)>,
        keys: Vec<Bound>,
        is_indexed: bool,
    },
}

/// A value to bind. Its `Debug` shows nothing, since the driver may log parameters.
#[derive(PartialEq)]
pub(super) enum Bound {
    Text(String),
    Keys(KeyColumn),
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bound(..)")
    }
}

impl Bound {
    pub(super) fn param(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(text) => (text, Type::TEXT),
            Self::Keys(KeyColumn::Ints(keys)) => (keys, Type::INT8_ARRAY),
            Self::Keys(KeyColumn::Texts(keys)) => (keys, Type::TEXT_ARRAY),
        }
    }

    /// Name of the type that [`Self::param`] has.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Keys(KeyColumn::Ints(_)) => "int8[]",
            Self::Keys(KeyColumn::Texts(_)) => "text[]",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::Keys(keys) => keys.len(),
        }
    }
}

impl Statement {
    /// Binds an ask to what is known of the source.
    pub(super) fn new(known: &Known, ask: RowsAsk) -> Result<Self, SourceError> {
        let table = ask.table;
        let info = known.table(&table)?;
        let wire = |column: &String| known.wire(&table, column).cloned();
        let columns =
            ask.columns.iter().map(|c| Ok((c.clone(), wire(c)?))).collect::<Result<Vec<_>, SourceError>>()?;
        if columns.is_empty() {
            return Err(SourceError::Failed("an ask without columns".to_owned()));
        }
        let comparable = |column: &String| {
            let found = wire(column)?.comparable;
            found.ok_or_else(|| SourceError::Failed("a lookup by a column whose type has no keys".to_owned()))
        };
        let lookup = match ask.filter {
            RowFilter::All => Lookup::All,
            RowFilter::Equals { column, text } => {
                let comparable = comparable(&column)?;
                if comparable.family.admits(&text) {
                    let text = Bound::Text(literal(&comparable.family, text));
                    Lookup::One { column, comparable, text }
                } else {
                    Lookup::Nothing
                }
            }
            RowFilter::Keys { columns, keys } => {
                let is_indexed =
                    info.indexes.iter().any(|index| index.first().is_some_and(|c| columns.contains(c)));
                let columns = columns
                    .into_iter()
                    .map(|c| comparable(&c).map(|comparable| (c, comparable)))
                    .collect::<Result<Vec<_>, _>>()?;
                let families: Vec<&Family> = columns.iter().map(|(_, c)| &c.family).collect();
                let keys = key_columns(&families, &keys)
                    .ok_or_else(|| SourceError::Failed("keys that fit no column".to_owned()))?;
                let keys: Vec<Bound> =
                    keys.into_iter().zip(&columns).map(|(k, (_, c))| bound_keys(&c.family, k)).collect();
                match keys.first() {
                    Some(first) if first.len() > 0 => Lookup::Many { columns, keys, is_indexed },
                    _ => Lookup::Nothing,
                }
            }
        };
        let order = |(column, descending): &(String, bool)| {
            known.wire(&table, column)?;
            let direction = if *descending { "DESC" } else { "ASC" };
            Ok::<_, SourceError>(format!("src.{} {direction} NULLS LAST", quoted(column)))
        };
        let order_by = ask.order_by.iter().map(order).collect::<Result<Vec<_>, _>>()?.join(", ");
        Ok(Self { table, columns, lookup, order_by, limit: ask.limit })
    }

    /// Whether COPY is the better way.
    pub(super) fn is_bulk(&self) -> bool {
        match &self.lookup {
            Lookup::Nothing | Lookup::One { .. } => false,
            Lookup::All => self.limit > ROWS_BY_SELECT_MAX,
            Lookup::Many { keys, .. } => keys.iter().any(|k| k.len() > KEYS_BY_SELECT_MAX),
        }
    }

    /// Names and decoders, for a batch.
    pub(super) fn decoders(&self) -> Vec<(String, Decoder)> {
        self.columns.iter().map(|(name, wire)| (name.clone(), wire.decoder.clone())).collect()
    }

    /// The select with placeholders.
    pub(super) fn select(&self) -> String {
        self.sql(|n, bound| format!("${}::{}", n + 1, bound.type_name()))
    }

    /// The select, in which `bound(n)` is the text that stands for the n-th value of the lookup: `$1::int8[]`.
    pub(super) fn sql(&self, bound: impl Fn(usize, &Bound) -> String) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, wire)| format!("src.{}::{}", quoted(name), wire.cast)).collect();
        let mut sql = format!(
            "SELECT {} FROM {} AS src",
            columns.join(", "),
            qualified(&self.table.schema, &self.table.name)
        );
        match &self.lookup {
            Lookup::All => {}
            Lookup::Nothing => sql.push_str(" WHERE false"),
            Lookup::One { column, comparable, text } => {
                let value = format!("{}::{}", bound(0, text), comparable.cast);
                sql.push_str(&format!(" WHERE src.{} {} {value}", quoted(column), equals(comparable)));
            }
            Lookup::Many { columns, keys, is_indexed } => {
                let arrays: Vec<String> = columns
                    .iter()
                    .zip(keys)
                    .enumerate()
                    .map(|(n, ((_, c), k))| format!("{}::{}[]", bound(n, k), c.cast))
                    .collect();
                match (&columns[..], &arrays[..]) {
                    // One index scan. Without an index the array would be searched, or even made, for every row.
                    ([(column, comparable)], [array]) if *is_indexed && !self.is_bulk() => {
                        sql.push_str(&format!(
                            " WHERE src.{} {} ANY ({array})",
                            quoted(column),
                            equals(comparable)
                        ));
                    }
                    // A semi-join, hashed or by index.
                    _ => {
                        let names: Vec<String> = (0..columns.len()).map(|n| format!("k{n}")).collect();
                        let pairs: Vec<String> = columns
                            .iter()
                            .zip(&names)
                            .map(|((column, c), name)| {
                                format!("src.{} {} keys.{name}", quoted(column), equals(c))
                            })
                            .collect();
                        sql.push_str(&format!(
                            " WHERE EXISTS (SELECT 1 FROM unnest({}) AS keys({}) WHERE {})",
                            arrays.join(", "),
                            names.join(", "),
                            pairs.join(" AND "),
                        ));
                    }
                }
            }
        }
        if !self.order_by.is_empty() {
            sql.push_str(" ORDER BY ");
            sql.push_str(&self.order_by);
        }
        sql.push_str(&format!(" LIMIT {}", i64::try_from(self.limit).unwrap_or(i64::MAX)));
        sql
    }
}

fn equals(comparable: &Comparable) -> String {
    format!("OPERATOR({}.=)", comparable.operator_schema)
}

/// A text of the family in the form that Postgres reads.
fn literal(family: &Family, text: String) -> String {
    if *family == Family::Bytes { format!("\\x{text}") } else { text }
}

fn bound_keys(family: &Family, keys: KeyColumn) -> Bound {
    Bound::Keys(match keys {
        KeyColumn::Texts(keys) => KeyColumn::Texts(keys.into_iter().map(|k| literal(family, k)).collect()),
        ints @ KeyColumn::Ints(_) => ints,
    })
}
