//! The measured routes with Cloakroom.

use std::error::Error;
use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use bench_server::{Backend, COUNTER, Connections, Failure, Options, PROFILE, Profile, Synchronous};
use cloakroom::axum::Session;
use cloakroom::sql::{Durability, SqlStore, SqlStoreBuilder, Sweep};
use cloakroom::{MemoryStore, SessionLayer};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

fn main() -> ExitCode {
    bench_server::serve(router)
}

async fn router(options: Options) -> Result<Router, Box<dyn Error>> {
    let layer = match (options.backend, options.connections) {
        (Backend::Memory, _) => SessionLayer::new(MemoryStore::new())?,
        (Backend::Sqlite, Connections::Own) => {
            let store = SqlStore::builder(format!("sqlite:{}", options.file.display()));
            layer(store.durability(match options.synchronous {
                Synchronous::Off | Synchronous::Normal => Durability::Normal,
                Synchronous::Full => Durability::Full,
            }))
            .await?
        }
        (Backend::Sqlite, Connections::Application) => {
            let connect = SqliteConnectOptions::new()
                .filename(&options.file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(match options.synchronous {
                    Synchronous::Off => SqliteSynchronous::Off,
                    Synchronous::Normal => SqliteSynchronous::Normal,
                    Synchronous::Full => SqliteSynchronous::Full,
                });
            let pool = SqlitePoolOptions::new().max_connections(options.pool).connect_with(connect).await?;
            layer(SqlStore::builder(pool)).await?
        }
        (Backend::Postgres, Connections::Own) => layer(SqlStore::builder(options.url)).await?,
        (Backend::Postgres, Connections::Application) => {
            let pool = PgPoolOptions::new().max_connections(options.pool).connect(&options.url).await?;
            layer(SqlStore::builder(pool)).await?
        }
    };
    Ok(routes().layer(layer))
}

async fn layer(store: SqlStoreBuilder) -> Result<SessionLayer, Box<dyn Error>> {
    // Nothing expires during the measurement, and tower-sessions does not sweep unless it is told to.
    Ok(SessionLayer::new(store.sweep(Sweep::Off).build().await?)?)
}

fn routes() -> Router {
    Router::new()
        .route("/none", get(async || "none"))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/new", get(new))
}

async fn read(session: Session) -> Result<String, Failure> {
    let counter: u64 = session.get(COUNTER)?.ok_or_else(Failure::missing_session)?;
    Ok(counter.to_string())
}

async fn write(session: Session) -> Result<String, Failure> {
    // A visitor without a session counts from 0, which the clients notice.
    let counter = session.update(COUNTER, |counter: Option<u64>| counter.map_or(0, |counter| counter + 1))?;
    Ok(counter.to_string())
}

async fn new(session: Session) -> Result<&'static str, Failure> {
    session.insert(PROFILE, Profile::sample())?;
    session.insert(COUNTER, 1_u64)?;
    Ok("1")
}
