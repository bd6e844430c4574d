//! `touch`: moves activity and expiry of a live record and nothing else.

use cloakroom_core::{ErrorKind, Put, Record, Timestamp, Touch, Version};

use super::Context;
use super::samples::{HOUR, NOW, after, dead, full_record, holds, key, record, record_until, refused};
use crate::outcome::Checked;

/// A touch that moves activity to `seen` and expiry to `expires`.
pub(super) fn touch(version: &Version, seen: Timestamp, expires: Timestamp) -> Touch {
    Touch { version: version.clone(), seen, expires }
}

pub(super) async fn moves_activity_and_expiry_and_nothing_else(context: Context) -> Checked {
    let before = full_record()?;
    let (key, version) = context.create(&before).await?;
    let (seen, expires) = (after(MOVE), after(HOUR + 7 + MOVE));
    context.store().touch(&key, touch(&version, seen, expires), after(MOVE)).await?;
    holds(&context, &key, &Record { seen, expires, ..before }, &version, after(MOVE)).await
}

pub(super) async fn makes_the_record_live_longer(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(HOUR))).await?;
    context.store().touch(&key, touch(&version, after(MOVE), after(HOUR + MOVE)), after(MOVE)).await?;
    super::samples::found(&context, &key, after(HOUR + MOVE - 1)).await?;
    dead(&context, &key, after(HOUR + MOVE)).await
}

pub(super) async fn leaves_the_version_valid_for_a_save(context: Context) -> Checked {
    let (key, version) = context.create(&record()).await?;
    context.store().touch(&key, touch(&version, after(MOVE), after(HOUR + MOVE)), after(MOVE)).await?;
    let next = full_record()?;
    let version = context.store().put(&key, Put::At(version), &next, after(MOVE)).await?;
    holds(&context, &key, &next, &version, after(MOVE)).await
}

pub(super) async fn fails_with_gone_when_nothing_was_there_and_creates_nothing(context: Context) -> Checked {
    let (_, version) = context.create(&record()).await?;
    let key = key()?;
    refused(context.store().touch(&key, touch(&version, NOW, after(HOUR)), NOW).await, ErrorKind::Gone)?;
    dead(&context, &key, NOW).await
}

pub(super) async fn r02_never_revives_an_expired_record(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(HOUR))).await?;
    let late = after(HOUR + 1);
    refused(
        context.store().touch(&key, touch(&version, late, after(3 * HOUR)), late).await,
        ErrorKind::Gone,
    )?;
    dead(&context, &key, late).await
}

pub(super) async fn r10_never_revives_a_deleted_record(context: Context) -> Checked {
    let (key, version) = context.create(&record()).await?;
    context.store().delete(&key).await?;
    refused(context.store().touch(&key, touch(&version, NOW, after(3 * HOUR)), NOW).await, ErrorKind::Gone)?;
    dead(&context, &key, NOW).await
}

pub(super) async fn never_moves_an_expiry_backwards(context: Context) -> Checked {
    let before = Record { seen: after(HOUR / 2), ..record_until(after(HOUR)) };
    let (key, version) = context.create(&before).await?;
    context.store().touch(&key, touch(&version, NOW, after(HOUR - 1)), NOW).await?;
    holds(&context, &key, &before, &version, NOW).await
}

pub(super) async fn moves_activity_also_when_the_expiry_stays(context: Context) -> Checked {
    // At its deadline a session's expiry cannot move any more, but its last activity does.
    let before = record_until(after(HOUR));
    let (key, version) = context.create(&before).await?;
    context.store().touch(&key, touch(&version, after(MOVE), after(HOUR)), after(MOVE)).await?;
    holds(&context, &key, &Record { seen: after(MOVE), ..before }, &version, after(MOVE)).await
}

pub(super) async fn changes_nothing_when_decided_on_an_older_version(context: Context) -> Checked {
    let (key, stale) = context.create(&record()).await?;
    let next = full_record()?;
    let version = context.store().put(&key, Put::At(stale.clone()), &next, NOW).await?;
    context.store().touch(&key, touch(&stale, after(MOVE), after(9 * HOUR)), after(MOVE)).await?;
    holds(&context, &key, &next, &version, after(MOVE)).await
}

pub(super) async fn of_an_older_version_is_gone_too_when_the_record_has_ended(context: Context) -> Checked {
    let (key, stale) = context.create(&record()).await?;
    context.store().put(&key, Put::At(stale.clone()), &record(), NOW).await?;
    context.store().delete(&key).await?;
    refused(context.store().touch(&key, touch(&stale, NOW, after(9 * HOUR)), NOW).await, ErrorKind::Gone)
}

pub(super) async fn twice_is_the_same_as_once(context: Context) -> Checked {
    let before = record();
    let (key, version) = context.create(&before).await?;
    let (seen, expires) = (after(MOVE), after(HOUR + MOVE));
    for _ in 0..2 {
        context.store().touch(&key, touch(&version, seen, expires), after(MOVE)).await?;
    }
    holds(&context, &key, &Record { seen, expires, ..before }, &version, after(MOVE)).await
}

pub(super) async fn leaves_other_keys_alone(context: Context) -> Checked {
    let other = full_record()?;
    let (other_key, other_version) = context.create(&other).await?;
    let (key, version) = context.create(&record()).await?;
    context.store().touch(&key, touch(&version, after(MOVE), after(HOUR + MOVE)), after(MOVE)).await?;
    holds(&context, &other_key, &other, &other_version, NOW).await
}

/// How far most cases move, with odd milliseconds.
const MOVE: i64 = 10 * super::samples::MINUTE + 1;
