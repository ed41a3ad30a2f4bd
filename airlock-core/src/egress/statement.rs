//! L3 and L4 over queries: WITH, SELECT, set operations, ORDER BY, LIMIT.

use datafusion::sql::sqlparser::ast::{
    Cte, Distinct, ExceptSelectItem, ExcludeSelectItem, Expr, Fetch, GroupByExpr, Ident, LimitClause,
    NamedWindowDefinition, NamedWindowExpr, ObjectName, ObjectNamePart, Offset, OrderBy, OrderByExpr,
    OrderByKind, OrderByOptions, Query, ReplaceSelectElement, ReplaceSelectItem, Select, SelectFlavor,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Values,
    WildcardAdditionalOptions, With,
};

use super::cost;
use super::refusal::quoted;
use super::walk::{Block, Cost, Walk, unknown_form};
use super::{Detail, Refusal, Verdict};

impl Walk<'_> {
    /// Walks one query, at any depth.
    pub(super) fn query(&mut self, query: &mut Query) -> Result<Cost, Verdict> {
        self.descend(|walk| {
            walk.enter_scope();
            let cost = walk.query_in_scope(query);
            walk.leave_scope();
            cost
        })
    }

    fn query_in_scope(&mut self, query: &mut Query) -> Result<Cost, Verdict> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() {
            return Err(Refusal::new(Detail::LockingClause, "locking clauses are not available")
                .with_hint("leave out FOR UPDATE and FOR SHARE: the snapshot does not change")
                .into());
        }
        if for_clause.is_some() || settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty()
        {
            return Err(unknown_form("a FOR, SETTINGS, FORMAT or pipe clause"));
        }
        if let Some(with) = with {
            self.with(with)?;
        }
        let outer = std::mem::replace(&mut self.block, Block::new());
        let body_cost = self.set_expr(body)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by)?;
        }
        if let Some(limit) = limit_clause {
            limit_only_constants(limit)?;
        }
        if let Some(fetch) = fetch.take() {
            fetch_as_limit(fetch, limit_clause)?;
        }
        let own = std::mem::replace(&mut self.block, outer);
        self.bounded(body_cost.and(own.cost))
    }

    fn with(&mut self, with: &mut With) -> Result<(), Verdict> {
        let With { with_token: _, recursive, cte_tables } = with;
        if *recursive {
            return Err(Refusal::new(Detail::RecursiveCte, "WITH RECURSIVE is not available")
                .with_hint("join the table with itself once per level")
                .into());
        }
        self.cte_count += cte_tables.len() as u64;
        if self.cte_count > self.limits.max_ctes {
            return Err(cost::too_large(format!("more than {} WITH entries", self.limits.max_ctes)));
        }
        for cte in cte_tables {
            let Cte { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
            if from.is_some() {
                return Err(unknown_form("WITH … FROM"));
            }
            let cost = self.query(query)?;
            self.table_alias(alias)?;
            self.define_cte(&alias.name, cost);
        }
        Ok(())
    }

    fn set_expr(&mut self, mut body: &mut SetExpr) -> Result<Cost, Verdict> {
        let mut cost = Cost::NONE;
        // UNION chains lean to the left: walked in a loop.
        loop {
            match body {
                SetExpr::SetOperation { left, op, set_quantifier, right } => {
                    match op {
                        SetOperator::Union | SetOperator::Except | SetOperator::Intersect => {}
                        SetOperator::Minus => return Err(unknown_form("MINUS")),
                    }
                    match set_quantifier {
                        SetQuantifier::All
                        | SetQuantifier::Distinct
                        | SetQuantifier::None
                        | SetQuantifier::ByName
                        | SetQuantifier::AllByName
                        | SetQuantifier::DistinctByName => {}
                    }
                    let right = self.descend(|walk| walk.set_expr(right))?;
                    cost = cost.and(right);
                    body = left;
                }
                SetExpr::Select(select) => return Ok(cost.and(self.select(select)?)),
                SetExpr::Query(query) => return Ok(cost.and(self.query(query)?)),
                SetExpr::Values(values) => return Ok(cost.and(self.values(values)?)),
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                    return Err(Refusal::new(
                        Detail::NotAQuery,
                        "the statement changes data; only reading is possible",
                    )
                    .into());
                }
                SetExpr::Table(_) => return Err(unknown_form("TABLE name")),
            }
        }
    }

    fn values(&mut self, values: &mut Values) -> Result<Cost, Verdict> {
        let Values { explicit_row: _, value_keyword: _, rows } = values;
        for row in rows {
            for expr in &mut row.content {
                self.expr(expr)?;
            }
        }
        Ok(Cost::ONE)
    }

    fn select(&mut self, select: &mut Select) -> Result<Cost, Verdict> {
        let outer = std::mem::replace(&mut self.block, Block::new());
        let copies = self.select_parts(select)?;
        let block = std::mem::replace(&mut self.block, outer);
        cost::check_copies(block.cost.copies.saturating_mul(copies), select.projection.len() as u64)?;
        self.bounded(Cost { copies: block.cost.copies.saturating_mul(copies), ..block.cost })
    }

    /// Walks the parts; returns how often at most one input column stands in one output expression.
    fn select_parts(&mut self, select: &mut Select) -> Result<u64, Verdict> {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return Err(
                Refusal::new(Detail::SelectInto, "SELECT INTO writes; only reading is possible").into()
            );
        }
        if !optimizer_hints.is_empty()
            || select_modifiers.is_some()
            || top.is_some()
            || value_table_mode.is_some()
        {
            return Err(unknown_form("a hint or modifier after SELECT"));
        }
        if exclude.is_some() || !lateral_views.is_empty() || prewhere.is_some() || !connect_by.is_empty() {
            return Err(unknown_form("EXCLUDE after the columns, LATERAL VIEW, PREWHERE or CONNECT BY"));
        }
        if !cluster_by.is_empty() || !distribute_by.is_empty() || !sort_by.is_empty() {
            return Err(unknown_form("CLUSTER BY, DISTRIBUTE BY or SORT BY"));
        }
        match flavor {
            SelectFlavor::Standard => {}
            SelectFlavor::FromFirst | SelectFlavor::FromFirstNoSelect => {
                return Err(unknown_form("FROM before SELECT"));
            }
        }
        for table in from {
            self.table_with_joins(table)?;
        }
        if projection.len() as u64 > self.limits.max_projection {
            return Err(cost::too_large(format!("more than {} output columns", self.limits.max_projection)));
        }
        let mut copies = 1;
        for item in projection {
            self.block.uses.clear();
            self.select_item(item)?;
            copies = copies.max(self.block.uses.values().copied().max().unwrap_or(1));
        }
        match distinct {
            None | Some(Distinct::All | Distinct::Distinct) => {}
            Some(Distinct::On(exprs)) => self.exprs(exprs)?,
        }
        self.exprs(selection)?;
        self.group_by(group_by)?;
        self.exprs(having)?;
        for window in named_window {
            let NamedWindowDefinition(name, definition) = window;
            self.names.column(name);
            match definition {
                NamedWindowExpr::NamedWindow(other) => self.names.column(other),
                NamedWindowExpr::WindowSpec(spec) => self.window_spec(spec)?,
            }
        }
        self.exprs(qualify)?;
        Ok(copies)
    }

    fn select_item(&mut self, item: &mut SelectItem) -> Result<(), Verdict> {
        match item {
            SelectItem::UnnamedExpr(expr) => self.expr(expr),
            SelectItem::ExprWithAlias { expr, alias } => {
                self.expr(expr)?;
                self.names.column(alias);
                Ok(())
            }
            SelectItem::ExprWithAliases { expr: _, aliases: _ } => {
                Err(unknown_form("more than one alias for a column"))
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                self.qualifier(name)?;
                self.wildcard(options)
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
                Err(unknown_form("expression.*"))
            }
            SelectItem::Wildcard(options) => self.wildcard(options),
        }
    }

    /// Spells the `t` of `t.*`.
    fn qualifier(&mut self, name: &mut ObjectName) -> Result<(), Verdict> {
        let mut parts: Vec<Ident> = Vec::with_capacity(2);
        for part in &name.0 {
            match part {
                ObjectNamePart::Identifier(ident) => parts.push(ident.clone()),
                ObjectNamePart::Function(_) => return Err(unknown_form("a computed name")),
            }
        }
        // As the qualifier of a column, so that both are spelled alike.
        parts.push(Ident::with_quote('"', "*"));
        self.names.compound(&mut parts);
        parts.pop();
        *name = ObjectName::from(parts);
        Ok(())
    }

    fn wildcard(&mut self, options: &mut WildcardAdditionalOptions) -> Result<(), Verdict> {
        let WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        if opt_ilike.is_some() || opt_rename.is_some() || opt_alias.is_some() {
            return Err(unknown_form("* with ILIKE, RENAME or an alias"));
        }
        match opt_exclude {
            None => {}
            Some(ExcludeSelectItem::Single(name)) => self.column_name(name)?,
            Some(ExcludeSelectItem::Multiple(names)) => {
                for name in names {
                    self.column_name(name)?;
                }
            }
        }
        if let Some(ExceptSelectItem { first_element, additional_elements }) = opt_except {
            self.names.column(first_element);
            additional_elements.iter_mut().for_each(|e| self.names.column(e));
        }
        if let Some(ReplaceSelectItem { items }) = opt_replace {
            for item in items {
                let ReplaceSelectElement { expr, column_name, as_keyword: _ } = item.as_mut();
                self.expr(expr)?;
                self.names.column(column_name);
            }
        }
        Ok(())
    }

    /// Spells one unqualified column written where the parser expects an object's name.
    pub(super) fn column_name(&mut self, name: &mut ObjectName) -> Result<(), Verdict> {
        match name.0.as_mut_slice() {
            [ObjectNamePart::Identifier(ident)] => {
                self.names.column(ident);
                Ok(())
            }
            _ => Err(Verdict::sql(format!("{} must be one column's name", quoted(&name.to_string())))),
        }
    }

    fn group_by(&mut self, group_by: &mut GroupByExpr) -> Result<(), Verdict> {
        let (exprs, modifiers) = match group_by {
            GroupByExpr::All(modifiers) => (None, modifiers),
            GroupByExpr::Expressions(exprs, modifiers) => (Some(exprs), modifiers),
        };
        if !modifiers.is_empty() {
            return Err(Verdict::sql_hint(
                "GROUP BY … WITH is not available",
                "write GROUP BY ROLLUP (…) or CUBE (…)",
            ));
        }
        if let Some(exprs) = exprs {
            cost::check_grouping(exprs)?;
            self.exprs(exprs)?;
        }
        Ok(())
    }

    fn order_by(&mut self, order_by: &mut OrderBy) -> Result<(), Verdict> {
        let OrderBy { kind, interpolate } = order_by;
        if interpolate.is_some() {
            return Err(unknown_form("INTERPOLATE"));
        }
        match kind {
            OrderByKind::All(OrderByOptions { asc: _, nulls_first: _ }) => Ok(()),
            OrderByKind::Expressions(exprs) => self.order_by_exprs(exprs),
        }
    }

    pub(super) fn order_by_exprs(&mut self, exprs: &mut [OrderByExpr]) -> Result<(), Verdict> {
        for expr in exprs {
            let OrderByExpr { expr, options: OrderByOptions { asc: _, nulls_first: _ }, with_fill } = expr;
            if with_fill.is_some() {
                return Err(unknown_form("WITH FILL"));
            }
            self.expr(expr)?;
        }
        Ok(())
    }

    /// Refuses what would take the planner too long once WITH entries are written out.
    fn bounded(&self, cost: Cost) -> Result<Cost, Verdict> {
        cost::check(cost)?;
        Ok(cost)
    }
}

