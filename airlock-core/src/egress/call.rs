//! L4 over function calls: the name, the form, the sizes.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments, Ident,
    ObjectName, ObjectNamePart, WindowFrame, WindowFrameBound, WindowSpec, WindowType,
};

use super::functions::{self, Kind, nearest};
use super::names::folded;
use super::operators::{JSON_HINT, check_pattern};
use super::refusal::quoted;
use super::walk::{Walk, unknown_form};
use super::{Detail, Refusal, Verdict, cost, types};

impl Walk<'_> {
    /// Walks a call; returns how much larger than its inputs its value may be.
    pub(super) fn function(&mut self, expr: &mut Expr) -> Result<u64, Verdict> {
        let Expr::Function(function) = expr else { return self.value(expr) };
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            filter,
            null_treatment: _,
            over,
            within_group,
        } = function;
        if *uses_odbc_syntax || *parameters != FunctionArguments::None {
            return Err(unknown_form("this form of call"));
        }
        let called = self.called(name)?;
        let Some(kind) = functions::kind(&called) else {
            // `user`, `current_role`: the parser reads them as calls although a column may be meant.
            if *args == FunctionArguments::None && self.is_column(&called) {
                *expr = Expr::Identifier(Ident::with_quote('"', called));
                return self.value(expr);
            }
            return Err(refused(&called));
        };
        if kind == Kind::Time {
            self.note_time();
        }
        if let Some(filter) = filter {
            self.expr(filter)?;
        }
        match over {
            None => {}
            Some(WindowType::WindowSpec(spec)) => self.window_spec(spec)?,
            Some(WindowType::NamedWindow(name)) => self.names.column(name),
        }
        self.order_by_exprs(within_group)?;
        match args {
            FunctionArguments::None => Ok(1),
            FunctionArguments::Subquery(_) => Err(Verdict::sql_hint(
                format!("{called} cannot take a query"),
                "put the query into its own brackets, or use array_agg",
            )),
            FunctionArguments::List(list) => {
                for clause in &mut list.clauses {
                    self.argument_clause(clause)?;
                }
                self.arguments(&called, kind, &mut list.args)
            }
        }
    }

    fn arguments(&mut self, called: &str, kind: Kind, args: &mut [FunctionArg]) -> Result<u64, Verdict> {
        let replanned = matches!(called, "map" | "make_map") || kind == Kind::HigherOrder;
        if replanned {
            self.enter_replanned()?;
        }
        let mut grown = Vec::with_capacity(args.len());
        let mut exprs: Vec<&Expr> = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => {
                    grown.push(match arg {
                        Expr::Lambda(lambda) if kind == Kind::HigherOrder => self.lambda(lambda)?,
                        _ => self.value(arg)?,
                    });
                    exprs.push(arg);
                }
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if called == "count" => {}
                FunctionArg::Unnamed(
                    FunctionArgExpr::Wildcard
                    | FunctionArgExpr::QualifiedWildcard(_)
                    | FunctionArgExpr::WildcardWithOptions(_),
                ) => return Err(Verdict::sql("* can stand in count(*) only")),
                FunctionArg::Named { name: _, arg: _, operator: _ }
                | FunctionArg::ExprNamed { name: _, arg: _, operator: _ } => {
                    return Err(Verdict::sql_hint(
                        "named arguments are not available",
                        "write the arguments in order",
                    ));
                }
            }
        }
        if replanned {
            self.leave_replanned();
        }
        match called {
            "regexp_like" | "regexp_match" | "regexp_replace" | "regexp_count" | "regexp_instr" => {
                exprs.get(1).map_or(Ok(()), |pattern| check_pattern(pattern))?;
            }
            "arrow_cast" | "arrow_try_cast" => {
                let plain = exprs.get(1).and_then(|e| cost::text(e)).is_some_and(types::is_plain_arrow);
                if !plain {
                    return Err(cost::unbounded(format!(
                        "{called} takes the name of a plain Arrow type, written down"
                    )));
                }
            }
            _ => {}
        }
        cost::growth_of_call(called, &exprs, &grown, self.limits)
    }

    /// The engine's name of the function, with synonyms of other dialects rewritten to it.
    fn called(&mut self, name: &mut ObjectName) -> Result<String, Verdict> {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
            return Err(refused(&name.to_string()));
        };
        let called = folded(ident);
        match functions::synonym(&called) {
            Some(ours) => {
                *name = ObjectName::from(vec![Ident::new(ours)]);
                Ok(ours.to_owned())
            }
            None => Ok(called),
        }
    }

    fn argument_clause(&mut self, clause: &mut FunctionArgumentClause) -> Result<(), Verdict> {
        match clause {
            FunctionArgumentClause::IgnoreOrRespectNulls(_) => Ok(()),
            FunctionArgumentClause::OrderBy(exprs) => self.order_by_exprs(exprs),
            FunctionArgumentClause::Limit(_)
            | FunctionArgumentClause::OnOverflow(_)
            | FunctionArgumentClause::Having(_)
            | FunctionArgumentClause::Separator(_)
            | FunctionArgumentClause::JsonNullClause(_)
            | FunctionArgumentClause::JsonReturningClause(_) => {
                Err(unknown_form("this clause inside a call"))
            }
        }
    }

    pub(super) fn window_spec(&mut self, spec: &mut WindowSpec) -> Result<(), Verdict> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        if let Some(name) = window_name {
            self.names.column(name);
        }
        self.exprs(partition_by)?;
        self.order_by_exprs(order_by)?;
        if let Some(WindowFrame { units: _, start_bound, end_bound }) = window_frame {
            for bound in std::iter::once(start_bound).chain(end_bound) {
                match bound {
                    WindowFrameBound::CurrentRow
                    | WindowFrameBound::Preceding(None)
                    | WindowFrameBound::Following(None) => {}
                    WindowFrameBound::Preceding(Some(distance))
                    | WindowFrameBound::Following(Some(distance)) => {
                        self.expr(distance)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn refused(name: &str) -> Verdict {
    let refusal = Refusal::new(
        Detail::FunctionNotAllowed,
        format!("function {} is not available", quoted(&name.to_lowercase())),
    );
    if name.starts_with("json") || name.starts_with("jsonb") {
        return refusal.with_hint(JSON_HINT).into();
    }
    let near = nearest(name, functions::names());
    match near.as_slice() {
        [] => refusal
            .with_hint("the usual PostgreSQL functions on text, numbers, dates and arrays are available")
            .into(),
        near => {
            let near: Vec<String> = near.iter().map(|n| quoted(n)).collect();
            refusal.with_hint(format!("did you mean {}?", near.join(" or "))).into()
        }
    }
}
