//! Instants: every verb agrees to the millisecond on when a record ends, at any time that can be written down.

use std::time::Duration;

use cloakroom_core::{ErrorKind, Lifetime, Put, Record, Scope, Timestamp};

use super::Context;
use super::samples::{DAY, HOUR, NOW, after, dead, found, holds, key, record, record_until, refused, user};
use super::touch::touch;
use crate::outcome::{Checked, ensure_eq};

const LAST: i64 = HOUR - 1;

pub(super) async fn load_finds_a_record_until_the_millisecond_before_its_end(context: Context) -> Checked {
    let (key, _) = context.create(&record_until(after(HOUR))).await?;
    found(&context, &key, after(LAST)).await?;
    dead(&context, &key, after(HOUR)).await
}

pub(super) async fn create_is_refused_until_the_millisecond_before_its_end(context: Context) -> Checked {
    let (key, _) = context.create(&record_until(after(HOUR))).await?;
    let next = record_until(after(2 * HOUR));
    refused(context.store().put(&key, Put::New, &next, after(LAST)).await, ErrorKind::Conflict)?;
    let version = context.store().put(&key, Put::New, &next, after(HOUR)).await?;
    holds(&context, &key, &next, &version, after(HOUR)).await
}

pub(super) async fn save_works_until_the_millisecond_before_its_end(context: Context) -> Checked {
    let record = record_until(after(HOUR));
    let (key, version) = context.create(&record).await?;
    let version = context.store().put(&key, Put::At(version), &record, after(LAST)).await?;
    refused(context.store().put(&key, Put::At(version), &record, after(HOUR)).await, ErrorKind::Gone)
}

pub(super) async fn touch_works_until_the_millisecond_before_its_end(context: Context) -> Checked {
    for now in [after(LAST), after(HOUR)] {
        let (key, version) = context.create(&record_until(after(HOUR))).await?;
        let outcome = context.store().touch(&key, touch(&version, now, after(2 * HOUR)), now).await;
        if now == after(LAST) {
            outcome?;
            found(&context, &key, after(2 * HOUR - 1)).await?;
        } else {
            refused(outcome, ErrorKind::Gone)?;
            dead(&context, &key, now).await?;
        }
    }
    Ok(())
}

pub(super) async fn rename_works_until_the_millisecond_before_its_end(context: Context) -> Checked {
    let record = record_until(after(HOUR));
    for now in [after(LAST), after(HOUR)] {
        let (from, version) = context.create(&record).await?;
        let to = key()?;
        let outcome = context.store().rename(&from, version, &to, &record_until(after(2 * HOUR)), now).await;
        if now == after(LAST) {
            outcome?;
            found(&context, &to, now).await?;
        } else {
            refused(outcome, ErrorKind::Gone)?;
            dead(&context, &to, now).await?;
        }
    }
    Ok(())
}

pub(super) async fn rename_is_refused_until_the_millisecond_before_the_targets_end(
    context: Context,
) -> Checked {
    let (to, _) = context.create(&record_until(after(HOUR))).await?;
    let longer = record_until(after(2 * HOUR));
    let (from, version) = context.create(&longer).await?;
    let early = context.store().rename(&from, version.clone(), &to, &longer, after(LAST)).await;
    refused(early, ErrorKind::Conflict)?;
    let version = context.store().rename(&from, version, &to, &longer, after(HOUR)).await?;
    holds(&context, &to, &longer, &version, after(HOUR)).await
}

pub(super) async fn list_count_and_end_agree_on_the_millisecond(context: Context) -> Checked {
    let scope = Scope::User(user("ada")?);
    let record = Record { user: Some(user("ada")?), ..record_until(after(HOUR)) };
    let (key, _) = context.create(&record).await?;
    for (now, expected) in [(after(LAST), 1), (after(HOUR), 0)] {
        let store = context.store();
        let rows = store.list(&scope, super::users::page(10)?, now).await?;
        ensure_eq!(rows.len(), expected, "listed at {now}");
        ensure_eq!(store.count(&scope, now).await?, expected as u64, "counted at {now}");
    }
    ensure_eq!(context.store().end(&scope, None, after(HOUR)).await?, 0, "ended at its end");
    // Whether ending removes what had expired by itself is the store's own affair.
    context.store().delete(&key).await?;
    context.create(&record).await?;
    ensure_eq!(context.store().end(&scope, None, after(LAST)).await?, 1, "ended before its end");
    Ok(())
}

