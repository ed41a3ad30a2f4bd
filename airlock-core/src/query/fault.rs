//! Reduces the engine's errors to what may be said: names of the statement and the snapshot, types, kinds. The engine's
//! own sentences quote literals and cells, so none of them is passed on.

use std::sync::LazyLock;

use arrow::error::ArrowError;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use regex::Regex;

use super::QueryError;
use crate::egress::{TableShape, nearest, quoted};

/// Reduces errors of statements over these tables.
pub(super) struct Faults<'a> {
    pub(super) shapes: &'a [TableShape],
}

impl Faults<'_> {
    pub(super) fn reduce(&self, error: &DataFusionError) -> QueryError {
        match error.find_root() {
            DataFusionError::SchemaError(error, _) => self.schema(error),
            DataFusionError::Plan(message) => planning(message),
            DataFusionError::NotImplemented(_) => sql(
                "this form of SQL is not supported",
                Some(
                    "write it differently: plain joins, aggregates, window functions and WITH are supported",
                ),
            ),
            DataFusionError::SQL(..) => sql("the statement cannot be read", None),
            DataFusionError::ResourcesExhausted(_) => QueryError::LimitExceeded { limit: "query_memory" },
            DataFusionError::ArrowError(error, _) => arrow(error),
            DataFusionError::Execution(message) => execution(message),
            DataFusionError::Internal(_) => engine("internal"),
            DataFusionError::IoError(_) => engine("io"),
            DataFusionError::Configuration(_) => engine("configuration"),
            DataFusionError::ExecutionJoin(_) => engine("task"),
            DataFusionError::External(_) => engine("external"),
            DataFusionError::ObjectStore(_) => engine("object store"),
            _ => engine("other"),
        }
    }

    fn schema(&self, error: &SchemaError) -> QueryError {
        match error {
            SchemaError::FieldNotFound { field, valid_fields: _ } => self.unknown_column(field),
            SchemaError::AmbiguousReference { field } => sql(
                format!("column {} is ambiguous", quoted(&field.name)),
                Some("write the table's name or alias before it"),
            ),
            SchemaError::DuplicateQualifiedField { qualifier: _, name }
            | SchemaError::DuplicateUnqualifiedField { name } => {
                sql(format!("{} is the name of two columns", quoted(name)), Some("give one of them an alias"))
            }
        }
    }

    /// Suggests columns of the snapshot, written as they must be.
    fn unknown_column(&self, field: &Column) -> QueryError {
        let names = self.shapes.iter().flat_map(|t| t.columns.iter().map(String::as_str));
        if names.clone().any(|name| name == field.name) {
            return sql(
                format!("column {} cannot be reached from here", quoted(&field.flat_name())),
                Some("use the alias given in FROM, and only columns of the tables in FROM"),
            );
        }
        let near: Vec<String> = nearest(&field.name, names).into_iter().map(quoted).collect();
        QueryError::Sql {
            message: format!("column {} does not exist", quoted(&field.name)),
            hint: Some(match near.as_slice() {
                [] => "call get_schema for the columns".to_owned(),
                near => format!("did you mean {}?", near.join(" or ")),
            }),
        }
    }
}

/// Planning errors speak of types and functions; those alone are taken out of them.
fn planning(message: &str) -> QueryError {
    if message.contains("unique expression names") {
        return sql("two output columns have one name", Some("give each an alias with AS"));
    }
    if message.contains("must appear in the GROUP BY clause") || message.contains("non-aggregate values") {
        return sql(
            "a selected column is neither in GROUP BY nor inside an aggregate",
            Some("add it to GROUP BY, or wrap it in min, max or any_value"),
        );
    }
    if let Some(call) = CALL.captures(message) {
        return sql(
            format!("function {} does not take these arguments", quoted(&call[1])),
            Some("cast them, or check their number"),
        );
    }
    if let Some(types) = TYPES.captures(message) {
        return sql(format!("types do not fit: {}", types[1].trim()), Some("cast one side"));
    }
    if message.contains("Aggregate") || message.contains("aggregate") {
        return sql(
            "an aggregate stands where none may stand, or is used wrongly",
            Some("use HAVING or a subquery"),
        );
    }
    if message.contains("UNION") || message.contains("Union") || message.contains("number of columns") {
        return sql("combined queries need the same number and types of columns", None);
    }
    sql("the statement does not fit together: check types, names and grouping", None)
}

fn execution(message: &str) -> QueryError {
    if message.contains("scalar subquery") || message.contains("more than one row") {
        return sql("a scalar subquery gave more than one row", Some("add LIMIT 1 or an aggregate"));
    }
    sql("a function was given a value that it cannot take", Some("check ranges and formats, or use try_cast"))
}

fn arrow(error: &ArrowError) -> QueryError {
    match error {
        ArrowError::DivideByZero => sql("division by zero", Some("divide by nullif(x, 0)")),
        ArrowError::ArithmeticOverflow(_) => {
            sql("a number is out of its type's range", Some("cast to a wider type"))
        }
        ArrowError::CastError(_) | ArrowError::ParseError(_) => sql(
            "a value cannot be cast to the type asked for",
            Some("use try_cast, which gives NULL instead"),
        ),
        ArrowError::InvalidArgumentError(_) | ArrowError::ComputeError(_) | ArrowError::SchemaError(_) => {
            sql("a function was given a value that it cannot take", Some("check ranges and formats"))
        }
        ArrowError::MemoryError(_) | ArrowError::OffsetOverflowError(_) => {
            QueryError::LimitExceeded { limit: "query_memory" }
        }
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => Faults { shapes: &[] }.reduce(inner),
            None => engine("arrow"),
        },
        _ => engine("arrow"),
    }
}

fn sql(message: impl Into<String>, hint: Option<&str>) -> QueryError {
    QueryError::Sql { message: message.into(), hint: hint.map(str::to_owned) }
}

fn engine(kind: &str) -> QueryError {
    QueryError::Engine(kind.to_owned())
}

static CALL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:call to|Function) '(\w{1,64})'").expect("the pattern is fixed"));

/// The types in a coercion error: no quote can be among them, so no literal.
static TYPES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:comparison operation|arithmetic expression|coerce) ([A-Z][A-Za-z0-9_(), µ<>=!+\-*/%|&~]{1,120})",
    )
    .expect("the pattern is fixed")
});
