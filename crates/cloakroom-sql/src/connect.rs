//! From a builder to a running store.

use std::error::Error;
use std::sync::Arc;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use std::time::Duration;

use cloakroom_core::{ErrorKind, Operation as Verb, StoreError};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::builder::SqlStoreBuilder;
use crate::database::Source;
use crate::dialect::Dialect;
#[cfg(feature = "postgres")]
use crate::dialect::plan_once;
#[cfg(feature = "embedded")]
use crate::embedded::{Embedded, Location};
use crate::engine::Engine;
#[cfg(feature = "postgres")]
use crate::executor::arrays::Arrays;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::executor::startup;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
use crate::executor::{driver::Driver, rows::Rows};
use crate::extra::Extra;
#[cfg(feature = "embedded")]
use crate::failure::Failure;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::gather::Connections;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use crate::gather::{Gather, Gathering};
#[cfg(any(feature = "embedded", feature = "sqlite", feature = "mysql"))]
use crate::schema::Startup;
#[cfg(feature = "embedded")]
use crate::schema::{check, creation, questions};
use crate::statements::Names;
#[cfg(feature = "postgres")]
use crate::statements::arrays::ArrayStatements;
#[cfg(any(feature = "sqlite", feature = "mysql"))]
use crate::statements::rows::RowStatements;
use crate::store::{Core, Inner, SqlStore};
use crate::sweeper::Sweeper;

pub(crate) async fn build(mut builder: SqlStoreBuilder, extra: Vec<Extra>) -> Result<SqlStore, StoreError> {
    let source = std::mem::replace(&mut builder.database.0, Source::Url(String::new()));
    let (source, dialect) = resolved(source, &builder)?;
    let fail = |kind, source: Box<dyn Error + Send + Sync>| {
        StoreError::new(kind, Verb::Open, dialect.name()).with_source(source)
    };
    builder.layout.check().map_err(|error| fail(ErrorKind::Schema, Box::new(error)))?;
    let runtime = Handle::try_current().map_err(|error| fail(ErrorKind::Unavailable, Box::new(error)))?;

    let names = Names::new(dialect, builder.layout.clone());
    let engine = timeout(builder.startup_limit, start(source, names, &builder, &runtime)).await;
    let engine = engine.map_err(|_| {
        fail(ErrorKind::Unavailable, "the database did not answer within the time limit of the start".into())
    })??;
    let Started { engine, longest_payload } = engine;

    let core = Arc::new(Core { engine, on_error: builder.on_error });
    let sweeper = Sweeper::start(builder.sweep, Arc::clone(&core), Arc::clone(&builder.clock), &runtime);
    Ok(SqlStore::new(Inner {
        core,
        dialect,
        layout: builder.layout,
        codecs: builder.codecs,
        longest_payload,
        extra,
        clock: builder.clock,
        sweeper,
    }))
}

/// A database that is ready to be used.
enum Target {
    #[cfg(feature = "embedded")]
    Embedded(Location),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
    #[cfg(feature = "mysql")]
    Mysql(sqlx::MySqlPool),
}

fn resolved(source: Source, builder: &SqlStoreBuilder) -> Result<(Target, Dialect), StoreError> {
    match source {
        #[cfg(feature = "sqlite")]
        Source::Sqlite(pool) => Ok((Target::Sqlite(pool), Dialect::Sqlite)),
        #[cfg(feature = "postgres")]
        Source::Postgres(pool) => Ok((Target::Postgres(pool), Dialect::Postgres)),
        #[cfg(feature = "mysql")]
        Source::Mysql(pool) => Ok((Target::Mysql(pool), Dialect::Mysql)),
        #[cfg(feature = "sea-orm")]
        Source::Unusable(reason) => Err(unusable("sql", reason)),
        Source::Url(url) => opened(&url, builder),
    }
}

fn opened(url: &str, builder: &SqlStoreBuilder) -> Result<(Target, Dialect), StoreError> {
    match url.split(':').next() {
        #[cfg(feature = "embedded")]
        Some("sqlite") => {
            let failed = |failure: Failure| failure.into_error(Verb::Open, Dialect::Sqlite.name());
            Ok((Target::Embedded(Location::parse(url).map_err(failed)?), Dialect::Sqlite))
        }
        #[cfg(feature = "postgres")]
        Some("postgres" | "postgresql") => {
            let options = pool_options::<sqlx::Postgres>(builder.gathering).after_connect(|connection, _| {
                Box::pin(async move { sqlx::Executor::execute(connection, plan_once()).await.map(drop) })
            });
            let pool = options.connect_lazy(url);
            Ok((Target::Postgres(pool.map_err(|_| malformed("postgres"))?), Dialect::Postgres))
        }
        #[cfg(feature = "mysql")]
        Some("mysql" | "mariadb") => {
            let pool = pool_options::<sqlx::MySql>(builder.gathering).connect_lazy(url);
            Ok((Target::Mysql(pool.map_err(|_| malformed("mysql"))?), Dialect::Mysql))
        }
        _ => Err(unusable(
            "sql",
            "the URL begins with no scheme that this build knows: sqlite: (feature `embedded`), postgres:// (feature \
             `postgres`), mysql:// or mariadb:// (feature `mysql`)",
        )),
    }
}

