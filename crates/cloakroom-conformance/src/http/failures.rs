//! Stores, and sources of chance, that fail: the client hears the truth, and nothing is half done.

use cloakroom_core::Operation::{Create, Delete, Load, Rename, Save, Touch};
use cloakroom_core::{ErrorKind, LoadFailure, Policy};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::Value;

use super::site::Driver;
use crate::outcome::{Checked, ensure, ensure_eq};
use crate::tools::{BrokenRandom, Fault, Moment, SequenceRandom};

const DOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

pub(super) async fn asvs_16_5_2_a_failed_load_is_503_and_never_a_write(driver: Driver) -> Checked {
    for kind in [ErrorKind::Unavailable, ErrorKind::Unknown, ErrorKind::Overloaded] {
        for target in [
            "/look",
            "/read?key=greeting",
            "/insert?key=a&value=b",
            "/destroy",
            "/sign-in?user=ada",
            "/clear",
        ] {
            let site = driver.site()?;
            let guest = site.guest().await?;
            site.faults.add(Fault::new(kind).on(Load));
            let reply = guest.get(target).await?;
            reply.status(DOWN)?;
            reply.leaves_the_cookie()?;
            ensure!(
                reply.headers.contains_key(RETRY_AFTER),
                "no Retry-After when the store fails with {kind:?}"
            );
            ensure!(reply.body != "done" && !reply.body.contains("hello"), "the handler's answer went out");
            site.asked(&[Load])?;
            site.faults.clear();
            ensure_eq!(guest.value("greeting").await?, "hello", "the session once the store works again");
        }
    }
    Ok(())
}

pub(super) async fn pages_without_a_session_work_while_the_store_is_down(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.faults.add(Fault::new(ErrorKind::Unavailable));
    guest.get("/none").await?.ok()?;
    site.visitor().get("/look").await?.ok()
}

pub(super) async fn asvs_16_5_3_a_failed_save_is_503_and_sets_no_cookie(driver: Driver) -> Checked {
    for kind in [ErrorKind::Unavailable, ErrorKind::Unknown] {
        for (target, verb) in [
            ("/insert?key=a&value=b", Save),
            ("/rotate", Save),
            ("/destroy-then-insert?key=a&value=b", Rename),
        ] {
            let site = driver.site()?;
            let guest = site.guest().await?;
            site.faults.add(Fault::new(kind).on(verb));
            let reply = guest.get(target).await?;
            reply.status(DOWN)?;
            reply.leaves_the_cookie()?;
            ensure!(reply.headers.contains_key(RETRY_AFTER), "no Retry-After when {verb:?} fails");
            ensure!(reply.body != "done", "the handler's answer went out although nothing was stored");
        }
        let site = driver.site()?;
        site.faults.add(Fault::new(kind).on(Create));
        let reply = site.visitor().get("/insert?key=a&value=b").await?;
        reply.status(DOWN)?;
        reply.leaves_the_cookie()?;
    }
    // Stored, and the answer got lost: that is found out before the response.
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.faults.add(Fault::new(ErrorKind::Unknown).on(Save).at(Moment::After));
    guest.get("/insert?key=a&value=b").await?.ok()?;
    ensure_eq!(guest.value("a").await?, "b", "what was stored although its answer got lost");
    Ok(())
}

pub(super) async fn a_failed_redirect_is_not_followed(driver: Driver) -> Checked {
    let site = driver.site()?;
    site.faults.add(Fault::new(ErrorKind::Unavailable).on(Create));
    let reply = site.visitor().get("/redirect?key=a&value=b").await?;
    reply.status(DOWN)?;
    ensure!(
        !reply.headers.contains_key(http::header::LOCATION),
        "the redirect went out although nothing was stored"
    );
    Ok(())
}

pub(super) async fn a_failed_logout_is_not_reported_as_one(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.faults.add(Fault::new(ErrorKind::Unavailable).on(Delete));
    let reply = guest.get("/destroy").await?;
    reply.status(DOWN)?;
    reply.leaves_the_cookie()?;
    site.faults.clear();
    ensure_eq!(guest.value("greeting").await?, "hello", "the session that was not ended");
    Ok(())
}

pub(super) async fn a_failed_touch_is_no_error(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.clock.advance(std::time::Duration::from_secs(1_000));
    site.faults.add(Fault::new(ErrorKind::Unavailable).on(Touch));
    ensure_eq!(guest.value("greeting").await?, "hello", "what the handler read");
    site.asked(&[Load, Touch])
}

pub(super) async fn a_row_that_cannot_be_read_is_500_and_stays(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.faults.add(Fault::new(ErrorKind::Corrupt).on(Load));
    let reply = guest.get("/insert?key=a&value=b").await?;
    reply.status(StatusCode::INTERNAL_SERVER_ERROR)?;
    reply.leaves_the_cookie()?;
    site.asked(&[Load])?;
    ensure_eq!(site.rows().await?, 1, "records");
    Ok(())
}

pub(super) async fn where_the_policy_says_anonymous_a_failed_load_is_nobody_and_never_a_write(
    driver: Driver,
) -> Checked {
    let site = driver.site_of(Policy::default().on_load_failure(LoadFailure::Anonymous))?;
    let guest = site.guest().await?;
    site.faults.add(Fault::new(ErrorKind::Unavailable).on(Load));
    ensure_eq!(guest.value("greeting").await?, Value::Null, "what nobody reads");
    guest.get("/insert?key=a&value=b").await?.leaves_the_cookie()?;
    site.asked(&[Load, Load])?;
    site.faults.clear();
    ensure_eq!(guest.value("greeting").await?, "hello", "the session once the store works again");
    Ok(())
}

pub(super) async fn r32_without_chance_there_is_no_new_session(driver: Driver) -> Checked {
    let site = driver.site_with(|builder| builder.random(BrokenRandom))?;
    let reply = site.visitor().get("/insert?key=a&value=b").await?;
    reply.status(StatusCode::INTERNAL_SERVER_ERROR)?;
    reply.leaves_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    site.asked(&[])
}

pub(super) async fn asvs_7_2_3_an_id_that_is_taken_is_drawn_again(driver: Driver) -> Checked {
    let site = driver.site_with(|builder| builder.random(SequenceRandom::new([1, 1, 1, 2])))?;
    let first = site.guest().await?;
    let second = site.visitor();
    second.get("/insert?key=a&value=b").await?.new_cookie()?;
    site.asked(&[Create, Create, Create])?;
    ensure!(first.held_id()? != second.held_id()?, "two visitors share an id");
    ensure_eq!(first.get("/data").await?.body, "{\"greeting\":\"hello\"}", "the first visitor's data");
    ensure_eq!(second.get("/data").await?.body, "{\"a\":\"b\"}", "the second visitor's data");
    Ok(())
}
