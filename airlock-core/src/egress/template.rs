//! Takes out of an admitted statement the values that it compares columns with, so that statements which differ in
//! nothing else can share a plan.
//!
//! Default closed: a literal is taken only as one whole side of a comparison, a bound of BETWEEN or an element of a short
//! IN list, inside the conditions of WHERE, JOIN … ON and HAVING, and only when the other side depends on rows. Nothing
//! else of a statement looks at such a value: no name, no type, no size. Every other literal stays where it is written:
//! NULL, booleans, LIMIT, ordinals, function arguments, patterns, intervals, casts to anything but dates.

use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType as ArrowType;
use datafusion::common::ScalarValue;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join,
    JoinConstraint, JoinOperator, Query, Select, SetExpr, Statement, TableFactor, TableWithJoins,
    TypedString, UnaryOperator, Value, ValueWithSpan, visit_expressions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

/// An admitted statement with `$1`, `$2`, … where values were taken out. Equal templates plan alike: this is the whole
/// syntax tree, and the types of the values.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Template {
    statement: Box<Statement>,
    types: Vec<ValueType>,
    tables: Vec<String>,
    is_ordered: bool,
}

/// The type that the engine gives to a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ValueType {
    Int64,
    Float64,
    Text,
}

impl Template {
    /// `query` is admitted.
    pub(super) fn new(query: Box<Query>, tables: Vec<String>) -> Self {
        let is_ordered = query.order_by.is_some();
        Self { statement: Box::new(Statement::Query(query)), types: vec![], tables, is_ordered }
    }

    /// Takes out the values, in the order of their numbers.
    pub(super) fn take_values(&mut self) -> Vec<ScalarValue> {
        let mut taker = Taker { values: vec![] };
        if let Statement::Query(query) = self.statement.as_mut() {
            taker.query(query);
        }
        self.types = taker.values.iter().map(value_type).collect();
        taker.values
    }

    /// Tables of the snapshot that it reads, sorted.
    pub(crate) fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Whether its rows have a stated order.
    pub(crate) fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Whether values were taken out.
    pub(crate) fn has_values(&self) -> bool {
        !self.types.is_empty()
    }

    /// The types of the values.
    pub(crate) fn types(&self) -> impl Iterator<Item = ArrowType> {
        self.types.iter().map(|of| match of {
            ValueType::Int64 => ArrowType::Int64,
            ValueType::Float64 => ArrowType::Float64,
            ValueType::Text => ArrowType::Utf8,
        })
    }

    /// The statement as the engine takes it: PREPARE when values were taken out.
    pub(crate) fn to_statement(&self) -> EngineStatement {
        if !self.has_values() {
            return EngineStatement::Statement(self.statement.clone());
        }
        let data_types = self.types.iter().map(|of| match of {
            ValueType::Int64 => DataType::BigInt(None),
            ValueType::Float64 => DataType::DoublePrecision,
            ValueType::Text => DataType::Text,
        });
        EngineStatement::Statement(Box::new(Statement::Prepare {
            name: Ident::new("template"),
            data_types: data_types.collect(),
            statement: self.statement.clone(),
        }))
    }
}

// Its literals stay out of logs.
impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("tables", &self.tables).field("types", &self.types).finish()
    }
}

fn value_type(value: &ScalarValue) -> ValueType {
    match value {
        ScalarValue::Int64(_) => ValueType::Int64,
        ScalarValue::Float64(_) => ValueType::Float64,
        _ => ValueType::Text,
    }
}

/// Walks to the conditions and takes their values out.
struct Taker {
    values: Vec<ScalarValue>,
}

