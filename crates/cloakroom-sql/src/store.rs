//! The store: verbs go in as operations, answers come out as records.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use cloakroom_core::layout::Layout;
use cloakroom_core::{
    Admission, Admitted, Clock, ErrorKind, Loaded, Operation as Verb, Page, Put, Random, Record, Scope,
    Store, StoreError, StoreFuture, StoreKey, Stored, Summary, Swept, SystemRandom, Timestamp, Touch,
    Version,
};

use crate::builder::SqlStoreBuilder;
use crate::codec::{BoxError, Codecs};
use crate::database::Database;
use crate::dialect::Dialect;
use crate::engine::Engine;
use crate::extra::Extra;
use crate::operation::{Answer, Operation, Row};
use crate::row;
use crate::schema::ddl;
use crate::sweeper::{Sweepable, Sweeper, sweep_now};

/// Sessions in SQLite, PostgreSQL, MySQL or MariaDB.
///
/// Cloning is cheap; all clones share their connections and their sweeper, which stops with the last of them.
///
/// `list` and `count` are for the sessions of a user and for reports. On a pool they take turns with the loads, so
/// that a count of millions of sessions holds up every request's load, at most for the
/// [time limit](crate::Gathering::with_time_limit). Let such reports have a store of their own with
/// [`Connections::One`](crate::Connections::One), which takes one more connection of the pool. An embedded database
/// loads beside them.
///
/// ```
/// use cloakroom_sql::SqlStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom_core::StoreError> {
/// # #[cfg(feature = "embedded")] {
/// let store = SqlStore::open("sqlite::memory:").await?;
/// store.close().await;
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) core: Arc<Core>,
    pub(crate) dialect: Dialect,
    pub(crate) layout: Layout,
    pub(crate) codecs: Codecs,
    /// In bytes, where the database has a limit.
    pub(crate) longest_payload: Option<usize>,
    pub(crate) extra: Vec<Extra>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sweeper: Sweeper,
}

/// What the store shares with its sweeper, which must not keep the store itself alive.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    pub(crate) on_error: Option<ErrorHook>,
}

/// See [`SqlStoreBuilder::on_error`].
pub(crate) type ErrorHook = Box<dyn Fn(&StoreError) + Send + Sync>;

/// The longest key in bytes that every database takes as a primary key. Native keys have 32.
const LONGEST_KEY: usize = 255;

/// The most rows that one sweep looks at, whatever its caller allows. A key is a parameter of the statement: SQLite
/// takes 32,766 of them, MySQL 65,535.
const SWEPT_AT_ONCE: NonZeroU32 = NonZeroU32::new(1_024).unwrap();

impl SqlStore {
    /// A store with everything at its default: see [`Database`] for what a URL may be.
    ///
    /// # Errors
    /// As for [`SqlStoreBuilder::build`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).build().await
    }

    /// Begins a store on the application's own pool, a SeaORM connection, or a URL.
    pub fn builder(database: impl Into<Database>) -> SqlStoreBuilder {
        SqlStoreBuilder::new(database.into())
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Removes every session that has expired by now, in small batches, and returns how many that were.
    ///
    /// For a job of the application's own, with [`Sweep::Off`](crate::Sweep::Off) or besides it.
    ///
    /// # Errors
    /// As for [`Store::sweep`]; what was removed until then stays removed.
    ///
    /// # Cancel safety
    /// A dropped future stops after the batch that it has begun.
    pub async fn sweep_now(&self) -> Result<u64, StoreError> {
        sweep_now(self.inner.core.as_ref(), self.inner.clock.now()).await
    }

    /// Stops sweeping, refuses new operations, and finishes those that wait, within the time limit of one operation.
    ///
    /// An application's own pool stays open. Close the store first, then the pool.
    ///
    /// # Cancel safety
    /// A dropped future leaves the store closed; what waits is still being finished.
    pub async fn close(&self) {
        self.inner.sweeper.stop().await;
        self.inner.core.engine.close().await;
    }

    /// Which kind of database it is on.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// How its rows lie in the table.
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// The statements that make its table.
    pub fn ddl(&self) -> String {
        ddl(&self.inner.layout, self.inner.dialect)
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqlStore")
            .field("dialect", &self.inner.dialect)
            .field("engine", &self.inner.core.engine)
            .finish_non_exhaustive()
    }
}

