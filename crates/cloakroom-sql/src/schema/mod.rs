//! The table: made when it is missing, checked when it is there.

mod check;
mod ddl;
mod questions;
mod types;

pub(crate) use check::check;
pub use check::{Mismatch, Problem};
pub use ddl::ddl;
pub(crate) use ddl::{creation, in_transaction};
pub(crate) use questions::{Question, TextRow, longest_statement, questions};

/// What happens to the table when the store is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Startup {
    /// Make the table and its indexes unless the table is there, then check it.
    ///
    /// Safe when many processes start at once. Needs the right to create a table only when it is missing.
    #[default]
    CreateIfMissing,
    /// Only check that the table is there and has the layout's shape, for people who run their own migrations
    /// (the text is [`ddl`]).
    CheckOnly,
    /// Neither ask nor change anything: a table of another shape shows as errors of the single statements. Also
    /// lets an application start while its database is down.
    Nothing,
}
