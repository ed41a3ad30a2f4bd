//! L3 and L4 over FROM: tables, joins, derived tables, table functions.

use datafusion::sql::sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs, TableWithJoins,
};

use super::cost;
use super::names::folded;
use super::refusal::quoted;
use super::walk::{Cost, Walk, unknown_form};
use super::{Detail, Refusal, Verdict};

impl Walk<'_> {
    pub(super) fn table_with_joins(&mut self, table: &mut TableWithJoins) -> Result<(), Verdict> {
        let TableWithJoins { relation, joins } = table;
        self.table_factor(relation)?;
        for join in joins {
            let Join { relation, global, join_operator } = join;
            if *global {
                return Err(unknown_form("GLOBAL JOIN"));
            }
            self.table_factor(relation)?;
            self.join_operator(join_operator)?;
        }
        Ok(())
    }

    fn join_operator(&mut self, operator: &mut JoinOperator) -> Result<(), Verdict> {
        match operator {
            JoinOperator::Join(on)
            | JoinOperator::Inner(on)
            | JoinOperator::Left(on)
            | JoinOperator::LeftOuter(on)
            | JoinOperator::Right(on)
            | JoinOperator::RightOuter(on)
            | JoinOperator::FullOuter(on)
            | JoinOperator::CrossJoin(on)
            | JoinOperator::Semi(on)
            | JoinOperator::LeftSemi(on)
            | JoinOperator::RightSemi(on)
            | JoinOperator::Anti(on)
            | JoinOperator::LeftAnti(on)
            | JoinOperator::RightAnti(on) => match on {
                JoinConstraint::On(expr) => self.expr(expr),
                JoinConstraint::Using(names) => names.iter_mut().try_for_each(|name| self.column_name(name)),
                JoinConstraint::Natural | JoinConstraint::None => Ok(()),
            },
            JoinOperator::CrossApply
            | JoinOperator::OuterApply
            | JoinOperator::AsOf { match_condition: _, constraint: _ }
            | JoinOperator::StraightJoin(_)
            | JoinOperator::ArrayJoin
            | JoinOperator::LeftArrayJoin
            | JoinOperator::InnerArrayJoin => Err(unknown_form("this kind of join")),
        }
    }

    fn table_factor(&mut self, factor: &mut TableFactor) -> Result<(), Verdict> {
        self.descend(|walk| walk.table_factor_here(factor))
    }

    fn table_factor_here(&mut self, factor: &mut TableFactor) -> Result<(), Verdict> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if sample.is_some() {
                    // The engine would read the whole table without saying so.
                    return Err(Refusal::new(Detail::NotAQuery, "TABLESAMPLE is not available")
                        .with_hint("write WHERE random() < 0.1")
                        .into());
                }
                if !with_hints.is_empty() || !index_hints.is_empty() || !partitions.is_empty() {
                    return Err(unknown_form("a table hint or partition"));
                }
                if version.is_some() || json_path.is_some() {
                    return Err(unknown_form("a table version or path"));
                }
                if *with_ordinality {
                    return Err(unknown_form("WITH ORDINALITY"));
                }
                match args {
                    None => self.relation(name, alias)?,
                    Some(TableFunctionArgs { args, settings }) => {
                        if settings.is_some() {
                            return Err(unknown_form("SETTINGS"));
                        }
                        self.table_function(name, args)?;
                    }
                }
                self.table_alias_option(alias)
            }
            TableFactor::Derived { lateral: _, subquery, alias, sample } => {
                if sample.is_some() {
                    return Err(unknown_form("TABLESAMPLE"));
                }
                let cost = self.query(subquery)?;
                self.count_relation(cost)?;
                self.table_alias_option(alias)
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                if *with_ordinality {
                    return Err(unknown_form("WITH ORDINALITY"));
                }
                self.table_function(name, args)?;
                self.table_alias_option(alias)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                if *with_offset || with_offset_alias.is_some() || *with_ordinality {
                    return Err(unknown_form("UNNEST WITH OFFSET or ORDINALITY"));
                }
                self.exprs(array_exprs)?;
                self.count_relation(Cost::ONE)?;
                self.table_alias_option(alias)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                self.table_with_joins(table_with_joins)?;
                self.table_alias_option(alias)
            }
            TableFactor::TableFunction { expr: _, alias: _ } => {
                Err(Refusal::new(Detail::TableFunctionNotAllowed, "TABLE(…) is not available").into())
            }
            TableFactor::JsonTable { json_expr: _, json_path: _, columns: _, alias: _ }
            | TableFactor::OpenJsonTable { json_expr: _, json_path: _, columns: _, alias: _ }
            | TableFactor::XmlTable { namespaces: _, row_expression: _, passing: _, columns: _, alias: _ } => {
                Err(Refusal::new(Detail::TableFunctionNotAllowed, "JSON and XML tables are not available")
                    .into())
            }
            TableFactor::Pivot {
                table: _,
                aggregate_functions: _,
                value_column: _,
                value_source: _,
                default_on_null: _,
                alias: _,
            }
            | TableFactor::Unpivot { table: _, value: _, name: _, columns: _, null_inclusion: _, alias: _ } => {
                Err(Refusal::new(Detail::NotAQuery, "PIVOT and UNPIVOT are not available")
                    .with_hint("write sum(x) FILTER (WHERE key = …) AS … per column")
                    .into())
            }
            TableFactor::MatchRecognize {
                table: _,
                partition_by: _,
                order_by: _,
                measures: _,
                rows_per_match: _,
                after_match_skip: _,
                pattern: _,
                symbols: _,
                alias: _,
            } => Err(unknown_form("MATCH_RECOGNIZE")),
            TableFactor::SemanticView {
                name: _,
                dimensions: _,
                metrics: _,
                facts: _,
                where_clause: _,
                alias: _,
            } => Err(unknown_form("SEMANTIC_VIEW")),
        }
    }

    /// A name in FROM: a WITH entry in scope, else a table of the snapshot.
    fn relation(&mut self, name: &mut ObjectName, alias: &mut Option<TableAlias>) -> Result<(), Verdict> {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice()
            && ident.quote_style.is_none_or(|q| q == '"')
        {
            let mut spelled = ident.clone();
            self.names.relation(&mut spelled);
            if let Some(cost) = self.cte(&spelled) {
                *ident = spelled;
                return self.count_relation(cost);
            }
        }
        let (index, called) = self.names.table(name)?;
        self.note_table(index);
        if let (Some(called), None) = (called, &alias) {
            *alias = Some(TableAlias { explicit: true, name: called, columns: vec![], at: None });
        }
        self.count_relation(Cost::ONE)
    }

    fn table_function(&mut self, name: &mut ObjectName, args: &mut [FunctionArg]) -> Result<(), Verdict> {
        let called = match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => folded(ident),
            _ => name.to_string(),
        };
        if !matches!(called.as_str(), "generate_series" | "range") {
            return Err(Refusal::new(
                Detail::TableFunctionNotAllowed,
                format!("table function {} is not available", quoted(&called)),
            )
            .with_hint("only generate_series and range can stand in FROM")
            .into());
        }
        *name = ObjectName::from(vec![Ident::new(called.clone())]);
        let mut exprs = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => exprs.push(expr),
                FunctionArg::Unnamed(
                    FunctionArgExpr::QualifiedWildcard(_)
                    | FunctionArgExpr::Wildcard
                    | FunctionArgExpr::WildcardWithOptions(_),
                )
                | FunctionArg::Named { name: _, arg: _, operator: _ }
                | FunctionArg::ExprNamed { name: _, arg: _, operator: _ } => {
                    return Err(Verdict::sql(format!("{called} takes plain arguments")));
                }
            }
        }
        for expr in &mut exprs {
            self.expr(expr)?;
        }
        cost::check_series(&called, &exprs.iter().map(|e| &**e).collect::<Vec<_>>(), self.limits)?;
        self.count_relation(Cost::ONE)
    }

    fn count_relation(&mut self, cost: Cost) -> Result<(), Verdict> {
        self.block.relations += 1;
        if self.block.relations > self.limits.max_joins {
            return Err(cost::too_large(format!(
                "more than {} relations in one query",
                self.limits.max_joins
            )));
        }
        self.block.cost = self.block.cost.and(cost);
        cost::check(self.block.cost)
    }

    fn table_alias_option(&mut self, alias: &mut Option<TableAlias>) -> Result<(), Verdict> {
        alias.as_mut().map_or(Ok(()), |alias| self.table_alias(alias))
    }

    pub(super) fn table_alias(&mut self, alias: &mut TableAlias) -> Result<(), Verdict> {
        let TableAlias { explicit: _, name, columns, at } = alias;
        if at.is_some() {
            return Err(unknown_form("an alias with AT"));
        }
        self.names.relation(name);
        for column in columns {
            let TableAliasColumnDef { name, data_type } = column;
            if data_type.is_some() {
                return Err(unknown_form("an alias with column types"));
            }
            self.names.column(name);
        }
        Ok(())
    }
}
