//! The server's own limits, which hold whatever the browser does and whether or not anybody ever sweeps.

use std::time::Duration;

use cloakroom_core::{Lifetime, Policy};
use serde_json::Value;

use super::site::{Driver, START};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) async fn asvs_7_3_1_a_session_ends_at_its_idle_limit(driver: Driver) -> Checked {
    let policy = Policy::default().lifetime(Lifetime::idle(15 * MINUTE));
    for (idle, expected) in [
        (Duration::from_millis(15 * 60_000 - 1), Value::from("hello")),
        (15 * MINUTE, Value::Null),
        (15 * MINUTE + MILLISECOND, Value::Null),
    ] {
        let site = driver.site_of(policy.clone())?;
        let guest = site.guest().await?;
        site.clock.advance(idle);
        ensure_eq!(guest.value("greeting").await?, expected, "after {idle:?} without activity");
    }
    Ok(())
}

pub(super) async fn activity_moves_the_idle_limit(driver: Driver) -> Checked {
    let site = driver.site_of(Policy::default().lifetime(Lifetime::idle(15 * MINUTE)))?;
    let guest = site.guest().await?;
    for _ in 0..20 {
        site.clock.advance(14 * MINUTE);
        ensure_eq!(guest.value("greeting").await?, "hello", "with activity every fourteen minutes");
    }
    // A request that does not ask for the session is no activity.
    site.clock.advance(14 * MINUTE);
    guest.get("/none").await?.ok()?;
    site.clock.advance(MINUTE);
    ensure_eq!(guest.value("greeting").await?, Value::Null, "after fifteen minutes without activity");
    Ok(())
}

pub(super) async fn asvs_7_3_2_a_busy_session_ends_at_its_absolute_limit(driver: Driver) -> Checked {
    let lifetime = Lifetime::idle(60 * MINUTE).with_absolute(12 * 60 * MINUTE);
    let site = driver.site_of(Policy::default().lifetime(lifetime))?;
    let guest = site.guest().await?;
    let end = START.plus(12 * 60 * MINUTE);
    let mut round = 0;
    loop {
        site.clock.advance(MINUTE);
        if site.now() >= end {
            break;
        }
        // Neither reads, writes nor new ids move it.
        let target = ["/look", "/increment?key=n", "/rotate"][round % 3];
        guest.get(target).await?.ok()?;
        ensure_eq!(guest.value("greeting").await?, "hello", "at {}", site.now());
        round += 1;
    }
    ensure_eq!(guest.value("greeting").await?, Value::Null, "at the absolute limit");
    Ok(())
}

pub(super) async fn a_sign_in_begins_the_absolute_limit_anew(driver: Driver) -> Checked {
    let site = driver.site_of(Policy::default().lifetime(Lifetime::absolute(60 * MINUTE)))?;
    let guest = site.guest().await?;
    site.clock.advance(50 * MINUTE);
    guest.get("/sign-in?user=ada").await?.new_cookie()?;
    site.clock.advance(Duration::from_millis(60 * 60_000 - 1));
    ensure_eq!(guest.info("user").await?, "ada", "just before the limit counted from sign-in");
    site.clock.advance(MILLISECOND);
    ensure_eq!(guest.info("user").await?, Value::Null, "at the limit counted from sign-in");
    Ok(())
}

pub(super) async fn remember_me_survives_every_later_write(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    guest.get("/sign-in?user=ada").await?.new_cookie()?;
    guest.get("/remember").await?.new_cookie()?;
    for target in ["/insert?key=a&value=b", "/look", "/rotate", "/clear", "/increment?key=n"] {
        site.clock.advance(13 * 24 * 60 * MINUTE);
        guest.get(target).await?.ok()?;
        ensure_eq!(guest.info("user").await?, "ada", "after {target}, thirteen days later");
    }
    site.clock.advance(14 * 24 * 60 * MINUTE);
    ensure_eq!(guest.info("user").await?, Value::Null, "after fourteen days without activity");
    Ok(())
}

