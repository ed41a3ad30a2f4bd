//! The places of a plan that take the values of a statement, filled anew before each run.
//!
//! A plan with slots is planned without knowing the values, so it is the same for all of them. Default closed: a value
//! may stand only as one side of a comparison in a filter or a join's condition, and a conversion that the engine would
//! have made on the column's side is either made backwards on the value, without loss, or changes no comparison.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{InList, Placeholder, ScalarFunction};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use parking_lot::Mutex;

/// The slots of one plan. A plan with slots runs once at a time.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

#[derive(Debug)]
struct Slot {
    /// Which of the statement's values.
    value: usize,
    /// What it is converted to, in order.
    casts: Vec<DataType>,
    /// The column's own type, when the value must fit it exactly.
    exact: Option<DataType>,
    cell: Arc<Cell>,
}

impl Slots {
    /// Gives the placeholders of a plan that is not optimised yet the types of the statement's literals.
    pub(super) fn typed(plan: LogicalPlan, types: &[DataType]) -> Result<LogicalPlan> {
        let fields: Vec<FieldRef> =
            types.iter().map(|of| Arc::new(Field::new("", of.clone(), true))).collect();
        let typed = |expr: Expr| {
            expr.transform_up(|e| match e {
                Expr::Placeholder(Placeholder { id, field: _ }) => {
                    let field = fields.get(number(&id)?).ok_or_else(not_shared)?.clone();
                    Ok(Transformed::yes(Expr::Placeholder(Placeholder::new_with_field(id, Some(field)))))
                }
                e => Ok(Transformed::no(e)),
            })
        };
        plan.transform_down_with_subqueries(|node| match has_placeholder(&node)? {
            true => node.map_expressions(typed),
            false => Ok(Transformed::no(node)),
        })
        .data()
    }

    /// Puts slots where an optimised plan has placeholders.
    ///
    /// # Errors
    /// When a placeholder stands where none may, or is gone: the plan cannot be shared.
    pub(super) fn install(plan: LogicalPlan, types: &[DataType]) -> Result<(LogicalPlan, Self)> {
        let mut slots = Self::default();
        let plan = plan
            .transform_down_with_subqueries(|node| {
                if !has_placeholder(&node)? {
                    return Ok(Transformed::no(node));
                }
                if !matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Join(_)) {
                    return Err(not_shared());
                }
                let schema = merge_schema(&node.inputs());
                node.map_expressions(|expr| {
                    expr.transform_down(|e| match e {
                        Expr::BinaryExpr(binary) => slots.comparison(binary, types, &schema),
                        Expr::InList(list) => slots.in_list(list, types, &schema),
                        Expr::Placeholder(_) => Err(not_shared()),
                        e => Ok(Transformed::no(e)),
                    })
                })
            })
            .data()?;
        // Where a comparison was folded away, its value would go unchecked.
        if (0..types.len()).any(|value| slots.0.iter().all(|slot| slot.value != value)) {
            return Err(not_shared());
        }
        Ok((plan, slots))
    }

    /// Fills every slot.
    ///
    /// # Errors
    /// When a value does not fit: the statement needs a plan of its own, which says why.
    pub(super) fn fill(&self, values: &[ScalarValue]) -> Result<()> {
        let filled = self.0.iter().map(|slot| slot.convert(values)).collect::<Result<Vec<_>>>()?;
        for (slot, value) in self.0.iter().zip(filled) {
            *slot.cell.value.lock() = Some(value);
        }
        Ok(())
    }

    fn comparison(
        &mut self,
        binary: BinaryExpr,
        types: &[DataType],
        schema: &DFSchema,
    ) -> Result<Transformed<Expr>> {
        let BinaryExpr { left, op, right } = binary;
        if !is_comparison(op) {
            return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
        }
        let (left, right) = match (taken(&left)?, taken(&right)?) {
            (None, None) => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
            (Some(_), Some(_)) => return Err(not_shared()),
            (Some(taken), None) => {
                let (right, exact) = own_type(*right, schema)?;
                (self.slot(taken, exact, types)?, right)
            }
            (None, Some(taken)) => {
                let (left, exact) = own_type(*left, schema)?;
                (left, self.slot(taken, exact, types)?)
            }
        };
        Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr {
            left: Box::new(left),
            op,
            right: Box::new(right),
        })))
    }

    fn in_list(&mut self, of: InList, types: &[DataType], schema: &DFSchema) -> Result<Transformed<Expr>> {
        let taken = of.list.iter().map(taken).collect::<Result<Vec<_>>>()?;
        if taken.iter().all(Option::is_none) {
            return Ok(Transformed::no(Expr::InList(of)));
        }
        let (expr, exact) = own_type(*of.expr, schema)?;
        let list = taken
            .into_iter()
            .map(|taken| self.slot(taken.ok_or_else(not_shared)?, exact.clone(), types))
            .collect::<Result<Vec<_>>>()?;
        Ok(Transformed::yes(Expr::InList(InList { expr: Box::new(expr), list, negated: of.negated })))
    }

    fn slot(&mut self, taken: Taken, exact: Option<DataType>, types: &[DataType]) -> Result<Expr> {
        let Taken { value, casts } = taken;
        let of = types.get(value).ok_or_else(not_shared)?;
        let data_type = exact.as_ref().or(casts.last()).unwrap_or(of).clone();
        let cell = Arc::new(Cell { data_type, value: Mutex::default() });
        self.0.push(Slot { value, casts, exact, cell: cell.clone() });
        let function = SlotFunction { cell, signature: Signature::nullary(Volatility::Immutable) };
        Ok(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![])))
    }
}

