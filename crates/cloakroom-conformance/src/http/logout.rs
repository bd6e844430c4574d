//! Logout and new ids against requests that are still under way.

use std::time::Duration;

use cloakroom_core::Operation;
use cloakroom_core::Operation::{Delete, Load, Rename, Save, Touch};
use futures_util::future::join;
use http::StatusCode;
use serde_json::Value;

use super::site::{Driver, Reply, Site, Visitor};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};
use crate::tools::Moment;

/// Lets `slow` run until it is about to do `verb`, then `quick` from its beginning to its end, then `slow` to its
/// end.
async fn overtaken(
    site: &Site,
    slow: (&Visitor, &str),
    verb: Operation,
    moment: Moment,
    quick: (&Visitor, &str),
) -> Result<(Reply, Reply), Failure> {
    site.gate.park(verb, moment);
    let overtake = async {
        let parked = site.gate.parked(1).await;
        site.gate.park_no_more();
        let reply = quick.0.get(quick.1).await;
        drop(parked);
        reply
    };
    let (slow, quick) = join(slow.0.get(slow.1), overtake).await;
    Ok((slow?, quick?))
}

pub(super) async fn asvs_7_4_1_nist_5_1_ended_r20_after_logout_the_old_cookie_is_dead(
    driver: Driver,
) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let thief = guest.copy();
    guest.get("/destroy").await?.removes_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    ensure_eq!(thief.value("greeting").await?, Value::Null, "what the old cookie reads");
    thief.get("/insert?key=a&value=b").await?.new_cookie()?;
    ensure_eq!(thief.value("greeting").await?, Value::Null, "what is in the thief's new session");
    Ok(())
}

pub(super) async fn r01_logout_during_a_write_leaves_nothing(driver: Driver) -> Checked {
    for moment in [(Load, Moment::After), (Save, Moment::Before)] {
        let site = driver.site()?;
        let guest = site.guest().await?;
        let other = guest.copy();
        let slow = (&guest, "/insert?key=a&value=b");
        let (written, out) = overtaken(&site, slow, moment.0, moment.1, (&other, "/destroy")).await?;
        out.removes_the_cookie()?;
        written.status(StatusCode::CONFLICT)?;
        written.leaves_the_cookie()?;
        ensure_eq!(site.rows().await?, 0, "records");
    }
    Ok(())
}

pub(super) async fn r01_logout_after_a_write_leaves_nothing(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let other = guest.copy();
    let slow = (&guest, "/insert?key=a&value=b");
    let (written, out) = overtaken(&site, slow, Save, Moment::After, (&other, "/destroy")).await?;
    out.removes_the_cookie()?;
    written.ok()?;
    written.leaves_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    Ok(())
}

pub(super) async fn r02_logout_during_a_touch_leaves_nothing(driver: Driver) -> Checked {
    for moment in [Moment::Before, Moment::After] {
        let site = driver.site()?;
        let guest = site.guest().await?;
        let other = guest.copy();
        site.clock.advance(Duration::from_secs(1_000));
        let slow = (&guest, "/read?key=greeting");
        let (read, out) = overtaken(&site, slow, Touch, moment, (&other, "/destroy")).await?;
        out.removes_the_cookie()?;
        read.ok()?;
        read.leaves_the_cookie()?;
        ensure_eq!(site.rows().await?, 0, "records");
    }
    Ok(())
}

pub(super) async fn r03_logout_during_a_rotation_makes_no_new_session(driver: Driver) -> Checked {
    for target in ["/rotate", "/sign-in?user=ada"] {
        let site = driver.site()?;
        let guest = site.guest().await?;
        let other = guest.copy();
        let (rotated, out) =
            overtaken(&site, (&guest, target), Save, Moment::Before, (&other, "/destroy")).await?;
        out.removes_the_cookie()?;
        rotated.status(StatusCode::CONFLICT)?;
        rotated.leaves_the_cookie()?;
        ensure_eq!(site.rows().await?, 0, "records");
    }
    Ok(())
}

pub(super) async fn r04_a_slow_request_does_not_take_a_rotation_back(driver: Driver) -> Checked {
    for (target, verb) in [("/insert?key=a&value=b", Save), ("/read?key=greeting", Touch), ("/clear", Save)] {
        let site = driver.site()?;
        let guest = site.guest().await?;
        let slow = guest.copy();
        site.clock.advance(Duration::from_secs(1_000));
        let old = guest.held_id()?;
        let (late, signed_in) =
            overtaken(&site, (&slow, target), verb, Moment::Before, (&guest, "/sign-in?user=ada")).await?;
        signed_in.new_cookie()?;
        late.leaves_the_cookie()?;
        ensure!(site.record(&old).await?.is_none(), "the old id is alive again after {target}");
        ensure_eq!(guest.info("user").await?, "ada", "who is signed in under the new id");
        ensure_eq!(guest.value("greeting").await?, "hello", "what the new session holds");
        ensure_eq!(site.rows().await?, 1, "records");
    }
    Ok(())
}