fn limit_only_constants(limit: &LimitClause) -> Result<(), Verdict> {
    match limit {
        LimitClause::LimitOffset { limit, offset, limit_by } => {
            if !limit_by.is_empty() {
                return Err(unknown_form("LIMIT BY"));
            }
            limit.iter().try_for_each(constant)?;
            match offset {
                None => Ok(()),
                Some(Offset { value, rows: _ }) => constant(value),
            }
        }
        LimitClause::OffsetCommaLimit { offset, limit } => {
            constant(offset)?;
            constant(limit)
        }
    }
}

fn constant(expr: &Expr) -> Result<(), Verdict> {
    match cost::integer(expr) {
        Some(n) if n >= 0 => Ok(()),
        _ => Err(Verdict::sql("LIMIT and OFFSET take a whole number")),
    }
}

/// `FETCH FIRST n ROWS ONLY` as the LIMIT that the engine knows.
fn fetch_as_limit(fetch: Fetch, clause: &mut Option<LimitClause>) -> Result<(), Verdict> {
    let Fetch { with_ties, percent, quantity } = fetch;
    if with_ties || percent {
        return Err(Verdict::sql_hint(
            "FETCH … WITH TIES and PERCENT are not available",
            "use rank() in a subquery",
        ));
    }
    let rows = match quantity {
        Some(expr) => {
            constant(&expr)?;
            expr
        }
        None => cost::one(),
    };
    match clause {
        None => {
            *clause = Some(LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: vec![] })
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, offset: _, limit_by: _ }) => *limit = Some(rows),
        Some(LimitClause::LimitOffset { .. } | LimitClause::OffsetCommaLimit { .. }) => {
            return Err(Verdict::sql("LIMIT and FETCH cannot stand together"));
        }
    }
    Ok(())
}
