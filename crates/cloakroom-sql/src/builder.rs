//! Everything that can be chosen about a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::layout::{Layout, Name};
use cloakroom_core::{Clock, Record, StoreError, SystemClock};

use crate::codec::{Codec, Codecs};
use crate::connect;
use crate::database::Database;
#[cfg(feature = "embedded")]
use crate::embedded::Durability;
use crate::extra::{Fill, joined};
use crate::gather::Gathering;
use crate::schema::Startup;
use crate::store::{ErrorHook, SqlStore};
use crate::sweeper::Sweep;

/// A store that is being put together. Every choice has a default that is safe in production.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_core::layout::{Layout, Name};
/// use cloakroom_sql::{SqlStore, Startup, Sweep};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "embedded")] {
/// let store = SqlStore::builder("sqlite::memory:")
///     .layout(Layout::native().with_table(Name::new("web_sessions")?))
///     .extra_text(Name::new("tenant")?, |record| Some(record.data.get("tenant")?.as_str()?.to_owned()))
///     .startup(Startup::CreateIfMissing)
///     .sweep(Sweep::Every(Duration::from_secs(300)))
///     .on_error(|error| eprintln!("sessions: {error}"))
///     .build()
///     .await?;
/// # store.close().await;
/// # }
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct SqlStoreBuilder {
    pub(crate) database: Database,
    pub(crate) layout: Layout,
    pub(crate) codecs: Codecs,
    fills: Vec<(Name, Fill)>,
    pub(crate) startup: Startup,
    pub(crate) startup_limit: Duration,
    pub(crate) gathering: Gathering,
    pub(crate) sweep: Sweep,
    pub(crate) on_error: Option<ErrorHook>,
    pub(crate) clock: Arc<dyn Clock>,
    #[cfg(feature = "embedded")]
    pub(crate) durability: Durability,
}

impl SqlStoreBuilder {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            layout: Layout::native(),
            codecs: Codecs::default(),
            fills: Vec::new(),
            startup: Startup::default(),
            startup_limit: Duration::from_secs(30),
            gathering: Gathering::default(),
            sweep: Sweep::default(),
            on_error: None,
            clock: Arc::new(SystemClock),
            #[cfg(feature = "embedded")]
            durability: Durability::default(),
        }
    }

    /// Table, schema, column names, type of the data column.
    ///
    /// Default: [`Layout::native`], a table `sessions` in the connection's own schema.
    pub fn layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// How data is written from now on.
    ///
    /// Default: [`Codec::json`]. Why: the database can query it and people can read it. Rows that another codec wrote
    /// stay readable, if it is one of this crate's or named with [`SqlStoreBuilder::also_reads`].
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codecs.writes = codec;
        self
    }

    /// Another codec of the application's own that rows may still be written in.
    pub fn also_reads(mut self, codec: Codec) -> Self {
        self.codecs.reads.push(codec);
        self
    }

    /// A nullable text column of the application's own, filled from the session whenever it is written: a tenant, a
    /// user's name, whatever the application wants to query. Called again for the same session on every write, never
    /// on a touch. The column is written and never read.
    ///
    /// A text with a NUL in it, which PostgreSQL cannot keep, is an error of the write.
    ///
    /// One column takes one fill, of its own kind; anything else is an error of [`SqlStoreBuilder::build`].
    ///
    /// Put no UNIQUE constraint on such a column. The store takes a duplicate for one of the session's key, so a
    /// write that breaks the constraint fails with [`ErrorKind::Conflict`](cloakroom_core::ErrorKind::Conflict),
    /// however often it is tried again.
    pub fn extra_text(
        mut self,
        column: Name,
        fill: impl Fn(&Record) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.fills.push((column, Fill::Text(Arc::new(fill))));
        self
    }

    /// The same for a column of 64-bit integers. It must not be UNIQUE either.
    pub fn extra_integer(
        mut self,
        column: Name,
        fill: impl Fn(&Record) -> Option<i64> + Send + Sync + 'static,
    ) -> Self {
        self.fills.push((column, Fill::Integer(Arc::new(fill))));
        self
    }

    /// Whether the table is made, checked, or left alone when the store is built.
    ///
    /// Default: [`Startup::CreateIfMissing`]. Cost: two queries of the catalogue per start.
    pub fn startup(self, startup: Startup) -> Self {
        Self { startup, ..self }
    }

    /// How long making or checking the table may take.
    ///
    /// Default: 30 s. Why: a process that starts with its database may have to wait for it, and must not hang.
    pub fn startup_limit(self, limit: Duration) -> Self {
        Self { startup_limit: limit, ..self }
    }

    /// Connections, queue length, batch size and time limit: see [`Gathering`].
    pub fn gathering(self, gathering: Gathering) -> Self {
        Self { gathering, ..self }
    }

    /// When expired sessions are removed: see [`Sweep`].
    pub fn sweep(self, sweep: Sweep) -> Self {
        Self { sweep, ..self }
    }

    /// A hook that sees every error of the database, those of the sweeper included. It disables nothing: the next
    /// operation is tried as if nothing had happened.
    ///
    /// Conflicts and ended sessions are no errors of the database, and are not shown; neither is a failure that a
    /// [retry](crate::Retry) made good. Called on the task that met the
    /// error, so it should hand over and return.
    pub fn on_error(self, hook: impl Fn(&StoreError) + Send + Sync + 'static) -> Self {
        Self { on_error: Some(Box::new(hook)), ..self }
    }

    /// The clock that sweeping goes by. Default: the system's. The verbs are told the time by their caller.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// How much a committed write survives, for a `sqlite:` URL. A pool has its own settings.
    ///
    /// Default: [`Durability::Full`].
    #[cfg(feature = "embedded")]
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Connects, makes or checks the table, and starts sweeping. Has to be called in a tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`](cloakroom_core::ErrorKind::Schema) when the table is not what the layout says, with a
    /// [`Mismatch`](crate::Mismatch) as its source that names every difference, or when the layout and the
    /// extra columns use a name twice; `Unavailable` when the database cannot be reached in time; `Refused` when it says no, or the URL or
    /// SeaORM connection is of no use.
    ///
    /// # Cancel safety
    /// A dropped future may leave the table made.
    pub async fn build(mut self) -> Result<SqlStore, StoreError> {
        let (layout, extra) = joined(self.layout, std::mem::take(&mut self.fills));
        self.layout = layout;
        connect::build(self, extra).await
    }
}

impl fmt::Debug for SqlStoreBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqlStoreBuilder")
            .field("database", &self.database)
            .field("layout", &self.layout)
            .field("codecs", &self.codecs)
            .field("startup", &self.startup)
            .field("gathering", &self.gathering)
            .field("sweep", &self.sweep)
            .finish_non_exhaustive()
    }
}