pub(super) async fn asvs_9_2_1_the_cookies_lifetime_is_not_the_limit(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let cookie = format!("__Host-id={}", guest.held_id()?);
    site.clock.advance(60 * MINUTE);
    // Whatever a client does to its cookie's lifetime, it sends the same header.
    let reply = site.get_with("/read?key=greeting", cookie.as_bytes()).await?;
    ensure_eq!(reply.body, "null", "what an old cookie reads");
    Ok(())
}

pub(super) async fn nist_5_2_timeouts_end_a_session_and_only_a_sign_in_moves_both(driver: Driver) -> Checked {
    let lifetime = Lifetime::idle(10 * MINUTE).with_absolute(30 * MINUTE);
    let site = driver.site_of(Policy::default().lifetime(lifetime))?;
    let start = async |steps: &[(u32, &str)]| {
        let guest = site.guest().await?;
        for (minutes, target) in steps {
            site.clock.advance(*minutes * MINUTE);
            guest.get(target).await?.ok()?;
        }
        Ok::<_, Failure>(guest)
    };
    // Inactivity ends it, although much is left overall.
    let guest = start(&[]).await?;
    site.clock.advance(10 * MINUTE);
    ensure_eq!(guest.value("greeting").await?, Value::Null, "after ten minutes of inactivity");
    // Activity moves the first limit only.
    let guest = start(&[(9, "/look"), (9, "/insert?key=a&value=b"), (9, "/look")]).await?;
    site.clock.advance(3 * MINUTE);
    ensure_eq!(guest.value("greeting").await?, Value::Null, "after thirty minutes of activity");
    // A sign-in moves both.
    let guest =
        start(&[(9, "/look"), (9, "/look"), (9, "/sign-in?user=ada"), (9, "/look"), (9, "/look")]).await?;
    site.clock.advance(9 * MINUTE);
    ensure_eq!(guest.value("greeting").await?, "hello", "27 minutes after the sign-in");
    site.clock.advance(3 * MINUTE);
    ensure_eq!(guest.value("greeting").await?, Value::Null, "30 minutes after the sign-in");
    Ok(())
}

pub(super) async fn nist_5_2_levels_have_their_limits(driver: Driver) -> Checked {
    const HOUR: Duration = Duration::from_secs(3_600);
    for (lifetime, idle, overall) in [
        (Lifetime::aal1(), None, 30 * 24 * HOUR),
        (Lifetime::aal2(), Some(HOUR), 24 * HOUR),
        (Lifetime::aal3(), Some(15 * MINUTE), 12 * HOUR),
    ] {
        let site = driver.site_of(Policy::default().lifetime(lifetime))?;
        for (limit, step) in
            idle.map(|idle| (idle, idle)).into_iter().chain([(overall, idle.unwrap_or(overall) / 2)])
        {
            let guest = site.guest().await?;
            let mut left = limit.saturating_sub(MILLISECOND);
            while left > step {
                site.clock.advance(step);
                guest.get("/look").await?.ok()?;
                left = left.saturating_sub(step);
            }
            site.clock.advance(left);
            ensure_eq!(guest.value("greeting").await?, "hello", "a millisecond before {limit:?}");
            // What has just been read is activity, which moves no overall limit.
            site.clock.advance(if Some(limit) == idle { limit } else { MILLISECOND });
            ensure_eq!(guest.value("greeting").await?, Value::Null, "at {limit:?}");
        }
    }
    Ok(())
}

pub(super) async fn r49_a_remembered_session_ends_at_logout_like_any_other(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    guest.get("/sign-in?user=ada").await?.new_cookie()?;
    guest.get("/remember").await?.new_cookie()?;
    guest.restart();
    let thief = guest.copy();
    ensure_eq!(guest.info("user").await?, "ada", "after the browser was closed");
    guest.get("/destroy").await?.removes_the_cookie()?;
    ensure!(guest.id().is_none(), "the browser still has the cookie");
    for _ in 0..2 {
        ensure_eq!(thief.info("user").await?, Value::Null, "who the copied cookie signs in");
    }
    ensure_eq!(site.rows().await?, 0, "records");
    Ok(())
}
