//! `put` with `Put::At`: replaces exactly one version and never creates.

use cloakroom_core::{ErrorKind, Put, Record, Scope};

use super::Context;
use super::samples::{HOUR, NOW, after, dead, full_record, holds, key, record, record_until, refused, user};
use crate::outcome::{Checked, ensure_eq};

pub(super) async fn replaces_every_field(context: Context) -> Checked {
    let (key, version) = context.create(&full_record()?).await?;
    let plain = record();
    let version = context.store().put(&key, Put::At(version), &plain, NOW).await?;
    holds(&context, &key, &plain, &version, NOW).await?;
    let full = full_record()?;
    let version = context.store().put(&key, Put::At(version), &full, NOW).await?;
    holds(&context, &key, &full, &version, NOW).await
}

pub(super) async fn fails_with_conflict_when_another_writer_was_first(context: Context) -> Checked {
    let (key, stale) = context.create(&record()).await?;
    let winner = full_record()?;
    let version = context.store().put(&key, Put::At(stale.clone()), &winner, NOW).await?;
    refused(context.store().put(&key, Put::At(stale), &record(), NOW).await, ErrorKind::Conflict)?;
    holds(&context, &key, &winner, &version, NOW).await
}

pub(super) async fn every_former_version_conflicts(context: Context) -> Checked {
    let (key, first) = context.create(&record()).await?;
    let mut versions = vec![first.clone()];
    let mut current = first;
    for _ in 0..5 {
        current = context.store().put(&key, Put::At(current), &record(), NOW).await?;
        versions.push(current.clone());
    }
    versions.pop();
    for stale in versions {
        refused(context.store().put(&key, Put::At(stale), &full_record()?, NOW).await, ErrorKind::Conflict)?;
    }
    holds(&context, &key, &record(), &current, NOW).await
}

pub(super) async fn works_after_a_conflict(context: Context) -> Checked {
    let (key, stale) = context.create(&record()).await?;
    let current = context.store().put(&key, Put::At(stale.clone()), &record(), NOW).await?;
    refused(context.store().put(&key, Put::At(stale), &record(), NOW).await, ErrorKind::Conflict)?;
    let last = full_record()?;
    let version = context.store().put(&key, Put::At(current), &last, NOW).await?;
    holds(&context, &key, &last, &version, NOW).await
}

pub(super) async fn never_creates(context: Context) -> Checked {
    let key = key()?;
    // Only a store knows what its versions look like, so one of another key has to do.
    let (_, version) = context.create(&record()).await?;
    refused(context.store().put(&key, Put::At(version), &record(), NOW).await, ErrorKind::Gone)?;
    dead(&context, &key, NOW).await
}

pub(super) async fn never_revives_an_expired_record(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(HOUR))).await?;
    let late = after(HOUR + 1);
    let longer = record_until(after(3 * HOUR));
    refused(context.store().put(&key, Put::At(version), &longer, late).await, ErrorKind::Gone)?;
    dead(&context, &key, late).await
}

pub(super) async fn never_revives_a_deleted_record(context: Context) -> Checked {
    let (key, version) = context.create(&record()).await?;
    context.store().delete(&key).await?;
    refused(context.store().put(&key, Put::At(version), &record(), NOW).await, ErrorKind::Gone)?;
    dead(&context, &key, NOW).await
}

pub(super) async fn leaves_other_keys_alone(context: Context) -> Checked {
    let other = full_record()?;
    let (other_key, other_version) = context.create(&other).await?;
    let (key, version) = context.create(&record()).await?;
    context.store().put(&key, Put::At(version), &record(), NOW).await?;
    holds(&context, &other_key, &other, &other_version, NOW).await
}

pub(super) async fn may_end_the_record_early(context: Context) -> Checked {
    let (key, version) = context.create(&record_until(after(HOUR))).await?;
    let shorter = record_until(after(1));
    let version = context.store().put(&key, Put::At(version), &shorter, NOW).await?;
    holds(&context, &key, &shorter, &version, NOW).await?;
    dead(&context, &key, after(1)).await
}

pub(super) async fn moves_a_session_between_users(context: Context) -> Checked {
    let (ada, bob) = (user("ada")?, user("bob")?);
    let (key, mut version) = context.create(&record()).await?;
    for owner in [Some(&ada), Some(&bob), None] {
        let next = Record { user: owner.cloned(), ..record() };
        version = context.store().put(&key, Put::At(version), &next, NOW).await?;
        for user in [&ada, &bob] {
            let scope = Scope::User(user.clone());
            let expected = u64::from(owner == Some(user));
            ensure_eq!(
                context.store().count(&scope, NOW).await?,
                expected,
                "sessions of a user after a save"
            );
        }
    }
    Ok(())
}
