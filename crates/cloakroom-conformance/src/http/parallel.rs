//! Requests of one session, and of many, at once.

use cloakroom_core::Operation::{Create, Load, Save};
use cloakroom_core::Policy;
use futures_util::FutureExt as _;
use futures_util::future::{Either, join, join_all, select};
use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Value, json};

use super::site::{Driver, Site, Visitor};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};
use crate::run::yield_now;
use crate::tools::Moment;

/// Sends one request from each of so many tabs of one browser, and lets none write before all have loaded.
async fn together(site: &Site, guest: &Visitor, count: usize, target: impl Fn(usize) -> String) -> Checked {
    site.gate.park(Load, Moment::After);
    let release = async {
        let parked = site.gate.parked(count).await;
        site.gate.open();
        drop(parked);
    };
    let tabs: Vec<_> = (0..count).map(|index| (guest.copy(), target(index))).collect();
    let (replies, ()) = join(join_all(tabs.iter().map(|(tab, target)| tab.get(target))), release).await;
    for reply in replies {
        let reply = reply?;
        reply.ok()?;
        reply.leaves_the_cookie()?;
    }
    Ok(())
}

pub(super) async fn r06_writers_of_different_keys_all_survive(driver: Driver) -> Checked {
    // Each round of saves has one winner, so the unluckiest of 64 loses 63 times.
    let site = driver.site_of(Policy::default().retries(63))?;
    let guest = site.guest().await?;
    together(&site, &guest, 64, |index| format!("/insert?key=key-{index}&value={index}")).await?;
    let data: Value = serde_json::from_str(&guest.get("/data").await?.body)?;
    for index in 0..64 {
        ensure_eq!(data.get(format!("key-{index}")), Some(&json!(index.to_string())), "key-{index}");
    }
    Ok(())
}

pub(super) async fn increments_are_exact(driver: Driver) -> Checked {
    let site = driver.site_of(Policy::default().retries(63))?;
    let guest = site.guest().await?;
    together(&site, &guest, 64, |_| "/increment?key=count".to_owned()).await?;
    ensure_eq!(guest.value("count").await?, 64, "the counter");
    Ok(())
}

pub(super) async fn r45_writers_of_one_key_all_succeed(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    together(&site, &guest, 8, |index| format!("/insert?key=same&value={index}")).await?;
    let value = guest.value("same").await?;
    ensure!(
        (0..8).any(|index| value == json!(index.to_string())),
        "the key holds none of the values: {value}"
    );
    Ok(())
}

pub(super) async fn a_save_that_never_wins_is_an_error(driver: Driver) -> Checked {
    let site = driver.site_of(Policy::default().retries(1))?;
    let guest = site.guest().await?;
    let unlucky = guest.copy();
    site.gate.park(Save, Moment::Before);
    let overtake = async {
        for round in 0..2 {
            let parked = site.gate.parked(1).await;
            site.gate.park_no_more();
            guest.get(&format!("/insert?key=lucky&value={round}")).await?.ok()?;
            if round == 0 {
                site.gate.park(Save, Moment::Before);
            }
            drop(parked);
        }
        Checked::Ok(())
    };
    let (reply, overtaken) = join(unlucky.get("/insert?key=unlucky&value=1"), overtake).await;
    overtaken?;
    let reply = reply?;
    reply.status(StatusCode::SERVICE_UNAVAILABLE)?;
    reply.leaves_the_cookie()?;
    ensure_eq!(guest.value("lucky").await?, "1", "the other's value");
    ensure_eq!(guest.value("unlucky").await?, Value::Null, "the value that was not saved");
    Ok(())
}

pub(super) async fn r08_a_redirect_leaves_after_the_commit(driver: Driver) -> Checked {
    for (verb, moment) in [(Create, Moment::Before), (Create, Moment::After)] {
        let site = driver.site()?;
        let visitor = site.visitor();
        site.gate.park(verb, moment);
        let follow = async {
            let early = || Failure::new("the response left before the store had answered");
            let request = Box::pin(visitor.get("/redirect?key=a&value=b"));
            let parked = Box::pin(site.gate.parked(1));
            let Either::Right((parked, mut request)) = select(request, parked).await else {
                return Err(early());
            };
            for _ in 0..10 {
                if request.as_mut().now_or_never().is_some() {
                    return Err(early());
                }
                yield_now().await;
            }
            site.gate.open();
            drop(parked);
            request.await
        };
        let reply = follow.await?;
        reply.status(StatusCode::SEE_OTHER)?;
        let location = reply.headers.get(LOCATION).ok_or_else(|| Failure::new("no location"))?;
        ensure_eq!(visitor.get(location.to_str()?).await?.body, "\"b\"", "what the redirect finds");
    }
    Ok(())
}

