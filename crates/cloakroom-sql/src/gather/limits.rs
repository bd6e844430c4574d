//! The limits of gathering.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::retry::Retry;

/// How a store gathers: connections, length of its queues, size of a batch, time limit, retries.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_sql::{Connections, Gathering};
///
/// let gathering = Gathering::default()
///     .with_connections(Connections::One)
///     .with_time_limit(Duration::from_secs(2));
/// # let _ = gathering;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    connections: Connections,
    queue: NonZeroUsize,
    batch: NonZeroUsize,
    time_limit: Duration,
    retry: Retry,
}

/// How many connections of the application's pool sessions use at once, however many requests there are.
///
/// They are given back after every batch. While the pool looks whether one that came back is well, the next batch may
/// be given another, so sessions can cause a pool to keep a few more *open* than they ever have in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// Loads and writes take turns on one connection. A load then waits for the commit before it.
    One,
    /// One for loads and one for writes, so that a load never waits for a commit.
    ///
    /// Listing and counting take turns with the loads: a count of millions of sessions holds up every load of this
    /// node while it runs, at most for the time limit. Let reports have a store of their own, with
    /// [`Connections::One`]. An embedded database loads beside them.
    #[default]
    Two,
}

impl Gathering {
    const QUEUE: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
    const BATCH: NonZeroUsize = NonZeroUsize::new(256).unwrap();
    /// A load of so many keys has as many parameters. SQLite takes 32,766 of them.
    const LARGEST_BATCH: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();
    const TIME_LIMIT: Duration = Duration::from_secs(5);

    /// How many connections sessions use at most.
    ///
    /// Default: [`Connections::Two`]. Why: that is enough, because a batch keeps a connection busy whatever the
    /// number of requests. Cost: two connections of the pool, while there is session traffic.
    #[must_use]
    pub const fn with_connections(self, connections: Connections) -> Self {
        Self { connections, ..self }
    }

    /// How many operations may wait per connection. One more fails at once with
    /// [`ErrorKind::Overloaded`](cloakroom_core::ErrorKind::Overloaded), because a queue without a bound turns a
    /// slow database into a process without memory.
    ///
    /// Default: 4096. Why: more than a node has requests under way, and at ten thousand operations a second less
    /// than half a second's wait. Cost: the records that wait, in memory.
    #[must_use]
    pub const fn with_queue(self, queue: NonZeroUsize) -> Self {
        Self { queue, ..self }
    }

    /// How many operations a batch has at most. More than 4096 is taken for 4096, because the parameters of a
    /// statement have to stay within every database's bound.
    ///
    /// Default: 256. Why: beyond it the round trip no longer shows. Cost: an operation waits for the whole batch
    /// that it is in.
    #[must_use]
    pub const fn with_batch(self, batch: NonZeroUsize) -> Self {
        let batch = if batch.get() > Self::LARGEST_BATCH.get() { Self::LARGEST_BATCH } else { batch };
        Self { batch, ..self }
    }

    /// How long an operation may take, waiting and [retries](Retry) included.
    ///
    /// It holds for every verb, whatever the database does: refuses connections, accepts them and never answers, or
    /// has none to spare because the application uses all of its pool. What was not sent by then fails with
    /// [`ErrorKind::Unavailable`](cloakroom_core::ErrorKind::Unavailable), what was with
    /// [`ErrorKind::Unknown`](cloakroom_core::ErrorKind::Unknown). The busy timeout of a SQLite pool (5 s in sqlx)
    /// should be shorter, or a lock that another process keeps looks like the latter.
    ///
    /// Default: 5 s. Why: a visitor has given up by then, and requests must not pile up behind a stuck database.
    /// Cost: an operation that takes longer, such as counting millions of sessions, fails.
    #[must_use]
    pub const fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// Whether an operation that failed is tried again: see [`Retry`].
    #[must_use]
    pub const fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// How many connections sessions use at most.
    pub const fn connections(&self) -> Connections {
        self.connections
    }

    /// How many operations may wait per connection.
    pub const fn queue(&self) -> usize {
        self.queue.get()
    }

    /// How many operations a batch has at most.
    pub const fn batch(&self) -> usize {
        self.batch.get()
    }

    /// How long an operation may take, waiting included.
    pub const fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Whether an operation that failed is tried again.
    pub const fn retry(&self) -> Retry {
        self.retry
    }
}

impl Default for Gathering {
    fn default() -> Self {
        Self {
            connections: Connections::default(),
            queue: Self::QUEUE,
            batch: Self::BATCH,
            time_limit: Self::TIME_LIMIT,
            retry: Retry::default(),
        }
    }
}
