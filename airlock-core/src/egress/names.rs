//! L4: which relation a name means, and how unquoted names find columns that have upper case.
//!
//! DataFusion folds unquoted names to lower case. Agents write `userId` for a column of exactly that name, so each
//! unquoted name that has one spelling in the tables read, and no lower-case one, is rewritten to that spelling. All
//! occurrences of a name are rewritten alike, aliases included, so equal names stay equal.

use std::collections::{BTreeSet, HashMap};

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::functions::nearest;
use super::refusal::quoted;
use super::{Detail, Refusal, TableShape};

/// The snapshot's tables, and how names in this statement are spelled.
pub(super) struct Names<'a> {
    tables: &'a [TableShape],
    relations: HashMap<String, String>,
    columns: HashMap<String, String>,
}

impl<'a> Names<'a> {
    /// `tokens` tell which tables the statement may mean; spellings of others do not matter.
    pub(super) fn new(tables: &'a [TableShape], tokens: &[TokenWithSpan]) -> Self {
        let words: BTreeSet<String> = tokens
            .iter()
            .filter_map(|t| match &t.token {
                Token::Word(word) => Some(word.value.to_lowercase()),
                _ => None,
            })
            .collect();
        let named = |table: &&TableShape| {
            let last = table.name.rsplit('.').next().unwrap_or(&table.name);
            words.contains(&table.name.to_lowercase()) || words.contains(&last.to_lowercase())
        };
        let columns = tables.iter().filter(named).flat_map(|t| t.columns.iter().map(String::as_str));
        Self {
            tables,
            relations: spellings(tables.iter().map(|t| t.name.as_str())),
            columns: spellings(columns),
        }
    }

    /// Spells a column, alias or parameter name.
    pub(super) fn column(&self, ident: &mut Ident) {
        spell(ident, &self.columns);
    }

    /// Spells a table alias, WITH name or qualifier.
    pub(super) fn relation(&self, ident: &mut Ident) {
        spell(ident, &self.relations);
    }

    /// Spells `a.b.c`: qualifiers first, then columns and fields. Drops the schema, which tables do not have.
    pub(super) fn compound(&self, parts: &mut Vec<Ident>) {
        if parts.len() > 2 && self.dotted(&parts[0], &parts[1]).is_some() {
            parts.remove(0);
        }
        if parts.len() > 2 && folded(&parts[0]) == PUBLIC {
            parts.remove(0);
        }
        let last = parts.len().saturating_sub(1);
        for (i, part) in parts.iter_mut().enumerate() {
            if i == 0 && i < last && self.relations.contains_key(&part.value.to_lowercase()) {
                self.relation(part);
            } else {
                self.column(part);
            }
        }
    }

