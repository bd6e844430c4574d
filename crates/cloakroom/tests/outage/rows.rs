//! Rows that cannot be read as sessions.

use cloakroom::sql::Gathering;
use http::StatusCode;
use http::header::RETRY_AFTER;
use tracing::Level;

use crate::site::{Site, run};
use crate::support::{Backend, Place};
use crate::tables::administer;

/// Ann's row is damaged: that is an error of hers and of nobody else's, and nobody may guess what it meant.
fn unreadable(backend: Backend) {
    let place = Place::new(backend);
    run(async |log| {
        let store = place.sql_store(Gathering::default()).await;
        let site = Site::new(store.clone(), &log);
        let mut ann = site.member("ann", "red").await;
        let mut bob = site.member("bob", "blue").await;
        let user = if backend == Backend::Mysql { "CAST(user_id AS CHAR)" } else { "user_id" };
        administer(&place, &format!("UPDATE {{table}} SET format = 'damaged' WHERE {user} = 'ann'")).await;
        let mut failed = 0;
        for _ in 0..5 {
            for path in ["/show", "/note/green", "/login/eve", "/logout"] {
                let reply = ann.get(path).await;
                reply.refused(StatusCode::INTERNAL_SERVER_ERROR);
                assert!(!reply.headers.contains_key(RETRY_AFTER), "coming back would not help");
                failed += 1;
                assert_eq!(bob.get("/show").await.ok(), "bob: blue");
                bob.get("/note/blue").await.ok();
            }
        }
        assert_eq!(site.failures.count(), failed, "the observer is told of every one");
        let lines = log.take();
        assert!(lines.len() == 1 && lines[0].level == Level::ERROR, "one line, not {failed}: {lines:#?}");
        assert!(lines[0].text.contains("cannot be read"), "{lines:?}");
        site.clock.advance(std::time::Duration::from_secs(61));
        ann.get("/show").await.refused(StatusCode::INTERNAL_SERVER_ERROR);
        let lines = log.take();
        assert!(lines.len() == 1 && lines[0].text.contains(&format!("failures={failed}")), "{lines:#?}");

        // It was left as it was, so it can be mended.
        administer(&place, &format!("UPDATE {{table}} SET format = 'json' WHERE {user} = 'ann'")).await;
        assert_eq!(ann.get("/show").await.ok(), "ann: red");
        ann.get("/logout").await.ok();
        assert_eq!(log.take(), []);
        store.close().await;
        place.clean().await;
    });
}

#[test]
fn r34_sqlite_a_row_nobody_can_read_is_500_and_stays() {
    unreadable(Backend::Sqlite);
}

#[test]
fn r34_postgres_a_row_nobody_can_read_is_500_and_stays() {
    unreadable(Backend::Postgres);
}

#[test]
fn r34_mysql_a_row_nobody_can_read_is_500_and_stays() {
    unreadable(Backend::Mysql);
}
