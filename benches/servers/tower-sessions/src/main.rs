//! The measured routes with tower-sessions.

use std::error::Error;
use std::process::ExitCode;

use axum::Router;
use axum::routing::get;
use bench_server::{Backend, COUNTER, Failure, Options, PROFILE, Profile, Synchronous};
use tower_sessions_sqlx_store::sqlx::postgres::PgPoolOptions;
use tower_sessions_sqlx_store::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use tower_sessions_sqlx_store::{PostgresStore, SqliteStore};

fn main() -> ExitCode {
    bench_server::serve(router)
}

/// The routes with one of the two versions of the library, whose `Session` types have nothing in common but the text.
macro_rules! routes {
    ($library:ident, $store:expr) => {{
        use $library::{Session, SessionManagerLayer};

        Router::new()
            .route("/none", get(async || "none"))
            .route(
                "/read",
                get(async |session: Session| {
                    let counter = session.get::<u64>(COUNTER).await?.ok_or_else(Failure::missing_session)?;
                    Ok::<_, Failure>(counter.to_string())
                }),
            )
            .route(
                "/write",
                get(async |session: Session| {
                    let counter =
                        session.get::<u64>(COUNTER).await?.ok_or_else(Failure::missing_session)? + 1;
                    session.insert(COUNTER, counter).await?;
                    Ok::<_, Failure>(counter.to_string())
                }),
            )
            .route(
                "/new",
                get(async |session: Session| {
                    session.insert(PROFILE, Profile::sample()).await?;
                    session.insert(COUNTER, 1_u64).await?;
                    Ok::<_, Failure>("1")
                }),
            )
            .layer(SessionManagerLayer::new($store))
    }};
}

async fn router(options: Options) -> Result<Router, Box<dyn Error>> {
    match options.backend {
        Backend::Memory => Ok(routes!(tower_sessions, tower_sessions::MemoryStore::default())),
        Backend::Sqlite => {
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
            let store = SqliteStore::new(pool);
            store.migrate().await?;
            Ok(routes!(tower_sessions_sql, store))
        }
        Backend::Postgres => {
            let pool = PgPoolOptions::new().max_connections(options.pool).connect(&options.url).await?;
            let store = PostgresStore::new(pool);
            store.migrate().await?;
            Ok(routes!(tower_sessions_sql, store))
        }
    }
}
