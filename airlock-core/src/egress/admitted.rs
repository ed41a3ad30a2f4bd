//! The proof that a statement may be planned, and the door at which it is made.

use datafusion::common::ScalarValue;

use super::template::Template;
use super::walk::Walk;
use super::{Checked, Refusal, parse};
use crate::policy::limits::Limits;

/// What admission knows of a snapshot's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Its name.
    pub name: String,
    /// Its columns' names.
    pub columns: Vec<String>,
}

/// Why a statement was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It could reach outside the snapshot, is no query, or is too large a one.
    Refused(Refusal),
    /// It is a query, and wrong.
    Sql {
        /// What is wrong; quotes no literal.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Verdict {
    pub(super) fn sql(message: impl Into<String>) -> Self {
        Self::Sql { message: message.into(), hint: None }
    }
    pub(super) fn sql_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Sql { message: message.into(), hint: Some(hint.into()) }
    }
}

impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// One read-only statement over known tables, with known functions and bounded shape. Only egress can make one; only
/// this can be planned. `Debug` names its tables, not its text.
pub struct AdmittedSql {
    whole: Template,
    uses_time: bool,
}

impl AdmittedSql {
    /// Tables of the snapshot that it reads, sorted.
    pub fn tables(&self) -> &[String] {
        self.whole.tables()
    }
    /// Whether its rows have a stated order.
    pub fn is_ordered(&self) -> bool {
        self.whole.is_ordered()
    }
    /// Whether its answer depends on the time of the call, so that a plan holds for one call only.
    pub fn uses_time(&self) -> bool {
        self.uses_time
    }
    /// The statement, and apart from it the values that it compares columns with.
    pub(crate) fn into_template(self) -> (Template, Vec<ScalarValue>) {
        let mut template = self.whole;
        let values = template.take_values();
        (template, values)
    }
    /// The statement with every value in its place.
    pub(crate) fn into_whole(self) -> Template {
        self.whole
    }
}

impl std::fmt::Debug for AdmittedSql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdmittedSql").field("tables", &self.tables()).finish_non_exhaustive()
    }
}

/// Admits one statement over these tables: layers L2 to L4.
///
/// Needs stack in proportion to `max_nesting`: give the thread 16 MiB.
///
/// # Errors
/// [`Verdict::Refused`] for what could reach outside the snapshot or is no bounded query, [`Verdict::Sql`] for
/// mistakes.
pub fn admit(sql: &Checked, tables: &[TableShape], limits: &Limits) -> Result<AdmittedSql, Verdict> {
    let mut query = parse::parse(sql, limits)?;
    let mut walk = Walk::new(tables, &sql.lexed().tokens, limits);
    walk.query(&mut query)?;
    Ok(AdmittedSql { uses_time: walk.uses_time(), whole: Template::new(query, walk.tables()) })
}
