//! Whole numbers that leave their type are an error. The engine's own `+ - *` go on with another number, which an agent
//! would report as a fact.

use std::sync::Arc;

use arrow::compute::kernels::numeric::{add, mul, sub};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

/// Comes after type coercion: both sides of an operator have one type by then.
#[derive(Debug)]
pub(super) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            // LIMIT takes what egress has folded itself.
            if matches!(node, LogicalPlan::Limit(_)) || !has_arithmetic(&node)? {
                return Ok(Transformed::no(node));
            }
            let schema = merge_schema(&node.inputs());
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(checked(expr, &schema)?.update_data(|expr| name.restore(expr)))
            })?
            .map_data(LogicalPlan::recompute_schema)
        })
        .data()
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }
}

fn has_arithmetic(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expr| {
        found |= expr.exists(|e| Ok(matches!(e, Expr::BinaryExpr(binary) if Op::of(binary.op).is_some())))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    expr.transform_down(|e| match e {
        Expr::BinaryExpr(binary) if Op::of(binary.op).is_some() => {
            Ok(Transformed::new(chain(binary, schema)?, true, TreeNodeRecursion::Jump))
        }
        e => Ok(Transformed::no(e)),
    })
}

/// A chain of operators becomes one call: nested calls would take the planner time with the cube of their number.
fn chain(binary: BinaryExpr, schema: &DFSchema) -> Result<Expr> {
    let (mut links, mut first) = (vec![], Expr::BinaryExpr(binary));
    loop {
        match first {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if Op::of(op).is_some() => {
                links.push((op, *right));
                first = *left;
            }
            _ => break,
        }
    }
    let mut data_type = first.get_type(schema)?;
    let mut done = Chain { first: checked(first, schema)?.data, ops: vec![], args: vec![] };
    for (op, right) in links.into_iter().rev() {
        let other = right.get_type(schema)?;
        let right = checked(right, schema)?.data;
        match Op::of(op) {
            Some(op) if data_type == other && other.is_integer() => {
                done.ops.push(op);
                done.args.push(right);
            }
            _ => {
                let plain =
                    Expr::BinaryExpr(BinaryExpr::new(Box::new(done.into_expr()), op, Box::new(right)));
                // Only dates and times have a result of another kind than what went in.
                let is_plain = |of: &DataType| of.is_floating() || matches!(of, DataType::Decimal128(..));
                if !is_plain(&data_type) || !is_plain(&other) {
                    data_type = plain.get_type(schema)?;
                }
                done = Chain { first: plain, ops: vec![], args: vec![] };
            }
        }
    }
    Ok(done.into_expr())
}

/// `first op arg op arg …` over whole numbers of one type.
struct Chain {
    first: Expr,
    ops: Vec<Op>,
    args: Vec<Expr>,
}

impl Chain {
    fn into_expr(self) -> Expr {
        if self.ops.is_empty() {
            return self.first;
        }
        let args = std::iter::once(self.first).chain(self.args).collect();
        let function = ScalarUDF::from(Checked::new(self.ops));
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Op {
    Plus,
    Minus,
    Times,
}

impl Op {
    fn of(op: Operator) -> Option<Self> {
        match op {
            Operator::Plus => Some(Self::Plus),
            Operator::Minus => Some(Self::Minus),
            Operator::Multiply => Some(Self::Times),
            _ => None,
        }
    }
}

/// In no registry: statements cannot name it, the rule alone puts it in.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    /// Tells calls apart that differ in operators only.
    name: String,
    ops: Vec<Op>,
    signature: Signature,
}

impl Checked {
    fn new(ops: Vec<Op>) -> Self {
        let letters = ops.iter().map(|op| match op {
            Op::Plus => 'p',
            Op::Minus => 'm',
            Op::Times => 't',
        });
        let name = "checked_".chars().chain(letters).collect();
        Self { name, ops, signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        args.first().cloned().ok_or_else(no_numbers)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let first = args.arg_fields.first().ok_or_else(no_numbers)?;
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), first.data_type().clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut args = args.args.into_iter();
        let first = args.next().ok_or_else(no_numbers)?;
        self.ops.iter().zip(args).try_fold(first, |left, (op, right)| match op {
            Op::Plus => apply(&left, &right, add),
            Op::Minus => apply(&left, &right, sub),
            Op::Times => apply(&left, &right, mul),
        })
    }
}

fn no_numbers() -> DataFusionError {
    DataFusionError::Internal("arithmetic over nothing".to_owned())
}