impl Core {
    async fn submit(&self, operation: Operation) -> Result<Answer, StoreError> {
        let outcome = self.engine.submit(operation).await;
        if let Err(error) = &outcome {
            self.report(error);
        }
        outcome
    }

    /// Shows an error to the application's hook, unless it is an answer: another writer was first, or the session is
    /// gone.
    fn report(&self, error: &StoreError) {
        if let Some(hook) = &self.on_error
            && !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Gone)
        {
            hook(error);
        }
    }
}

impl Sweepable for Core {
    async fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> Result<Swept, StoreError> {
        let limit = limit.min(SWEPT_AT_ONCE);
        match self.submit(Operation::Sweep { limit, now }).await? {
            Answer::Swept(swept) => Ok(swept),
            _ => Err(StoreError::new(ErrorKind::Unknown, Verb::Sweep, "sql")),
        }
    }
}

impl Inner {
    fn error(&self, kind: ErrorKind, verb: Verb) -> StoreError {
        StoreError::new(kind, verb, self.dialect.name())
    }

    fn reported(&self, kind: ErrorKind, verb: Verb, source: impl Into<BoxError>) -> StoreError {
        let error = self.error(kind, verb).with_source(source);
        self.core.report(&error);
        error
    }

    pub(crate) async fn run(&self, operation: Operation) -> Result<Answer, StoreError> {
        self.core.submit(operation).await
    }

    /// For an answer of another kind than the operation has, which no executor gives.
    pub(crate) fn mismatched(&self, verb: Verb) -> StoreError {
        self.error(ErrorKind::Unknown, verb).with_source("the store answered another question")
    }

    async fn write(&self, operation: Operation) -> Result<Version, StoreError> {
        let verb = operation.verb();
        match self.run(operation).await? {
            Answer::Version(version) => Ok(Version::number(version)),
            _ => Err(self.mismatched(verb)),
        }
    }

    async fn counted(&self, operation: Operation) -> Result<u64, StoreError> {
        let verb = operation.verb();
        match self.run(operation).await? {
            Answer::Counted(count) => Ok(count),
            _ => Err(self.mismatched(verb)),
        }
    }

    pub(crate) fn encoded(&self, record: &Record, verb: Verb) -> Result<Row, StoreError> {
        let extra = self.extra.iter().map(|extra| extra.value(record)).collect::<Result<_, _>>();
        let row = extra
            .and_then(|extra| row::write(record, extra, &self.codecs, self.layout.data()))
            .map_err(|source| self.reported(ErrorKind::Refused, verb, source))?;
        if self.longest_payload.is_some_and(|longest| row.payload.len() > longest) {
            return Err(self.reported(ErrorKind::TooLarge, verb, "longer than MySQL's max_allowed_packet"));
        }
        Ok(row)
    }

    /// A key that is to be written must fit its column whole: a database may cut it off.
    pub(crate) fn fitting(&self, key: &StoreKey, verb: Verb) -> Result<StoreKey, StoreError> {
        if key.as_bytes().len() > LONGEST_KEY {
            return Err(self.reported(ErrorKind::TooLarge, verb, "the key has more than 255 bytes"));
        }
        Ok(key.clone())
    }

    /// What a rename of a key to itself fails with, which no statement could tell from success.
    async fn taken(&self, key: &StoreKey, now: Timestamp) -> Result<ErrorKind, StoreError> {
        match self.run(Operation::Load { key: key.clone() }).await? {
            Answer::Loaded(Some((row, _))) if row.expires > now.as_millis() => Ok(ErrorKind::Conflict),
            _ => Ok(ErrorKind::Gone),
        }
    }

    fn decoded(&self, row: &Row) -> Result<Record, StoreError> {
        row::read(row, &self.codecs, self.layout.data())
            .map_err(|source| self.reported(ErrorKind::Corrupt, Verb::Load, source))
    }

    /// The first version of a new row. Random, so that a writer who remembers a former life of the key meets a
    /// conflict; 52 bits, so that it passes through JSON numbers unharmed.
    pub(crate) fn first_version(&self, verb: Verb) -> Result<i64, StoreError> {
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes).map_err(|error| self.reported(ErrorKind::Refused, verb, error))?;
        let number = u64::from_le_bytes(bytes) >> 12;
        Ok(i64::try_from(number).unwrap_or_default())
    }
}

