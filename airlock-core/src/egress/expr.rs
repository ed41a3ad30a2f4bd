//! L3 and L4 over expressions.
//!
//! Each value carries how much larger than its inputs it may be (see `cost`), so that calls which multiply are bounded
//! together and not one by one.

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField,
    DictionaryField, Expr, Ident, Interval, LambdaFunction, LambdaFunctionParameter, Map, MapEntry,
    OneOrManyWithParens, Query, StructField, Subscript, TypedString, Value,
};

use super::cost::unbounded;
use super::operators::{
    PATTERN_BYTES_MAX, binary_operator, date_time_field, literal, no_json, unary_operator,
};
use super::walk::{Walk, unknown_form};
use super::{Detail, Refusal, Verdict, cost, marks, types};

impl Walk<'_> {
    /// Walks an expression.
    pub(super) fn expr(&mut self, expr: &mut Expr) -> Result<(), Verdict> {
        self.value(expr).map(drop)
    }

    /// Walks each of several.
    pub(super) fn exprs<'e>(&mut self, exprs: impl IntoIterator<Item = &'e mut Expr>) -> Result<(), Verdict> {
        self.values_of(exprs).map(drop)
    }

    /// Walks each of several; returns how much larger they may be together.
    pub(super) fn values_of<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e mut Expr>,
    ) -> Result<u64, Verdict> {
        exprs.into_iter().try_fold(0_u64, |sum, expr| Ok(sum.saturating_add(self.value(expr)?)))
    }

    /// Walks an expression; returns how much larger than its inputs its value may be.
    pub(super) fn value(&mut self, mut expr: &mut Expr) -> Result<u64, Verdict> {
        // Chains of operators lean to the left and may be thousands long: walked in a loop.
        let (mut sum, mut terms, mut computed) = (0_u64, 0_u64, 0_u64);
        while let Expr::BinaryOp { left, op, right } = expr {
            marks::unmark(op);
            binary_operator(op, right)?;
            sum = sum.saturating_add(self.value_below(right)?);
            terms += 1;
            computed += u64::from(!matches!(op, BinaryOperator::And | BinaryOperator::Or));
            // The planner works out the type of a computed chain anew at each operator.
            let computed_max = (self.limits.max_expr_terms / COMPUTED_SHARE).max(1);
            if terms > self.limits.max_expr_terms || computed > computed_max {
                return Err(Refusal::new(
                    Detail::TooDeep,
                    format!(
                        "one expression has more than {} AND or OR, or {computed_max} other operators",
                        self.limits.max_expr_terms
                    ),
                )
                .into());
            }
            expr = left;
        }
        Ok(sum.saturating_add(self.value_below(expr)?))
    }

    fn value_below(&mut self, expr: &mut Expr) -> Result<u64, Verdict> {
        self.descend(|walk| walk.value_here(expr))
    }

    fn value_here(&mut self, expr: &mut Expr) -> Result<u64, Verdict> {
        match expr {
            Expr::Identifier(ident) => self.identifier(ident),
            Expr::CompoundIdentifier(parts) => self.compound(parts),
            Expr::CompoundFieldAccess { root, access_chain } => {
                if access_chain.len() > NAME_PARTS_MAX {
                    return Err(Refusal::new(
                        Detail::TooDeep,
                        format!("more than {NAME_PARTS_MAX} subscripts follow one another"),
                    )
                    .into());
                }
                let grown = self.value(root)?;
                access_chain.iter_mut().try_for_each(|access| self.access(access))?;
                Ok(grown)
            }
            Expr::IsFalse(e)
            | Expr::IsNotFalse(e)
            | Expr::IsTrue(e)
            | Expr::IsNotTrue(e)
            | Expr::IsNull(e)
            | Expr::IsNotNull(e)
            | Expr::IsUnknown(e)
            | Expr::IsNotUnknown(e) => self.value(e).map(|_| 1),
            Expr::Nested(e) => self.value(e),
            Expr::IsDistinctFrom(a, b) | Expr::IsNotDistinctFrom(a, b) => self.pair(a, b),
            Expr::InList { expr, list, negated: _ } => {
                if list.len() as u64 > self.limits.max_in_list {
                    return Err(cost::too_large(format!(
                        "more than {} values in one IN list",
                        self.limits.max_in_list
                    )));
                }
                self.exprs(list)?;
                self.value(expr).map(|_| 1)
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.subquery(subquery)?;
                self.value(expr).map(|_| 1)
            }
            Expr::Between { expr, negated: _, low, high } => {
                self.pair(low, high)?;
                self.value(expr).map(|_| 1)
            }
            Expr::BinaryOp { left: _, op: _, right: _ } => self.value(expr),
            Expr::Like { negated: _, any, expr, pattern, escape_char }
            | Expr::ILike { negated: _, any, expr, pattern, escape_char } => {
                if *any {
                    return Err(unknown_form("LIKE ANY"));
                }
                escape_char.iter().try_for_each(literal)?;
                self.pair(expr, pattern)
            }
            Expr::SimilarTo { negated: _, expr, pattern, escape_char } => {
                escape_char.iter().try_for_each(literal)?;
                if cost::text(pattern).is_none_or(|text| text.len() > PATTERN_BYTES_MAX) {
                    return Err(unbounded("the pattern of SIMILAR TO must be written down, and short"));
                }
                self.pair(expr, pattern)
            }
            Expr::AnyOp { left: _, compare_op: _, right: _, is_some: _ }
            | Expr::AllOp { left: _, compare_op: _, right: _ } => self.quantified(expr),
            Expr::UnaryOp { op, expr } => {
                unary_operator(op)?;
                self.value(expr)
            }
            Expr::Cast { kind, expr, data_type, array, format } => {
                match kind {
                    CastKind::Cast | CastKind::TryCast | CastKind::SafeCast | CastKind::DoubleColon => {}
                }
                if *array || format.is_some() {
                    return Err(unknown_form("CAST with FORMAT or ARRAY"));
                }
                if matches!(data_type, DataType::JSON | DataType::JSONB) {
                    // JSON is text here, so this changes nothing.
                    *data_type = DataType::Text;
                }
                types::check(data_type)?;
                self.value(expr)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.pair(timestamp, time_zone),
            Expr::Extract { field, syntax: _, expr } => {
                date_time_field(field)?;
                self.value(expr)
            }
            Expr::Ceil { expr, field } | Expr::Floor { expr, field } => match field {
                CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => self.value(expr),
                CeilFloorKind::DateTimeField(_) | CeilFloorKind::Scale(_) => {
                    Err(Verdict::sql_hint("CEIL and FLOOR take one number", "use round, trunc or date_trunc"))
                }
            },
            Expr::Position { expr, r#in } => self.pair(expr, r#in),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                for part in [substring_from, substring_for].into_iter().flatten() {
                    self.expr(part)?;
                }
                self.value(expr)
            }
            Expr::Trim { trim_where: _, trim_what, expr, trim_characters } => {
                if let Some(what) = trim_what {
                    self.expr(what)?;
                }
                self.exprs(trim_characters.iter_mut().flatten())?;
                self.value(expr)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                let grown = self.pair(expr, overlay_what)?;
                self.expr(overlay_from)?;
                if let Some(length) = overlay_for {
                    self.expr(length)?;
                }
                Ok(grown)
            }
            Expr::Value(value) => {
                literal(value)?;
                Ok(match &value.value {
                    Value::Number(..) | Value::Boolean(_) | Value::Null => 1,
                    _ => cost::text(expr).map_or(1, |text| text.len() as u64),
                })
            }
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: _ }) => {
                literal(value)?;
                types::check(data_type)?;
                Ok(1)
            }
            Expr::Function(_) => self.function(expr),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                let mut sum = 0_u64;
                if let Some(operand) = operand {
                    self.expr(operand)?;
                }
                for CaseWhen { condition, result } in conditions {
                    self.expr(condition)?;
                    sum = sum.saturating_add(self.value(result)?);
                }
                if let Some(result) = else_result {
                    sum = sum.saturating_add(self.value(result)?);
                }
                Ok(sum)
            }
            Expr::Exists { subquery, negated: _ } => self.subquery(subquery),
            Expr::Subquery(subquery) => self.subquery(subquery),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                self.values_of(sets.iter_mut().flatten())
            }
            Expr::Tuple(items) => self.values_of(items),
            Expr::Struct { values, fields } => {
                for StructField { field_name, field_type, options } in fields {
                    if options.is_some() {
                        return Err(unknown_form("a struct type of this kind"));
                    }
                    field_name.iter_mut().for_each(|name| self.names.column(name));
                    types::check(field_type)?;
                }
                self.values_of(values)
            }
            Expr::Named { expr, name } => {
                self.names.column(name);
                self.value(expr)
            }
            Expr::Dictionary(fields) => {
                fields.iter_mut().try_fold(0_u64, |sum, DictionaryField { key: _, value }| {
                    Ok(sum.saturating_add(self.value(value)?))
                })
            }
            Expr::Map(Map { entries }) => {
                entries.iter_mut().try_fold(0_u64, |sum, MapEntry { key, value }| {
                    Ok(sum.saturating_add(self.pair(key, value)?))
                })
            }
            Expr::Array(Array { elem, named: _ }) => self.values_of(elem),
            Expr::Interval(interval) => self.interval(interval),
            Expr::Lambda(_) => Err(Refusal::new(Detail::FunctionNotAllowed, "a lambda cannot stand here")
                .with_hint("a lambda is an argument of array_transform, array_filter or array_any_match")
                .into()),
            Expr::Wildcard(_) | Expr::QualifiedWildcard(_, _) => {
                Err(Verdict::sql("* cannot stand in an expression"))
            }
            Expr::JsonAccess { value: _, path: _ } => Err(no_json("the JSON path :")),
            Expr::IsNormalized { expr: _, form: _, negated: _ } => Err(unknown_form("IS NORMALIZED")),
            Expr::InUnnest { expr: _, array_expr: _, negated: _ } => {
                Err(Verdict::sql_hint("IN UNNEST is not available", "write x = ANY (array)"))
            }
            Expr::RLike { negated: _, expr: _, pattern: _, regexp: _ } => {
                Err(Verdict::sql_hint("RLIKE is not available", "write x ~ 'pattern'"))
            }
            Expr::Convert {
                is_try: _,
                expr: _,
                data_type: _,
                charset: _,
                target_before_value: _,
                styles: _,
            } => Err(Verdict::sql_hint("CONVERT is not available", "write CAST (x AS type)")),
            Expr::Collate { expr: _, collation: _ } => Err(Verdict::sql_hint(
                "COLLATE is not available",
                "text is compared by code point; use lower (x)",
            )),
            Expr::Prefixed { prefix: _, value: _ } => Err(unknown_form("a character set introducer")),
            Expr::MatchAgainst { columns: _, match_value: _, opt_search_modifier: _ } => {
                Err(unknown_form("MATCH … AGAINST"))
            }
            Expr::OuterJoin(_) => Err(unknown_form("the outer join operator (+)")),
            Expr::Prior(_) => Err(unknown_form("PRIOR")),
            Expr::MemberOf(_) => Err(unknown_form("MEMBER OF")),
        }
    }

    /// `x = ANY (…)` and its kin. Over a query the engine confuses columns of one name on both sides (wrong answers), so
    /// those become IN, or are sent back.
    fn quantified(&mut self, expr: &mut Expr) -> Result<u64, Verdict> {
        let (left, op, right, any) = match expr {
            Expr::AnyOp { left, compare_op, right, is_some: _ } => (left, compare_op, right, true),
            Expr::AllOp { left, compare_op, right } => (left, compare_op, right, false),
            _ => return self.value(expr),
        };
        binary_operator(op, right)?;
        let grown = self.pair(left, right)?;
        let Expr::Subquery(subquery) = right.as_ref() else { return Ok(grown) };
        let negated = match (any, &*op) {
            (true, BinaryOperator::Eq) => false,
            (false, BinaryOperator::NotEq) => true,
            _ => {
                return Err(Verdict::sql_hint(
                    "ANY and ALL take a query with = ANY and <> ALL only",
                    "compare with (SELECT max(x) …) or (SELECT min(x) …)",
                ));
            }
        };
        *expr = Expr::InSubquery { expr: left.clone(), subquery: subquery.clone(), negated };
        Ok(1)
    }

    fn pair(&mut self, a: &mut Expr, b: &mut Expr) -> Result<u64, Verdict> {
        Ok(self.value(a)?.saturating_add(self.value(b)?))
    }

    fn identifier(&mut self, ident: &mut Ident) -> Result<u64, Verdict> {
        not_a_variable(ident)?;
        self.names.column(ident);
        *self.block.uses.entry(ident.value.to_lowercase()).or_default() += 1;
        Ok(1)
    }

    fn compound(&mut self, parts: &mut Vec<Ident>) -> Result<u64, Verdict> {
        if parts.len() > NAME_PARTS_MAX {
            return Err(Refusal::new(
                Detail::TooDeep,
                format!("a name has more than {NAME_PARTS_MAX} parts"),
            )
            .into());
        }
        parts.iter().try_for_each(not_a_variable)?;
        self.names.compound(parts);
        // Either part may be the column; the field behind it only makes the count higher.
        for part in parts.iter().skip(1) {
            *self.block.uses.entry(part.value.to_lowercase()).or_default() += 1;
        }
        Ok(1)
    }

    fn access(&mut self, access: &mut AccessExpr) -> Result<(), Verdict> {
        match access {
            AccessExpr::Dot(field) => match field {
                Expr::Identifier(name) => not_a_variable(name),
                Expr::Value(value) => literal(value),
                _ => Err(unknown_form("a computed field name")),
            },
            AccessExpr::Subscript(Subscript::Index { index }) => self.expr(index),
            AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                self.exprs([lower_bound, upper_bound, stride].into_iter().flatten())
            }
        }
    }

    pub(super) fn subquery(&mut self, query: &mut Query) -> Result<u64, Verdict> {
        // What a subquery repeats is counted in its own block.
        let cost = self.query(query)?;
        self.block.cost = self.block.cost.and(cost);
        cost::check(self.block.cost)?;
        Ok(1)
    }

    /// A lambda, as an argument of a function that takes one.
    pub(super) fn lambda(&mut self, lambda: &mut LambdaFunction) -> Result<u64, Verdict> {
        let LambdaFunction { params, body, syntax: _ } = lambda;
        let params = match params {
            OneOrManyWithParens::One(param) => std::slice::from_mut(param),
            OneOrManyWithParens::Many(params) => params.as_mut_slice(),
        };
        for LambdaFunctionParameter { name, data_type } in params {
            if data_type.is_some() {
                return Err(unknown_form("a typed lambda parameter"));
            }
            self.names.column(name);
        }
        self.value(body)
    }

    fn interval(&mut self, interval: &mut Interval) -> Result<u64, Verdict> {
        let Interval {
            value,
            leading_field,
            leading_precision: _,
            last_field,
            fractional_seconds_precision: _,
        } = interval;
        for field in [leading_field, last_field].into_iter().flatten() {
            date_time_field(field)?;
        }
        self.value(value)
    }
}

/// The engine reads names that begin with `@` as session variables.
fn not_a_variable(ident: &Ident) -> Result<(), Verdict> {
    if ident.value.starts_with('@') {
        return Err(unknown_form("a session variable"));
    }
    Ok(())
}

/// Computed chains may be this part of `max_expr_terms`: planning them takes time with the cube of their length.
const COMPUTED_SHARE: u64 = 4;
const NAME_PARTS_MAX: usize = 8;
