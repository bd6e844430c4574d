//! `sweep`: removes expired records, a bounded number at a time, and never a live one.
//!
//! A store may leave a record for a while after its end (a coarse sweep column), so what has to go here has expired
//! long ago.

use std::num::NonZeroU32;

use cloakroom_core::{Loaded, Put, Record, Remaining, Scope, Store, StoreKey, Timestamp};

use super::Context;
use super::samples::{
    DAY, HOUR, LONG, MINUTE, NOW, after, full_record, holds, key, record, record_until, same, user,
};
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// A sweep's limit.
pub(super) fn limit(count: u32) -> Result<NonZeroU32, Failure> {
    NonZeroU32::new(count).ok_or_else(|| Failure::new("a limit of zero"))
}

/// Sweeps until nothing remains and returns how many were removed.
pub(super) async fn sweep_all(store: &dyn Store, most: u32, now: Timestamp) -> Result<u64, Failure> {
    let mut removed = 0;
    for _ in 0..1_000 {
        let swept = store.sweep(limit(most)?, now).await?;
        ensure!(swept.removed <= u64::from(most), "removed {} with a limit of {most}", swept.removed);
        removed += swept.removed;
        if swept.remaining == Remaining::Nothing {
            return Ok(removed);
        }
    }
    Err(Failure::new("a thousand sweeps never said that nothing remains"))
}

pub(super) async fn of_an_empty_store_finds_nothing(context: Context) -> Checked {
    let swept = context.store().sweep(limit(10)?, NOW).await?;
    ensure_eq!((swept.removed, swept.remaining), (0, Remaining::Nothing), "an empty store");
    Ok(())
}

pub(super) async fn removes_what_has_expired_and_says_how_many(context: Context) -> Checked {
    let expired = create(&context, 5, after(HOUR)).await?;
    create(&context, 3, after(LONG + DAY)).await?;
    ensure_eq!(sweep_all(context.store(), 100, after(LONG)).await?, 5, "removed");
    ensure_eq!(context.store().count(&Scope::All, after(LONG)).await?, 3, "live records afterwards");
    for key in &expired {
        ensure_eq!(context.store().load(key, after(LONG)).await?, Loaded::Absent, "a swept key");
        // Asked with a time at which it was live, a row that is still there would answer.
        ensure_eq!(context.store().load(key, NOW).await?, Loaded::Absent, "a swept key, before its expiry");
    }
    ensure_eq!(sweep_all(context.store(), 100, after(LONG)).await?, 0, "removed by a second sweep");
    Ok(())
}

pub(super) async fn removes_at_most_its_limit(context: Context) -> Checked {
    create(&context, 40, after(HOUR)).await?;
    let first = context.store().sweep(limit(3)?, after(LONG)).await?;
    ensure!(first.removed <= 3, "removed {} with a limit of 3", first.removed);
    ensure_eq!(first.remaining, Remaining::Perhaps, "with at least 37 left");
    // With the time before their end, those that were not removed are still live.
    let left = context.store().count(&Scope::All, NOW).await?;
    ensure_eq!(left, 40 - first.removed, "records that are still there");
    let removed = sweep_all(context.store(), 1, after(LONG)).await?;
    ensure_eq!(removed + first.removed, 40, "removed in the end");
    Ok(())
}

pub(super) async fn takes_the_largest_limit(context: Context) -> Checked {
    create(&context, 3, after(HOUR)).await?;
    ensure_eq!(sweep_all(context.store(), u32::MAX, after(LONG)).await?, 3, "removed");
    Ok(())
}

pub(super) async fn never_removes_a_live_record(context: Context) -> Checked {
    for ends in [1, 2, 999, 1_000, MINUTE, HOUR, DAY, LONG] {
        let record = record_until(after(ends));
        let (key, version) = context.create(&record).await?;
        let last = after(ends - 1);
        sweep_all(context.store(), 100, last).await?;
        holds(&context, &key, &record, &version, last).await?;
    }
    Ok(())
}