pub(super) async fn r42_asvs_15_4_1_every_visitor_sees_only_their_own(driver: Driver) -> Checked {
    let site = driver.site()?;
    let mut visitors = Vec::new();
    for index in 0..50 {
        let visitor = site.visitor();
        visitor.get(&format!("/sign-in?user=user-{index}")).await?.new_cookie()?;
        visitors.push(visitor);
    }
    let requests = (0..1_000).map(|round| {
        let index = round * 7 % visitors.len();
        let visitor = &visitors[index];
        async move {
            yield_now().await;
            let user = visitor.info("user").await?;
            ensure_eq!(user, format!("user-{index}"), "whose session this is");
            Checked::Ok(())
        }
    });
    for checked in join_all(requests).await {
        checked?;
    }
    Ok(())
}

pub(super) async fn r43_requests_dropped_at_any_await_leave_whole_sessions(driver: Driver) -> Checked {
    // The request waits before and after each of its two verbs: load and save.
    for stop in 0..4 {
        let site = driver.site()?;
        let (guest, neighbour) = (site.guest().await?, site.guest().await?);
        ensure!(!dropped_at(&site, &guest, stop).await?, "the request completed before its wait {stop}");
        ensure_eq!(guest.value("greeting").await?, "hello", "the session after a dropped request");
        let saved = if stop == 3 { json!(1) } else { Value::Null };
        ensure_eq!(guest.value("count").await?, saved, "the counter of a request dropped at its wait {stop}");
        guest.get("/increment?key=count").await?.ok()?;
        ensure_eq!(
            neighbour.get("/data").await?.body,
            "{\"greeting\":\"hello\"}",
            "another visitor's session"
        );
    }
    let site = driver.site()?;
    let guest = site.guest().await?;
    ensure!(
        dropped_at(&site, &guest, 4).await?,
        "a request that writes waits for more than a load and a save"
    );
    ensure_eq!(guest.value("count").await?, 1, "the counter");
    Ok(())
}

/// Lets a writing request pass so many waits and drops it at the next one. Says whether it completed before.
async fn dropped_at(site: &Site, guest: &Visitor, stop: usize) -> Result<bool, Failure> {
    for moment in [Moment::Before, Moment::After] {
        site.gate.park(Load, moment);
        site.gate.park(Save, moment);
    }
    let mut request = Box::pin(guest.get("/increment?key=count"));
    let mut passed = 0;
    let completed = loop {
        match select(request, Box::pin(site.gate.parked(1))).await {
            Either::Left((reply, _)) => break reply?.ok().is_ok(),
            Either::Right((parked, rest)) if passed == stop => {
                drop(rest);
                drop(parked);
                break false;
            }
            Either::Right((parked, rest)) => {
                drop(parked);
                request = rest;
                passed += 1;
            }
        }
    };
    site.gate.open();
    Ok(completed)
}

pub(super) async fn r48_asvs_15_4_4_a_request_that_hangs_keeps_nobody_waiting(driver: Driver) -> Checked {
    for verb in [Load, Save] {
        for moment in [Moment::Before, Moment::After] {
            let site = driver.site()?;
            let guest = site.guest().await?;
            site.gate.park(verb, moment);
            let mut hanging = Box::pin(guest.get("/increment?key=count"));
            let parked = match select(hanging, Box::pin(site.gate.parked(1))).await {
                Either::Left(_) => return Err(Failure::new("the request did not hang")),
                Either::Right((parked, rest)) => {
                    hanging = rest;
                    parked
                }
            };
            site.gate.park_no_more();
            for round in 0..5 {
                guest.get(&format!("/insert?key=key-{round}&value=1")).await?.ok()?;
            }
            // It is never heard of again, and nobody has to wait until somebody notices.
            drop(hanging);
            drop(parked);
            guest.get("/rotate").await?.new_cookie()?;
            ensure_eq!(guest.value("key-4").await?, "1", "what another request wrote meanwhile");
            guest.get("/destroy").await?.removes_the_cookie()?;
        }
    }
    Ok(())
}

pub(super) async fn r07_a_save_is_not_repeated_over_what_others_wrote_since(driver: Driver) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    let other = guest.copy();
    site.gate.park(Save, Moment::After);
    let meanwhile = async {
        let parked = site.gate.parked(1).await;
        site.gate.park_no_more();
        let reply = other.get("/insert?key=same&value=later").await;
        let asked = site.asked(&[Load, Save, Load, Save]);
        drop(parked);
        reply?.ok().and(asked)
    };
    let (saved, written) = join(guest.get("/save?key=same&value=earlier"), meanwhile).await;
    written?;
    saved?.ok()?;
    site.asked(&[])?;
    ensure_eq!(guest.value("same").await?, "later", "the value");
    Ok(())
}