pub(super) async fn milliseconds_are_kept(context: Context) -> Checked {
    for odd in [0, 1, 499, 500, 501, 998, 999] {
        let record = Record {
            created: after(odd - 5_000),
            seen: after(odd - 1_000),
            deadline: Some(after(DAY + odd)),
            ..record_until(after(HOUR + odd))
        };
        let (key, version) = context.create(&record).await?;
        holds(&context, &key, &record, &version, after(odd)).await?;
    }
    Ok(())
}

pub(super) async fn no_clock_is_read(context: Context) -> Checked {
    // 1971, 2038 and later, the year 9999, and the last instant there is: a store that asks its own or its
    // database's clock serves the dead or buries the living.
    for start in
        [31_536_000_001, 2_147_483_647_999, 4_294_967_296_000, 253_402_300_799_000, i64::MAX - 10_000]
    {
        let now = Timestamp::from_millis(start);
        let expires = now.plus(Duration::from_millis(1_001));
        let record = Record { created: now, seen: now, deadline: Some(expires), ..record_until(expires) };
        let key = key()?;
        let version = context.store().put(&key, Put::New, &record, now).await?;
        holds(&context, &key, &record, &version, now).await?;
        let scope = Scope::All;
        ensure_eq!(context.store().count(&scope, now).await?, 1, "live records at {now}");
        dead(&context, &key, expires).await?;
        let later = expires.plus(Duration::from_millis(5));
        context.store().touch(&key, touch(&version, now, later), now).await?;
        found(&context, &key, expires).await?;
        context.store().delete(&key).await?;
    }
    Ok(())
}

pub(super) async fn a_record_may_live_for_ever(context: Context) -> Checked {
    let absolute = Lifetime::absolute(Duration::from_millis(u64::MAX / 2));
    let record =
        Record { lifetime: absolute, deadline: Some(Timestamp::MAX), expires: Timestamp::MAX, ..record() };
    let (key, version) = context.create(&record).await?;
    let late = Timestamp::from_millis(i64::MAX - 1);
    for now in [NOW, late] {
        context.store().sweep(super::sweep::limit(100)?, now).await?;
        holds(&context, &key, &record, &version, now).await?;
    }
    let version = context.store().put(&key, Put::At(version), &record, late).await?;
    context.store().touch(&key, touch(&version, late, Timestamp::MAX), late).await?;
    let to = super::samples::key()?;
    context.store().rename(&key, version, &to, &record, late).await?;
    found(&context, &to, late).await?;
    dead(&context, &to, Timestamp::MAX).await
}

pub(super) async fn times_before_1970_are_times(context: Context) -> Checked {
    let record =
        Record { created: Timestamp::from_millis(-1), seen: Timestamp::from_millis(i64::MIN), ..record() };
    let (key, version) = context.create(&record).await?;
    holds(&context, &key, &record, &version, NOW).await?;
    found(&context, &key, Timestamp::from_millis(i64::MIN)).await?;
    found(&context, &key, Timestamp::from_millis(0)).await?;
    Ok(())
}

pub(super) async fn r18_the_absolute_limit_survives_saves_and_touches(context: Context) -> Checked {
    let record = super::samples::full_record()?;
    let (key, version) = context.create(&record).await?;
    let version = context.store().put(&key, Put::At(version), &record, NOW).await?;
    let (seen, expires) = (after(1), after(2 * HOUR));
    context.store().touch(&key, touch(&version, seen, expires), NOW).await?;
    holds(&context, &key, &Record { seen, expires, ..record }, &version, NOW).await
}
