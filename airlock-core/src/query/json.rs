//! Reading JSON, which a snapshot holds as text: PostgreSQL's `->`, `->>` and `?`, and the functions behind them.

use std::sync::Arc;

use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Alias, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ScalarUDF};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion_functions_json::udfs;

/// The functions of the library that answer one Arrow type. Those of its union type, `json_get` among them, are not here.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        udfs::json_as_text_udf(),
        udfs::json_contains_udf(),
        udfs::json_get_bool_udf(),
        udfs::json_get_float_udf(),
        udfs::json_get_int_udf(),
        udfs::json_get_json_udf(),
        udfs::json_get_str_udf(),
        udfs::json_length_udf(),
    ]
}

/// Plans the operators. `->` answers JSON as text, as `json` is in PostgreSQL, so that it can be followed by another.
#[derive(Debug)]
pub(super) struct JsonOperators;

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let func = match expr.op {
            BinaryOperator::Arrow => udfs::json_get_json_udf(),
            BinaryOperator::LongArrow => udfs::json_as_text_udf(),
            BinaryOperator::Question => udfs::json_contains_udf(),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let name = format!("{} {} {}", written(&expr.left), expr.op, written(&expr.right));
        let call = Expr::ScalarFunction(ScalarFunction { func, args: vec![expr.left, expr.right] });
        Ok(PlannerResult::Planned(Expr::Alias(Alias::new(call, None::<&str>, name))))
    }
}

/// About what the statement says.
fn written(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        Expr::Alias(alias) => alias.name.clone(),
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => format!("'{text}'"),
        Expr::Literal(value, _) => value.to_string(),
        _ => expr.schema_name().to_string(),
    }
}
