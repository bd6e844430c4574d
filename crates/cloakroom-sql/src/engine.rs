//! What stands between a store and its database: operations go in, outcomes come out.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::gather::Gather;
use crate::operation::{Operation, Outcome};

#[cfg(feature = "embedded")]
use crate::embedded::Embedded;

/// How operations reach the database.
#[derive(Debug)]
pub(crate) enum Engine {
    /// Everything is gathered and run by workers: the application's own pools.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    Gathered(Gather),
    /// Reads run where they are asked for, writes are gathered: a SQLite file of our own.
    #[cfg(feature = "embedded")]
    Embedded(Embedded),
}

impl Engine {
    /// Runs one operation and returns what it came to, at the latest when its time limit has passed.
    ///
    /// # Cancel safety
    /// A dropped future leaves the operation done or not done: what was not begun is not done any more.
    pub(crate) async fn submit(&self, operation: Operation) -> Outcome {
        match *self {
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            Self::Gathered(ref gather) => gather.submit(operation).await,
            #[cfg(feature = "embedded")]
            Self::Embedded(ref embedded) => embedded.submit(operation).await,
        }
    }

    /// Refuses new operations, finishes what waits as long as the time limit allows, and ends the workers.
    ///
    /// # Cancel safety
    /// A dropped future leaves the engine closed; what waits is still being finished.
    pub(crate) async fn close(&self) {
        match *self {
            #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
            Self::Gathered(ref gather) => gather.close().await,
            #[cfg(feature = "embedded")]
            Self::Embedded(ref embedded) => embedded.close().await,
        }
    }
}