pub(super) async fn never_removes_a_record_that_was_touched(context: Context) -> Checked {
    let before = record_until(after(HOUR));
    let (key, version) = context.create(&before).await?;
    let (seen, expires) = (after(MINUTE), after(LONG));
    context.store().touch(&key, touch(&version, seen, expires), seen).await?;
    // A coarse sweep column that the touch does not write says that this record has ended.
    sweep_all(context.store(), 100, after(LONG - 1)).await?;
    holds(&context, &key, &Record { seen, expires, ..before }, &version, after(LONG - 1)).await
}

pub(super) async fn never_removes_a_record_that_was_saved_for_longer(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(HOUR))).await?;
    let longer = record_until(after(LONG));
    let version = context.store().put(&key, Put::At(version), &longer, NOW).await?;
    sweep_all(context.store(), 100, after(LONG - 1)).await?;
    holds(&context, &key, &longer, &version, after(LONG - 1)).await
}

pub(super) async fn removes_what_was_saved_for_a_shorter_time(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(3 * LONG))).await?;
    context.store().put(&key, Put::At(version), &record_until(after(HOUR)), NOW).await?;
    ensure_eq!(sweep_all(context.store(), 100, after(LONG)).await?, 1, "removed");
    Ok(())
}

pub(super) async fn removes_a_touched_record_once_it_has_ended(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(HOUR))).await?;
    context.store().touch(&key, touch(&version, NOW, after(2 * HOUR)), NOW).await?;
    ensure_eq!(sweep_all(context.store(), 100, after(LONG)).await?, 1, "removed");
    Ok(())
}

pub(super) async fn leaves_live_records_whole(context: Context) -> Checked {
    create(&context, 5, after(HOUR)).await?;
    let kept = Record { expires: after(2 * LONG), user: Some(user("ada")?), ..full_record()? };
    let (key, version) = context.create(&kept).await?;
    sweep_all(context.store(), 2, after(LONG)).await?;
    holds(&context, &key, &kept, &version, after(LONG)).await
}

pub(super) async fn many_at_once_count_nothing_twice(context: Context) -> Checked {
    let kept = context.create(&record_until(after(3 * LONG))).await?;
    create(&context, 60, after(HOUR)).await?;
    let sweepers = (0..8).map(|index| {
        let store = context.node(index);
        async move { sweep_all(&*store, 7, after(LONG)).await }
    });
    let mut removed = 0;
    for swept in context.parallel(sweepers).await? {
        removed += swept?;
    }
    // A sweeper may pass over rows that another has locked and has not yet removed.
    removed += sweep_all(context.store(), 7, after(LONG)).await?;
    ensure_eq!(removed, 60, "removed by all sweepers together");
    let stored = super::samples::found(&context, &kept.0, after(LONG)).await?;
    same(&stored.record, &record_until(after(3 * LONG)))
}

pub(super) async fn racing_a_creation_never_takes_the_new_record(context: Context) -> Checked {
    for _ in 0..20 {
        let (key, _) = context.create(&record_until(after(HOUR))).await?;
        let fresh = record_until(after(3 * LONG));
        let (store, other, name) = (context.node(0), context.node(1), key.clone());
        let create = async move { store.put(&name, Put::New, &fresh, after(LONG)).await.map(|_| 0) };
        let sweep = async move { other.sweep(NonZeroU32::MIN, after(LONG)).await.map(|swept| swept.removed) };
        let tasks: [futures_util::future::BoxFuture<'static, _>; 2] = [Box::pin(create), Box::pin(sweep)];
        for outcome in context.parallel(tasks).await? {
            outcome?;
        }
        super::samples::found(&context, &key, after(LONG)).await?;
        context.store().delete(&key).await?;
    }
    Ok(())
}

/// Creates this many records that end at `expires`.
async fn create(context: &Context, count: usize, expires: Timestamp) -> Result<Vec<StoreKey>, Failure> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let key = key()?;
        context.store().put(&key, Put::New, &Record { expires, ..record() }, NOW).await?;
        keys.push(key);
    }
    Ok(keys)
}
