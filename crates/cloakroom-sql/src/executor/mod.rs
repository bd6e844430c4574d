//! What runs a batch of operations on one connection: one file per kind of driver.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod admission;
#[cfg(feature = "postgres")]
pub(crate) mod arrays;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) mod driver;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod lease;
#[cfg(feature = "postgres")]
mod parameters;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
pub(crate) mod rows;
#[cfg(feature = "embedded")]
pub(crate) mod rusqlite;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod scopes;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) mod startup;

use std::future::Future;

use crate::failure::Failure;
use crate::gather::Direction;
use crate::operation::{Operation, Outcome};

/// Runs batches, one after another.
///
/// A worker owns its executor. The gathering above it sees to it that the operations of a batch name distinct keys
/// (a `Rename` names two), that a batch holds either only loads or only writes (`Create`, `Save`, `Touch`,
/// `Rename`, `Delete`), and that every other operation comes alone.
pub(crate) trait Executor: Send + 'static {
    /// What a batch needs before it can be begun: a connection. Dropping it gives that back.
    type Ready: Send;

    /// Gets ready for a batch of that direction, for as long as that takes. Nobody's operation is begun meanwhile.
    ///
    /// # Errors
    /// What keeps every operation from being begun.
    ///
    /// # Cancel safety
    /// A dropped future has no effect.
    fn prepare(&mut self, direction: Direction) -> impl Future<Output = Result<Self::Ready, Failure>> + Send;

    /// Runs a batch and answers in its order, one outcome per operation.
    ///
    /// An operation that fails for a reason of its own does not spoil the others.
    ///
    /// # Cancel safety
    /// A dropped future leaves each operation applied or not applied, and the executor ready for the next batch.
    fn run(&mut self, ready: Self::Ready, batch: Vec<Operation>)
    -> impl Future<Output = Vec<Outcome>> + Send;
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
/// The key that an operation is about: for a rename, the old one.
fn key(operation: &Operation) -> Option<&cloakroom_core::StoreKey> {
    match operation {
        Operation::Load { key }
        | Operation::Create { key, .. }
        | Operation::Save { key, .. }
        | Operation::Touch { key, .. }
        | Operation::Rename { from: key, .. }
        | Operation::Delete { key } => Some(key),
        Operation::Sweep { .. }
        | Operation::List { .. }
        | Operation::Count { .. }
        | Operation::End { .. }
        | Operation::Admit(_) => None,
    }
}
