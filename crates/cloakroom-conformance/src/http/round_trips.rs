//! What each kind of request costs: the store's log, exactly.

use std::time::Duration;

use cloakroom_core::Operation;
use cloakroom_core::Operation::{Create, Delete, Load, Rename, Save, Touch};
use futures_util::future::join;

use super::site::Driver;
use crate::outcome::{Checked, ensure_eq};
use crate::tools::Moment;

/// More than a tenth of the default idle limit, from which on a touch is due.
const TOUCH_DUE: Duration = Duration::from_secs(361);

/// What one request of a visitor with a session asks of the store.
async fn costs(driver: &Driver, target: &str, later: Duration, expected: &[Operation]) -> Checked {
    let site = driver.site()?;
    let guest = site.guest().await?;
    site.clock.advance(later);
    guest.get(target).await?.ok()?;
    site.asked(expected)
}

pub(super) async fn a_session_that_is_not_asked_for_costs_nothing(driver: Driver) -> Checked {
    for later in [Duration::ZERO, TOUCH_DUE] {
        costs(&driver, "/none", later, &[]).await?;
    }
    Ok(())
}

pub(super) async fn a_visitor_without_a_cookie_costs_nothing(driver: Driver) -> Checked {
    let site = driver.site()?;
    for target in
        ["/none", "/look", "/read?key=a", "/data", "/info", "/remove?key=a", "/clear", "/rotate", "/destroy"]
    {
        site.visitor().get(target).await?.ok()?;
        site.asked(&[])?;
    }
    Ok(())
}

pub(super) async fn a_read_is_one_load(driver: Driver) -> Checked {
    for target in ["/look", "/read?key=greeting", "/data"] {
        costs(&driver, target, Duration::ZERO, &[Load]).await?;
    }
    Ok(())
}

pub(super) async fn loading_twice_is_one_load(driver: Driver) -> Checked {
    costs(&driver, "/info", Duration::ZERO, &[Load]).await
}

pub(super) async fn a_read_with_a_touch_due_is_two(driver: Driver) -> Checked {
    costs(&driver, "/read?key=greeting", TOUCH_DUE, &[Load, Touch]).await?;
    // Not yet due, a moment earlier.
    costs(&driver, "/read?key=greeting", Duration::from_secs(360), &[Load]).await
}

pub(super) async fn a_first_write_is_one_creation(driver: Driver) -> Checked {
    for target in [
        "/insert?key=a&value=b",
        "/increment?key=n",
        "/sign-in?user=ada",
        "/destroy-then-insert?key=a&value=b",
    ] {
        let site = driver.site()?;
        site.visitor().get(target).await?.ok()?;
        site.asked(&[Create])?;
    }
    Ok(())
}

pub(super) async fn a_write_is_a_load_and_a_save(driver: Driver) -> Checked {
    for target in ["/insert?key=a&value=b", "/increment?key=n", "/remove?key=greeting", "/clear", "/remember"]
    {
        // A touch that is due goes with the save.
        for later in [Duration::ZERO, TOUCH_DUE] {
            costs(&driver, target, later, &[Load, Save]).await?;
        }
    }
    Ok(())
}

pub(super) async fn writing_what_is_there_already_is_a_read(driver: Driver) -> Checked {
    costs(&driver, "/insert?key=greeting&value=hello", Duration::ZERO, &[Load]).await?;
    costs(&driver, "/remove?key=unknown", Duration::ZERO, &[Load]).await
}

pub(super) async fn a_sign_out_is_a_load_and_a_delete(driver: Driver) -> Checked {
    for later in [Duration::ZERO, TOUCH_DUE] {
        costs(&driver, "/destroy", later, &[Load, Delete]).await?;
    }
    Ok(())
}

pub(super) async fn a_new_id_is_a_load_and_a_save(driver: Driver) -> Checked {
    for target in ["/rotate", "/sign-in?user=ada"] {
        costs(&driver, target, Duration::ZERO, &[Load, Save]).await?;
    }
    Ok(())
}

pub(super) async fn a_new_session_in_the_place_of_another_is_a_load_and_a_rename(driver: Driver) -> Checked {
    costs(&driver, "/destroy-then-insert?key=a&value=b", Duration::ZERO, &[Load, Rename]).await
}

pub(super) async fn r07_an_explicit_save_is_not_repeated(driver: Driver) -> Checked {
    costs(&driver, "/save?key=a&value=b", Duration::ZERO, &[Load, Save]).await?;
    let site = driver.site()?;
    let visitor = site.visitor();
    visitor.get("/save?key=a&value=b").await?.new_cookie()?;
    site.asked(&[Create])?;
    ensure_eq!(visitor.value("a").await?, "b", "the saved value");
    Ok(())
}

pub(super) async fn a_conflict_costs_one_more_load_and_save(driver: Driver) -> Checked {
    let site = driver.site()?;
    let slow = site.guest().await?;
    let quick = slow.copy();
    site.gate.park(Save, Moment::Before);
    let overtake = async {
        let parked = site.gate.parked(1).await;
        site.gate.park_no_more();
        quick.get("/insert?key=quick&value=1").await?.ok()?;
        site.asked(&[Load, Save, Load, Save])?;
        drop(parked);
        Checked::Ok(())
    };
    let (reply, overtaken) = join(slow.get("/insert?key=slow&value=1"), overtake).await;
    overtaken?;
    reply?.ok()?;
    site.asked(&[Load, Save])?;
    ensure_eq!(slow.value("slow").await?, "1", "the slow request's value");
    ensure_eq!(slow.value("quick").await?, "1", "the quick request's value");
    Ok(())
}