impl Store for SqlStore {
    fn backend(&self) -> &'static str {
        self.inner.dialect.name()
    }

    fn load<'a>(&'a self, key: &'a StoreKey, now: Timestamp) -> StoreFuture<'a, Loaded> {
        Box::pin(async move {
            let inner = &self.inner;
            inner.sweeper.requested();
            match inner.run(Operation::Load { key: key.clone() }).await? {
                Answer::Loaded(None) => Ok(Loaded::Absent),
                Answer::Loaded(Some((row, _))) if row.expires <= now.as_millis() => Ok(Loaded::Expired),
                Answer::Loaded(Some((row, version))) => {
                    let record = inner.decoded(&row)?;
                    Ok(Loaded::Live(Stored { record, version: Version::number(version) }))
                }
                _ => Err(inner.mismatched(Verb::Load)),
            }
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let inner = &self.inner;
            match put {
                Put::New => {
                    let row = inner.encoded(record, Verb::Create)?;
                    let (key, version) =
                        (inner.fitting(key, Verb::Create)?, inner.first_version(Verb::Create)?);
                    let version = inner.write(Operation::Create { key, version, row, now }).await?;
                    inner.sweeper.inserted();
                    Ok(version)
                }
                Put::At(version) => {
                    let row = inner.encoded(record, Verb::Save)?;
                    let version =
                        version.as_number().ok_or_else(|| inner.error(ErrorKind::Conflict, Verb::Save))?;
                    inner.write(Operation::Save { key: key.clone(), version, row, now }).await
                }
            }
        })
    }

    fn admit<'a>(
        &'a self,
        key: &'a StoreKey,
        put: Put,
        record: &'a Record,
        admission: &'a Admission,
        now: Timestamp,
    ) -> StoreFuture<'a, Admitted> {
        Box::pin(self.inner.admit(key, put, record, admission, now))
    }

    fn touch<'a>(&'a self, key: &'a StoreKey, touch: Touch, now: Timestamp) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            // A version of another store's matches no row, which is what the row's own version then says.
            let version = touch.version.as_number().unwrap_or(-1);
            let (seen, expires) = (touch.seen, touch.expires);
            let operation = Operation::Touch { key: key.clone(), version, seen, expires, now };
            self.inner.run(operation).await.map(drop)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a StoreKey,
        version: Version,
        to: &'a StoreKey,
        record: &'a Record,
        now: Timestamp,
    ) -> StoreFuture<'a, Version> {
        Box::pin(async move {
            let inner = &self.inner;
            let row = inner.encoded(record, Verb::Rename)?;
            let version =
                version.as_number().ok_or_else(|| inner.error(ErrorKind::Conflict, Verb::Rename))?;
            let to = inner.fitting(to, Verb::Rename)?;
            if *from == to {
                return Err(inner.error(inner.taken(&to, now).await?, Verb::Rename));
            }
            inner.write(Operation::Rename { from: from.clone(), version, to, row, now }).await
        })
    }

    fn delete<'a>(&'a self, key: &'a StoreKey) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.inner.run(Operation::Delete { key: key.clone() }).await.map(drop) })
    }

    fn sweep(&self, limit: NonZeroU32, now: Timestamp) -> StoreFuture<'_, Swept> {
        Box::pin(async move { Sweepable::sweep(self.inner.core.as_ref(), limit, now).await })
    }

    fn list<'a>(&'a self, scope: &'a Scope, page: Page, now: Timestamp) -> StoreFuture<'a, Vec<Summary>> {
        Box::pin(async move {
            let inner = &self.inner;
            let listed = inner.run(Operation::List { scope: scope.clone(), page, now }).await?;
            let Answer::Listed(rows) = listed else { return Err(inner.mismatched(Verb::List)) };
            let summaries = rows.into_iter().map(|(key, row)| row::summarise(key, &row));
            summaries
                .collect::<Result<_, _>>()
                .map_err(|source| inner.reported(ErrorKind::Corrupt, Verb::List, source))
        })
    }

    fn count<'a>(&'a self, scope: &'a Scope, now: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move { self.inner.counted(Operation::Count { scope: scope.clone(), now }).await })
    }

    fn end<'a>(
        &'a self,
        scope: &'a Scope,
        keep: Option<&'a StoreKey>,
        now: Timestamp,
    ) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let operation = Operation::End { scope: scope.clone(), keep: keep.cloned(), now };
            self.inner.counted(operation).await
        })
    }
}