impl Slot {
    fn convert(&self, values: &[ScalarValue]) -> Result<ScalarValue> {
        let value = values.get(self.value).ok_or_else(not_shared)?.clone();
        let mut converted = self.casts.iter().try_fold(value, |value, to| value.cast_to(to))?;
        if let Some(exact) = &self.exact {
            let fitted = converted.cast_to(exact)?;
            if fitted.cast_to(&converted.data_type())? != converted {
                return Err(not_shared());
            }
            converted = fitted;
        }
        if converted.is_null() || converted.data_type() != self.cell.data_type {
            return Err(not_shared());
        }
        Ok(converted)
    }
}

/// A placeholder with the conversions around it.
struct Taken {
    value: usize,
    casts: Vec<DataType>,
}

fn taken(mut expr: &Expr) -> Result<Option<Taken>> {
    let mut casts = vec![];
    loop {
        match expr {
            Expr::Cast(Cast { expr: inner, field }) => {
                casts.push(field.data_type().clone());
                expr = inner;
            }
            Expr::Placeholder(placeholder) => {
                casts.reverse();
                return Ok(Some(Taken { value: number(&placeholder.id)?, casts }));
            }
            _ => return Ok(None),
        }
    }
}

/// Reads `$7` as 6.
fn number(id: &str) -> Result<usize> {
    let number = id.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
    number.and_then(|n| n.checked_sub(1)).ok_or_else(not_shared)
}

/// The other side of a comparison without the conversion to the common type, and its own type, when a value that fits
/// that type compares the same there. With literals the engine does so itself.
fn own_type(expr: Expr, schema: &DFSchema) -> Result<(Expr, Option<DataType>)> {
    match expr {
        Expr::Cast(Cast { expr: inner, field }) => {
            let (from, to) = (inner.get_type(schema)?, field.data_type());
            if keeps_order(&from, to) {
                return Ok((*inner, Some(from)));
            }
            if from == *to || is_total(&from, to) {
                return Ok((Expr::Cast(Cast { expr: inner, field }), None));
            }
            Err(not_shared())
        }
        Expr::TryCast(_) => Err(not_shared()),
        expr => Ok((expr, None)),
    }
}

/// Whether the conversion keeps every value apart and in order, where it does not overflow.
fn keeps_order(from: &DataType, to: &DataType) -> bool {
    use DataType::{Decimal128, Timestamp};
    match (from, to) {
        (from, to) if from.is_signed_integer() && to.is_signed_integer() => {
            from.primitive_width() < to.primitive_width()
        }
        (Timestamp(from_unit, from_zone), Timestamp(to_unit, to_zone)) => {
            let utc = |zone: &Option<Arc<str>>| zone.as_deref().is_none_or(|z| matches!(z, "UTC" | "+00:00"));
            rank(*from_unit) <= rank(*to_unit)
                && (from_unit != to_unit || from_zone != to_zone)
                && (from_zone == to_zone || (utc(from_zone) && utc(to_zone)))
        }
        (Decimal128(p, s), Decimal128(wide, scale)) => {
            (p, s) != (wide, scale)
                && scale >= s
                && i16::from(*wide) - i16::from(*scale) >= i16::from(*p) - i16::from(*s)
        }
        _ => false,
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

fn rank(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}

/// Whether the conversion cannot fail and is made with literals as well.
fn is_total(from: &DataType, to: &DataType) -> bool {
    let is_text = |of: &DataType| matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match (from, to) {
        (from, to) if is_text(from) && is_text(to) => true,
        (DataType::Dictionary(_, value), to) => **value == *to || (is_text(value) && is_text(to)),
        (from, DataType::Float64) => {
            from.is_integer() || matches!(from, DataType::Float32 | DataType::Decimal128(..))
        }
        (DataType::Timestamp(..), DataType::Date32) => true,
        _ => false,
    }
}

fn has_placeholder(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expr| {
        found |= expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_))))?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn not_shared() -> DataFusionError {
    DataFusionError::Plan("the statement needs a plan of its own".to_owned())
}

/// Where a slot's value is kept. Empty while planning, so nothing of a plan can come from a value.
struct Cell {
    data_type: DataType,
    value: Mutex<Option<ScalarValue>>,
}

// The value stays out of logs.
impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cell({})", self.data_type)
    }
}

/// The slot as the engine sees it: a function without arguments. It is in no registry, so no statement can name it.
#[derive(Debug)]
struct SlotFunction {
    cell: Arc<Cell>,
    signature: Signature,
}

impl PartialEq for SlotFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl Eq for SlotFunction {}

impl Hash for SlotFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.cell).hash(state);
    }
}

impl ScalarUDFImpl for SlotFunction {
    fn name(&self) -> &str {
        "slot"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.cell.data_type.clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), self.cell.data_type.clone(), false)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = self.cell.value.lock().clone();
        value.map(ColumnarValue::Scalar).ok_or_else(not_shared)
    }
}