impl Taker {
    fn query(&mut self, query: &mut Query) {
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            self.query(&mut cte.query);
        }
        self.set_expr(&mut query.body);
    }

    fn set_expr(&mut self, mut body: &mut SetExpr) {
        loop {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    self.set_expr(right);
                    body = left;
                }
                SetExpr::Select(select) => return self.select(select),
                SetExpr::Query(query) => return self.query(query),
                _ => return,
            }
        }
    }

    fn select(&mut self, select: &mut Select) {
        for table in &mut select.from {
            self.table_with_joins(table);
        }
        for condition in select.selection.iter_mut().chain(&mut select.having) {
            self.condition(condition);
        }
    }

    fn table_with_joins(&mut self, table: &mut TableWithJoins) {
        self.table_factor(&mut table.relation);
        for Join { relation, join_operator, .. } in &mut table.joins {
            self.table_factor(relation);
            if let JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on))
            | JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on))
            | JoinOperator::Right(JoinConstraint::On(on))
            | JoinOperator::RightOuter(JoinConstraint::On(on))
            | JoinOperator::FullOuter(JoinConstraint::On(on)) = join_operator
            {
                self.condition(on);
            }
        }
    }

    fn table_factor(&mut self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => self.table_with_joins(table_with_joins),
            _ => {}
        }
    }

    fn condition(&mut self, mut expr: &mut Expr) {
        loop {
            match expr {
                // Chains of AND and OR lean to the left.
                Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                    self.condition(right);
                    expr = left;
                }
                Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => expr = inner,
                _ => return self.predicate(expr),
            }
        }
    }

    fn predicate(&mut self, expr: &mut Expr) {
        match expr {
            Expr::BinaryOp { left, op, right } if is_comparison(op) => {
                if depends_on_rows(left) {
                    self.take(right);
                } else if depends_on_rows(right) {
                    self.take(left);
                }
                for side in [left, right] {
                    if let Expr::Subquery(query) = side.as_mut() {
                        self.query(query);
                    }
                }
            }
            Expr::Between { expr, low, high, negated: _ } if depends_on_rows(expr) => {
                self.take(low);
                self.take(high);
            }
            Expr::InList { expr, list, negated: _ }
                if list.len() <= IN_LIST_MAX && depends_on_rows(expr) && is_uniform(list) =>
            {
                list.iter_mut().for_each(|item| self.take(item));
            }
            Expr::InSubquery { subquery, .. } | Expr::Exists { subquery, negated: _ } => self.query(subquery),
            _ => {}
        }
    }

    /// Puts a placeholder where a literal stands.
    fn take(&mut self, expr: &mut Expr) {
        if self.values.len() >= VALUES_MAX {
            return;
        }
        let Some(value) = literal(expr) else { return };
        let placeholder = Value::Placeholder(format!("${}", self.values.len() + 1));
        let placeholder = Expr::Value(ValueWithSpan { value: placeholder, span: Span::empty() });
        match expr {
            Expr::Cast { expr: inner, .. } => **inner = placeholder,
            // The engine makes the same of a typed literal.
            Expr::TypedString(TypedString { data_type, .. }) => {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(placeholder),
                    data_type: data_type.clone(),
                    array: false,
                    format: None,
                };
            }
            _ => *expr = placeholder,
        }
        self.values.push(value);
    }
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

/// Whether a column or `count(*)` stands in it: what is constant may be folded into a choice of plan.
fn depends_on_rows(expr: &Expr) -> bool {
    let found = visit_expressions(expr, |e| match e {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        Expr::Function(call) => match &call.args {
            FunctionArguments::List(list)
                if matches!(list.args.as_slice(), [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) =>
            {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Whether the list holds plain literals of one type: the engine finds one type for all.
fn is_uniform(list: &[Expr]) -> bool {
    let mut types = list.iter().map(|e| match e {
        Expr::Value(_) | Expr::UnaryOp { .. } => literal(e).as_ref().map(value_type),
        _ => None,
    });
    let first = types.next().flatten();
    first.is_some() && types.all(|of| of == first)
}

/// The value of a literal, exactly as the engine reads it. `None` for whatever may not be taken out.
fn literal(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Value(ValueWithSpan { value, span: _ }) => match value {
            Value::Number(digits, false) => number(digits),
            Value::SingleQuotedString(text) => Some(ScalarValue::Utf8(Some(text.clone()))),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(ValueWithSpan { value: Value::Number(digits, false), span: _ })
                if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') =>
            {
                number(&format!("-{digits}"))
            }
            _ => None,
        },
        Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: false })
            if is_date(data_type) =>
        {
            text(value)
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type,
            array: false,
            format: None,
        } if is_date(data_type) => match expr.as_ref() {
            Expr::Value(value) => text(value),
            _ => None,
        },
        _ => None,
    }
}

fn text(value: &ValueWithSpan) -> Option<ScalarValue> {
    match &value.value {
        Value::SingleQuotedString(text) => Some(ScalarValue::Utf8(Some(text.clone()))),
        _ => None,
    }
}

/// What fits 64 bits with a sign, and finite doubles. The engine gives other types to what is larger.
fn number(digits: &str) -> Option<ScalarValue> {
    if digits.contains('_') {
        return None;
    }
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(ScalarValue::Int64(Some(whole)));
    }
    if digits.parse::<u64>().is_ok() {
        return None;
    }
    digits.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| ScalarValue::Float64(Some(n)))
}

fn is_date(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date | DataType::Timestamp(..))
}

/// A longer list is searched by hash when it is written down, which a template cannot do.
const IN_LIST_MAX: usize = 16;
const VALUES_MAX: usize = 64;