    /// Which table the name means, with the name rewritten to what the engine looks up, and the name by which the
    /// statement calls its columns when that differs.
    pub(super) fn table(&self, name: &mut ObjectName) -> Result<(usize, Option<Ident>), Refusal> {
        let mut parts = Vec::with_capacity(name.0.len());
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(ident.clone()),
                ObjectNamePart::Function(function) => {
                    return Err(Refusal::new(
                        Detail::TableFunctionNotAllowed,
                        format!("{} cannot name a table", quoted(&function.name.value)),
                    ));
                }
            }
        }
        // A literal in a table's place; it is not quoted back.
        if parts.iter().any(|p| p.quote_style.is_some_and(|q| q != '"')) {
            return Err(Refusal::new(
                Detail::PathRelation,
                "a string cannot be a table; only the snapshot's tables can be read",
            )
            .with_hint("call get_schema for the tables"));
        }
        if let [schema, table] = parts.as_slice()
            && let Some(index) = self.dotted(schema, table)
        {
            let alias = table.clone();
            *name = ObjectName::from(vec![Ident::with_quote('"', self.tables[index].name.clone())]);
            return Ok((index, Some(alias)));
        }
        let (schema, table) = match parts.as_mut_slice() {
            [table] => (None, table),
            [schema, table] => (Some(schema.clone()), table),
            [_, schema, _] if is_system(&schema.value) => return Err(system(&schema.value)),
            _ => {
                let written = name.to_string();
                return Err(if is_path_like(&written.replace('"', "")) {
                    path(&written)
                } else {
                    self.unknown(&written)
                });
            }
        };
        if let Some(schema) = &schema
            && folded(schema) != PUBLIC
        {
            return Err(if is_system(&schema.value) {
                system(&schema.value)
            } else {
                let written = format!("{}.{}", schema.value, table.value);
                if [&schema.value, &table.value, &written].into_iter().any(|part| is_path_like(part)) {
                    path(&written)
                } else {
                    self.unknown(&written)
                }
            });
        }
        self.relation(table);
        let wanted = folded(table);
        if let Some(index) = self.tables.iter().position(|t| t.name == wanted) {
            // A schema that was written stays: with it, a WITH entry of the same name is not meant.
            let mut spelled: Vec<Ident> = schema.is_some().then(|| Ident::new(PUBLIC)).into_iter().collect();
            spelled.push(Ident::with_quote('"', wanted));
            *name = ObjectName::from(spelled);
            return Ok((index, None));
        }
        Err(if is_path_like(&table.value) {
            path(&table.value)
        } else if is_system(&table.value) {
            system(&table.value)
        } else {
            self.unknown(&table.value)
        })
    }

    fn dotted(&self, schema: &Ident, table: &Ident) -> Option<usize> {
        let mut joined = Ident::new(format!("{}.{}", folded(schema), folded(table)));
        self.relation(&mut joined);
        self.tables.iter().position(|t| t.name.contains('.') && t.name == joined.value)
    }

    /// Says which of the snapshot's own tables come nearest: never what else exists.
    fn unknown(&self, name: &str) -> Refusal {
        let near = nearest(name, self.tables.iter().map(|t| t.name.as_str()));
        let refusal = Refusal::new(
            Detail::RelationNotInSnapshot,
            format!("{} is not a table of this snapshot", quoted(name)),
        );
        refusal.with_hint(match near.as_slice() {
            [] => "call get_schema for the tables".to_owned(),
            near => {
                format!("did you mean {}?", near.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(" or "))
            }
        })
    }
}

/// The name as the engine compares it: lower case unless quoted.
pub(super) fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// Whether the name looks like a file, a pattern or an address.
pub(super) fn is_path_like(name: &str) -> bool {
    const SUFFIXES: &[&str] = &[
        ".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet", ".arrow", ".feather", ".ipc", ".avro",
        ".orc", ".db", ".duckdb", ".sqlite", ".sqlite3", ".xlsx", ".xls", ".txt", ".log", ".gz", ".zst",
        ".bz2", ".xz", ".zip", ".tar",
    ];
    let lower = name.trim().to_lowercase();
    lower.is_empty()
        || name.chars().any(|c| matches!(c, '/' | '\\' | ':' | '*' | '?'))
        || SUFFIXES.iter().any(|s| lower.ends_with(s))
}

/// Whether the name is a system catalog's, of any engine.
pub(super) fn is_system(name: &str) -> bool {
    let lower = name.to_lowercase();
    matches!(
        lower.as_str(),
        "information_schema" | "mysql" | "performance_schema" | "sys" | "system" | "df_settings"
    ) || ["pg_", "duckdb_", "sqlite_", "pragma_"].iter().any(|p| lower.starts_with(p))
}

fn path(name: &str) -> Refusal {
    Refusal::new(
        Detail::PathRelation,
        format!("{} looks like a file or an address; only the snapshot's tables can be read", quoted(name)),
    )
    .with_hint("call get_schema for the tables")
}

fn system(name: &str) -> Refusal {
    Refusal::new(Detail::SystemRelation, format!("{} is a system catalog", quoted(name)))
        .with_hint("use the get_schema tool")
}

/// Lower case → the one spelling, for names whose only spelling has upper case.
fn spellings<'n>(names: impl Iterator<Item = &'n str>) -> HashMap<String, String> {
    let mut found: HashMap<String, Option<String>> = HashMap::new();
    for name in names {
        let known = found.entry(name.to_lowercase()).or_insert_with(|| Some(name.to_owned()));
        if known.as_deref().is_some_and(|k| k != name) {
            *known = None;
        }
    }
    found.into_iter().filter_map(|(lower, name)| name.filter(|n| *n != lower).map(|n| (lower, n))).collect()
}

fn spell(ident: &mut Ident, spellings: &HashMap<String, String>) {
    if ident.quote_style.is_none()
        && let Some(exact) = spellings.get(&ident.value.to_lowercase())
    {
        ident.value.clone_from(exact);
        ident.quote_style = Some('"');
    }
}

const PUBLIC: &str = "public";