fn unusable(backend: &'static str, reason: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Refused, Verb::Open, backend).with_source(reason)
}

/// The driver's own words may quote the URL, and with it the password.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn malformed(backend: &'static str) -> StoreError {
    unusable(
        backend,
        "the URL cannot be read; write scheme://user:password@host:port/database, percent-encoded",
    )
}

/// A pool of the store's own: as many connections as it uses, and none of the application's habits to respect.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn pool_options<DB: sqlx::Database>(gathering: Gathering) -> sqlx::pool::PoolOptions<DB> {
    /// A connection that was used this recently is believed to be alive, which saves a round trip.
    const FRESH: Duration = Duration::from_secs(1);
    let connections = match gathering.connections() {
        Connections::One => 1,
        Connections::Two => 2,
    };
    sqlx::pool::PoolOptions::new().max_connections(connections).test_before_acquire(false).before_acquire(
        |connection, about| {
            Box::pin(async move {
                if about.idle_for > FRESH {
                    sqlx::Connection::ping(connection).await?;
                }
                Ok(true)
            })
        },
    )
}

/// A database that has been asked what there is to know.
struct Started {
    engine: Engine,
    longest_payload: Option<usize>,
}

impl From<Engine> for Started {
    fn from(engine: Engine) -> Self {
        Self { engine, longest_payload: None }
    }
}

async fn start(
    target: Target,
    names: Names,
    builder: &SqlStoreBuilder,
    runtime: &Handle,
) -> Result<Started, StoreError> {
    let (gathering, startup) = (builder.gathering, builder.startup);
    match target {
        #[cfg(feature = "embedded")]
        Target::Embedded(location) => {
            let (durability, handle) = (builder.durability, runtime.clone());
            let opened = runtime.spawn_blocking(move || {
                let embedded = Embedded::open(location, durability, names.clone(), gathering, Some(handle))?;
                start_embedded(&embedded, &names, startup)?;
                Ok(Engine::Embedded(embedded).into())
            });
            opened.await.unwrap_or_else(|_| Err(unusable("sqlite", "the runtime is shutting down")))
        }
        #[cfg(feature = "sqlite")]
        Target::Sqlite(pool) => rows(pool, names, gathering, startup, runtime).await,
        #[cfg(feature = "mysql")]
        Target::Mysql(pool) => rows(pool, names, gathering, startup, runtime).await,
        #[cfg(feature = "postgres")]
        Target::Postgres(pool) => {
            let backend = Dialect::Postgres.name();
            startup::start(&pool, &names, startup, patience(gathering))
                .await
                .map_err(|it| it.into_error(backend))?;
            let statements = Arc::new(ArrayStatements::new(&names));
            let (names, patience) = (Arc::new(names), patience(gathering));
            let make =
                move || Arrays::new(pool.clone(), Arc::clone(&names), Arc::clone(&statements), patience);
            Ok(Engine::Gathered(Gather::on_tasks(gathering, backend, Some(runtime.clone()), make)).into())
        }
    }
}

#[cfg(any(feature = "sqlite", feature = "mysql"))]
async fn rows<DB: Driver>(
    pool: sqlx::Pool<DB>,
    names: Names,
    gathering: Gathering,
    startup: Startup,
    runtime: &Handle,
) -> Result<Started, StoreError> {
    let backend = DB::DIALECT.name();
    startup::start(&pool, &names, startup, patience(gathering)).await.map_err(|it| it.into_error(backend))?;
    let longest_payload = startup::longest_payload(&pool, startup, patience(gathering)).await;
    let longest_payload = longest_payload.map_err(|failure| failure.into_error(Verb::Open, backend))?;
    let statements = Arc::new(RowStatements::new(&names));
    let (names, patience) = (Arc::new(names), patience(gathering));
    let make = move || Rows::new(pool.clone(), Arc::clone(&names), Arc::clone(&statements), patience);
    let engine = Engine::Gathered(Gather::on_tasks(gathering, backend, Some(runtime.clone()), make));
    Ok(Started { engine, longest_payload })
}

/// How long an executor waits for a connection: less than an operation may take, so that its caller hears that nothing
/// was sent, rather than that nobody knows.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn patience(gathering: Gathering) -> Duration {
    gathering.time_limit() / 5 * 4
}

/// The embedded database's part of `executor::startup`, which blocks.
#[cfg(feature = "embedded")]
fn start_embedded(embedded: &Embedded, names: &Names, startup: Startup) -> Result<(), StoreError> {
    let inspect = || {
        let [columns, indexes] = questions(names);
        Ok::<_, StoreError>(check(names, &embedded.ask(&columns)?, &embedded.ask(&indexes)?))
    };
    let inspected = match startup {
        Startup::Nothing => Ok(()),
        Startup::CheckOnly => inspect()?,
        Startup::CreateIfMissing => match inspect()? {
            Err(mismatch) if mismatch.is_missing_table() => {
                embedded.execute(&creation(names))?;
                inspect()?
            }
            inspected => inspected,
        },
    };
    inspected.map_err(|mismatch| mismatch.into_error(Dialect::Sqlite.name()))
}
