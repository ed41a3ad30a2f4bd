//! What the walk over the syntax tree carries along. Its arms are in `statement`, `table`, `expr` and `types`.
//!
//! Rules of the walk: every enum is matched arm by arm and every struct taken apart field by field, without `_ =>` or
//! `..`, so that whatever a new parser adds does not compile until someone has decided about it.

use std::collections::{BTreeSet, HashMap};

use datafusion::sql::sqlparser::ast::Ident;
use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use super::names::{Names, folded};
use super::{Detail, Refusal, TableShape, Verdict};
use crate::policy::limits::Limits;

/// The walk's state.
pub(super) struct Walk<'a> {
    pub(super) names: Names<'a>,
    pub(super) limits: &'a Limits,
    pub(super) block: Block,
    /// WITH entries in the statement so far.
    pub(super) cte_count: u64,
    shapes: &'a [TableShape],
    scopes: Vec<HashMap<String, Cost>>,
    read: BTreeSet<usize>,
    depth: u64,
    replanned: u32,
    time: bool,
}

/// What a query costs to plan, once its WITH entries are written out wherever they are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Relations in its tree.
    pub(super) relations: u64,
    /// How often one input column may come to stand in one output expression.
    pub(super) copies: u64,
}

impl Cost {
    /// A table's.
    pub(super) const ONE: Cost = Cost { relations: 1, copies: 1 };
    /// Of a query without relations.
    pub(super) const NONE: Cost = Cost { relations: 0, copies: 1 };

    /// Both side by side.
    pub(super) fn and(self, other: Cost) -> Cost {
        Cost {
            relations: self.relations.saturating_add(other.relations),
            copies: self.copies.max(other.copies),
        }
    }
}

/// What is counted in one query block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) cost: Cost,
    /// Relations named in this block's own FROM.
    pub(super) relations: u64,
    /// How often each column stands in the output expression being walked.
    pub(super) uses: HashMap<String, u64>,
}

impl Block {
    pub(super) fn new() -> Self {
        Self { cost: Cost::NONE, relations: 0, uses: HashMap::new() }
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(shapes: &'a [TableShape], tokens: &[TokenWithSpan], limits: &'a Limits) -> Self {
        Self {
            names: Names::new(shapes, tokens),
            limits,
            block: Block::new(),
            cte_count: 0,
            shapes,
            scopes: vec![],
            read: BTreeSet::new(),
            depth: 0,
            replanned: 0,
            time: false,
        }
    }

    /// Names of the tables read, sorted.
    pub(super) fn tables(&self) -> Vec<String> {
        let mut names: Vec<String> = self.read.iter().map(|&i| self.shapes[i].name.clone()).collect();
        names.sort();
        names
    }

    pub(super) fn uses_time(&self) -> bool {
        self.time
    }

    pub(super) fn note_time(&mut self) {
        self.time = true;
    }

    pub(super) fn note_table(&mut self, index: usize) {
        self.read.insert(index);
    }

    pub(super) fn enter_scope(&mut self) {
        self.scopes.push(HashMap::new());
    }

    pub(super) fn leave_scope(&mut self) {
        self.scopes.pop();
    }

    pub(super) fn define_cte(&mut self, name: &Ident, cost: Cost) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(folded(name), cost);
        }
    }

    /// The WITH entry of this name that is in scope.
    pub(super) fn cte(&self, name: &Ident) -> Option<Cost> {
        let name = folded(name);
        self.scopes.iter().rev().find_map(|scope| scope.get(&name).copied())
    }

    /// Whether some table of the snapshot has a column of this name.
    pub(super) fn is_column(&self, name: &str) -> bool {
        self.shapes.iter().any(|t| t.columns.iter().any(|c| c == name))
    }

    /// Enters a call whose arguments the planner plans more than once: nested, the work doubles per level.
    pub(super) fn enter_replanned(&mut self) -> Result<(), Verdict> {
        self.replanned += 1;
        if self.replanned > REPLANNED_DEPTH_MAX {
            return Err(Refusal::new(Detail::TooDeep, "map and lambda calls are nested too deeply").into());
        }
        Ok(())
    }

    pub(super) fn leave_replanned(&mut self) {
        self.replanned -= 1;
    }

    /// One level deeper. Chains of operators are walked without it; casts, subscripts and calls are not.
    pub(super) fn descend<T>(
        &mut self,
        walk: impl FnOnce(&mut Self) -> Result<T, Verdict>,
    ) -> Result<T, Verdict> {
        self.depth += 1;
        // A bracket is about three nodes of the tree: itself, a call, an operator.
        if self.depth > self.limits.max_nesting.saturating_mul(NODES_PER_LEVEL) {
            return Err(Refusal::new(Detail::TooDeep, "the statement's expressions are nested too deeply")
                .with_hint("use WITH to name the inner queries")
                .into());
        }
        let result = walk(self);
        self.depth -= 1;
        result
    }
}

/// A form of SQL that is no part of the dialect.
pub(super) fn unknown_form(what: &str) -> Verdict {
    Refusal::new(Detail::NotAQuery, format!("{what} is not available")).into()
}

const NODES_PER_LEVEL: u64 = 4;
const REPLANNED_DEPTH_MAX: u32 = 4;