pub(super) async fn r01_a_logout_ends_the_session_whatever_its_id_became(driver: Driver) -> Checked {
    for target in ["/rotate", "/sign-in?user=ada"] {
        let site = driver.site()?;
        let guest = site.guest().await?;
        let other = guest.copy();
        let (out, rotated) =
            overtaken(&site, (&guest, "/destroy"), Delete, Moment::Before, (&other, target)).await?;
        rotated.new_cookie()?;
        out.removes_the_cookie()?;
        ensure_eq!(site.rows().await?, 0, "records");
        ensure_eq!(other.info("user").await?, Value::Null, "who is signed in under the new id");

        // Ending the session and beginning another ends it too.
        let guest = site.guest().await?;
        let other = guest.copy();
        let slow = (&guest, "/destroy-then-insert?key=a&value=b");
        let (anew, rotated) = overtaken(&site, slow, Rename, Moment::Before, (&other, target)).await?;
        rotated.new_cookie()?;
        anew.new_cookie()?;
        ensure_eq!(other.get("/data").await?.body, "{}", "what the ended session's new id reads");
        ensure_eq!(guest.get("/data").await?.body, "{\"a\":\"b\"}", "what the session holds that began");
        ensure_eq!(site.rows().await?, 1, "records");
    }
    Ok(())
}

pub(super) async fn r10_logout_never_touches(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.clock.advance(Duration::from_secs(1_000));
    guest.get("/destroy").await?.removes_the_cookie()?;
    site.asked(&[Load, Delete])
}

pub(super) async fn two_logouts_at_once_are_one(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let other = guest.copy();
    let (slow, quick) =
        overtaken(&site, (&guest, "/destroy"), Delete, Moment::Before, (&other, "/destroy")).await?;
    slow.ok()?;
    quick.removes_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    Ok(())
}

pub(super) async fn r17_rotation_keeps_the_data_and_kills_the_old_id(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let (thief, old) = (guest.copy(), guest.held_id()?);
    guest.get("/rotate").await?.new_cookie()?;
    ensure!(guest.held_id()? != old, "the id stayed");
    ensure_eq!(guest.value("greeting").await?, "hello", "the data under the new id");
    ensure_eq!(thief.value("greeting").await?, Value::Null, "the data under the old id");
    ensure_eq!(site.rows().await?, 1, "records");
    Ok(())
}

pub(super) async fn ending_and_beginning_anew_keeps_nothing_of_the_old(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    guest.get("/sign-in?user=ada").await?.new_cookie()?;
    let (thief, old) = (guest.copy(), guest.held_id()?);
    guest.get("/destroy-then-insert?key=a&value=b").await?.new_cookie()?;
    ensure!(guest.held_id()? != old, "the id stayed");
    ensure_eq!(guest.get("/data").await?.body, "{\"a\":\"b\"}", "the new session's data");
    ensure_eq!(guest.info("user").await?, Value::Null, "the new session's user");
    ensure_eq!(thief.get("/data").await?.body, "{}", "what the old id reads");
    ensure_eq!(site.rows().await?, 1, "records");
    Ok(())
}

pub(super) async fn asvs_7_2_4_r16_owasp_privilege_every_sign_in_changes_the_id(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    // From nobody, over the same user, over another, and back to nobody.
    for (target, user) in [
        ("/sign-in?user=ada", Value::from("ada")),
        ("/sign-in?user=ada", Value::from("ada")),
        ("/sign-in?user=bob", Value::from("bob")),
        ("/sign-out", Value::Null),
    ] {
        let (thief, old) = (guest.copy(), guest.held_id()?);
        guest.get(target).await?.new_cookie()?;
        ensure!(guest.held_id()? != old, "{target} kept the id");
        ensure_eq!(guest.info("user").await?, user, "who is signed in after {target}");
        ensure_eq!(
            thief.info("user").await?,
            Value::Null,
            "who is signed in under the old id after {target}"
        );
        ensure!(site.record(&old).await?.is_none(), "the old id is alive after {target}");
    }
    Ok(())
}

pub(super) async fn r09_rotations_at_once_sign_nobody_out(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let tabs = [guest.copy(), guest.copy(), guest.copy()];
    site.gate.park(Save, Moment::Before);
    let release = async {
        let parked = site.gate.parked(tabs.len()).await;
        site.gate.open();
        drop(parked);
    };
    let requests = futures_util::future::join_all(tabs.iter().map(|tab| tab.get("/rotate")));
    let (replies, ()) = join(requests, release).await;
    let mut ids = Vec::new();
    for reply in replies {
        let reply = reply?;
        ensure!(
            reply.cookies.iter().all(|cookie| !cookie.is_removal()),
            "a loser of the race cleared the cookie"
        );
        ids.extend(reply.cookies.into_iter().map(|cookie| cookie.value));
    }
    ensure_eq!(ids.len(), 1, "new ids");
    ensure_eq!(site.rows().await?, 1, "records");
    for id in ids {
        let record = site.record(&id).await?.ok_or_else(|| Failure::new("the new id opens nothing"))?;
        ensure_eq!(record.data.get("greeting"), Some(&Value::from("hello")), "the data under the new id");
    }
    Ok(())
}
