//! `put` with `Put::New`: the only way in which a key comes to life.

use cloakroom_core::{ErrorKind, Put, Record};

use super::Context;
use super::samples::{DAY, HOUR, NOW, after, full_record, holds, key, record, record_until, refused, user};
use crate::outcome::{Checked, ensure_eq};

pub(super) async fn fails_with_conflict_when_a_live_record_is_there(context: Context) -> Checked {
    let (key, _) = context.create(&record()).await?;
    refused(context.store().put(&key, Put::New, &full_record()?, NOW).await, ErrorKind::Conflict)
}

pub(super) async fn leaves_the_live_record_as_it_was(context: Context) -> Checked {
    let first = full_record()?;
    let (key, version) = context.create(&first).await?;
    refused(context.store().put(&key, Put::New, &record(), NOW).await, ErrorKind::Conflict)?;
    holds(&context, &key, &first, &version, NOW).await
}

pub(super) async fn replaces_an_expired_record_whole(context: Context) -> Checked {
    let (key, _) = context.create(&full_record()?).await?;
    let late = after(2 * HOUR);
    let next = Record { created: late, seen: late, ..record_until(after(3 * HOUR)) };
    let version = context.store().put(&key, Put::New, &next, late).await?;
    holds(&context, &key, &next, &version, late).await
}

pub(super) async fn works_after_a_delete_and_brings_nothing_back(context: Context) -> Checked {
    let (key, _) = context.create(&full_record()?).await?;
    context.store().delete(&key).await?;
    let next = record();
    let version = context.store().put(&key, Put::New, &next, NOW).await?;
    holds(&context, &key, &next, &version, NOW).await
}

pub(super) async fn keys_do_not_meet(context: Context) -> Checked {
    let mut made = Vec::new();
    for index in 0..20 {
        let record = Record { user: Some(user(&format!("user-{index}"))?), ..record() };
        let (key, version) = context.create(&record).await?;
        made.push((key, record, version));
    }
    for (key, record, version) in &made {
        holds(&context, key, record, version, NOW).await?;
    }
    Ok(())
}

pub(super) async fn a_version_is_not_used_twice_while_the_record_lives(context: Context) -> Checked {
    let store = context.store();
    let (key, first) = context.create(&record()).await?;
    let mut seen = vec![first.clone()];
    let mut version = first;
    for index in 0..20 {
        // The same content every other time: a version made of the content alone would come back.
        let next = if index % 2 == 0 { full_record()? } else { record() };
        version = store.put(&key, Put::At(version), &next, NOW).await?;
        ensure_eq!(seen.contains(&version), false, "whether a version came back at save {index}");
        seen.push(version.clone());
    }
    Ok(())
}

pub(super) async fn a_record_that_has_already_ended_is_never_served(context: Context) -> Checked {
    let key = key()?;
    // Whether the store takes it is its own affair; serving it is not.
    let _ = context.store().put(&key, Put::New, &record_until(after(-DAY)), NOW).await;
    super::samples::dead(&context, &key, NOW).await
}
