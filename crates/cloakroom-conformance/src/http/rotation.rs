//! Ids that are replaced because of their age, against requests that still carry the one before.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_core::Operation::{Load, Save};
use cloakroom_core::{Event, Observer, Policy, Reuse, Rotation};
use futures_util::future::{join, join_all};
use serde_json::Value;

use super::site::{Driver, Site, Visitor};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};
use crate::tools::Moment;

const AGE: Duration = Duration::from_secs(30 * 60);
const GRACE: Duration = Duration::from_secs(60);
const OVERLAP: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(1);

/// Counts how often a replaced id was shown again.
#[derive(Clone, Debug, Default)]
struct Reuses(Arc<Mutex<u32>>);

impl Observer for Reuses {
    fn observe(&self, event: &Event<'_>) {
        if matches!(event, Event::Reused) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
    }
}

impl Reuses {
    fn count(&self) -> u32 {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A site that replaces ids, and a visitor whose id has just reached that age.
async fn grown_old(driver: &Driver, reuse: Reuse) -> Result<(Site, Visitor, Reuses), Failure> {
    let reuses = Reuses::default();
    let rotation = Rotation::every(AGE).grace(GRACE).overlap(OVERLAP).on_reuse(reuse);
    let policy = Policy::default().rotation(rotation);
    let site = driver.site_with(|builder| builder.policy(policy).observer(reuses.clone()))?;
    let guest = site.guest().await?;
    site.clock.advance(AGE);
    Ok((site, guest, reuses))
}

/// That a browser is somebody.
async fn is_known(visitor: &Visitor, who: &str) -> Checked {
    ensure_eq!(visitor.value("greeting").await?, "hello", "what {who} reads");
    Ok(())
}

/// That a browser is nobody, and keeps its cookie.
async fn is_nobody(visitor: &Visitor, who: &str) -> Checked {
    let before = visitor.id();
    ensure_eq!(visitor.value("greeting").await?, Value::Null, "what {who} reads");
    ensure!(visitor.id() == before, "the cookie of {who} was changed");
    Ok(())
}

pub(super) async fn an_id_is_replaced_at_its_age_and_not_before(driver: Driver) -> Checked {
    let policy = Policy::default().rotation(Rotation::every(AGE));
    let site = driver.site_of(policy)?;
    let guest = site.guest().await?;
    site.clock.advance(AGE.checked_sub(MOMENT).unwrap_or_default());
    let first = guest.held_id()?;
    guest.get("/insert?key=a&value=b").await?.leaves_the_cookie()?;
    site.asked(&[Load, Save])?;
    site.clock.advance(MOMENT);
    // A request that does not ask for the session changes nothing.
    guest.get("/none").await?.leaves_the_cookie()?;
    site.asked(&[])?;
    guest.get("/read?key=greeting").await?.new_cookie()?;
    site.asked(&[Load, Save])?;
    ensure!(guest.held_id()? != first, "the id stayed");
    // The new id is shown for the first time, and then for the second.
    is_known(&guest, "the visitor").await?;
    site.asked(&[Load, Save])?;
    guest.get("/read?key=greeting").await?.leaves_the_cookie()?;
    site.asked(&[Load])
}

pub(super) async fn r09_fifty_requests_at_once_at_the_ids_age_sign_nobody_out(driver: Driver) -> Checked {
    const REQUESTS: usize = 50;
    let (site, guest, reuses) = grown_old(&driver, Reuse::End).await?;
    let first = guest.held_id()?;
    let tabs: Vec<_> = (0..REQUESTS).map(|_| guest.copy()).collect();
    site.gate.park(Load, Moment::After);
    let release = async {
        let parked = site.gate.parked(REQUESTS).await;
        site.gate.open();
        drop(parked);
    };
    let target = |tab| {
        if tab % 10 == 0 { format!("/insert?key=tab-{tab}&value=x") } else { "/read?key=greeting".to_owned() }
    };
    let targets: Vec<_> = (0..REQUESTS).map(target).collect();
    let requests = join_all(tabs.iter().zip(&targets).map(|(tab, target)| tab.get(target)));
    let (replies, ()) = join(requests, release).await;
    let mut ids = Vec::new();
    for (reply, target) in replies.into_iter().zip(&targets) {
        let reply = reply?;
        reply.ok()?;
        ensure!(target.starts_with("/insert") || reply.body == "\"hello\"", "a reader was signed out");
        ids.push(reply.new_cookie()?.value.clone());
    }
    ids.dedup();
    ensure_eq!(ids.len(), 1, "new ids");
    ensure!(ids.first() != Some(&first), "the id stayed");
    // More requests that were sent with the previous id arrive, while others come with the new one.
    let late = guest.copy();
    for tab in tabs.iter().take(5) {
        is_known(tab, "a tab with the new id").await?;
        is_known(&late.copy(), "a late tab").await?;
    }
    ensure_eq!(guest.info("values").await?, 6, "values: nobody's change is lost");
    ensure_eq!((site.rows().await?, reuses.count()), (1, 0), "records and reuses");
    Ok(())
}

pub(super) async fn owasp_renewal_the_previous_id_opens_the_session_until_its_grace_ends(
    driver: Driver,
) -> Checked {
    let (site, guest, reuses) = grown_old(&driver, Reuse::End).await?;
    let old = guest.copy();
    let reply = guest.get("/read?key=greeting").await?;
    let new = reply.new_cookie()?.value.clone();
    site.clock.advance(GRACE.checked_sub(MOMENT).unwrap_or_default());
    let told = old.copy();
    is_known(&told, "a browser with the previous id").await?;
    ensure_eq!(told.held_id()?, new, "the id that the previous one is told");
    site.clock.advance(MOMENT);
    is_nobody(&old, "a browser with the previous id after the grace").await?;
    is_known(&guest, "the visitor").await?;
    ensure_eq!(reuses.count(), 0, "reuses: nobody had shown the new id");
    Ok(())
}

pub(super) async fn owasp_renewal_the_previous_id_ends_soon_after_the_new_one_was_shown(
    driver: Driver,
) -> Checked {
    let (site, guest, reuses) = grown_old(&driver, Reuse::Report).await?;
    let old = guest.copy();
    is_known(&guest, "the visitor, who is told the new id").await?;
    is_known(&guest, "the visitor, who shows the new id").await?;
    site.clock.advance(OVERLAP.checked_sub(MOMENT).unwrap_or_default());
    let late = old.get("/read?key=greeting").await?;
    ensure_eq!(late.body, "\"hello\"", "what a request reads that was sent before");
    late.leaves_the_cookie()?;
    ensure_eq!(reuses.count(), 0, "reuses");
    site.clock.advance(MOMENT);
    is_nobody(&old, "whoever has the previous id").await?;
    ensure_eq!(reuses.count(), 1, "reuses");
    is_known(&guest, "the visitor").await
}

pub(super) async fn owasp_renewal_a_reused_id_ends_the_session_where_the_policy_says_so(
    driver: Driver,
) -> Checked {
    let (site, guest, reuses) = grown_old(&driver, Reuse::End).await?;
    let thief = guest.copy();
    is_known(&guest, "the visitor, who is told the new id").await?;
    is_known(&guest, "the visitor, who shows the new id").await?;
    site.clock.advance(OVERLAP);
    is_nobody(&thief, "whoever has the previous id").await?;
    ensure_eq!((site.rows().await?, reuses.count()), (0, 1), "records and reuses");
    is_nobody(&guest, "the visitor").await
}

pub(super) async fn a_lost_response_signs_nobody_out(driver: Driver) -> Checked {
    let (site, guest, _) = grown_old(&driver, Reuse::End).await?;
    // The response that brings the new id never arrives.
    is_known(&guest.copy(), "a request whose response is lost").await?;
    site.clock.advance(Duration::from_secs(10));
    guest.get("/insert?key=a&value=b").await?.new_cookie()?;
    site.clock.advance(GRACE);
    is_known(&guest, "the visitor").await?;
    ensure_eq!(guest.value("a").await?, "b", "what was written under the previous id");
    ensure_eq!(site.rows().await?, 1, "records");
    Ok(())
}

pub(super) async fn r16_a_sign_in_ends_every_id_before_it_at_once(driver: Driver) -> Checked {
    for target in ["/sign-in?user=ada", "/rotate"] {
        let (_site, guest, _) = grown_old(&driver, Reuse::Report).await?;
        let first = guest.copy();
        is_known(&guest, "the visitor, who is told the second id").await?;
        let second = guest.copy();
        let before = guest.held_id()?;
        guest.get(target).await?.new_cookie()?;
        ensure!(guest.held_id()? != before, "{target} kept the id");
        is_nobody(&first, "whoever has the first id").await?;
        is_nobody(&second, "whoever has the second id").await?;
        is_known(&guest, "the visitor").await?;
    }
    Ok(())
}

pub(super) async fn r01_a_logout_under_the_previous_id_ends_the_session(driver: Driver) -> Checked {
    let (site, guest, _) = grown_old(&driver, Reuse::Report).await?;
    let late = guest.copy();
    is_known(&guest, "the visitor, who is told the new id").await?;
    late.get("/destroy").await?.removes_the_cookie()?;
    ensure_eq!(site.rows().await?, 0, "records");
    is_nobody(&guest, "whoever has the new id").await
}
