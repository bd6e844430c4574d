//! A caller that goes away: every verb's future is dropped after its first poll, its second, and so on until it
//! completes. What it was to do is then done or not done, and the store works.

use std::num::NonZeroU32;

use cloakroom_core::{
    Data, ErrorKind, Put, Record, Scope, SessionLimit, Store, StoreError, StoreKey, Version, WhenFull,
};
use futures_util::future::BoxFuture;
use serde_json::json;

use super::Context;
use super::samples::{
    Account, HOUR, LONG, NOW, after, data, found, full_record, key, record, record_of, same, signed_in,
    summary, user,
};
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure};
use crate::run::drop_after;

/// No verb needs as many polls; a future that does never completes.
const MOST: usize = 10_000;

pub(super) async fn of_load_changes_nothing(context: Context) -> Checked {
    let record = full_record()?;
    let (key, version) = context.create(&record).await?;
    for polls in 0..MOST {
        let outcome = drop_after(polls, context.store().load(&key, NOW)).await;
        super::samples::holds(&context, &key, &record, &version, NOW).await?;
        if outcome.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_a_creation_leaves_it_done_or_not_done(context: Context) -> Checked {
    let record = full_record()?;
    for polls in 0..MOST {
        let key = key()?;
        let outcome = drop_after(polls, context.store().put(&key, Put::New, &record, NOW)).await;
        if let Some(stored) = context.live(&key, NOW).await? {
            same(&stored.record, &record)?;
        } else {
            ensure!(outcome.is_none(), "a creation that completed left nothing");
        }
        usable(&context, &key).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_a_save_leaves_it_done_or_not_done(context: Context) -> Checked {
    for polls in 0..MOST {
        let (key, version) = context.create(&record()).await?;
        let next = full_record()?;
        let outcome = drop_after(polls, context.store().put(&key, Put::At(version), &next, NOW)).await;
        done_or_not(&context, &key, &[&record(), &next]).await?;
        usable(&context, &key).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_a_touch_leaves_it_done_or_not_done(context: Context) -> Checked {
    for polls in 0..MOST {
        let before = full_record()?;
        let (key, version) = context.create(&before).await?;
        let (seen, expires) = (after(1), after(2 * HOUR));
        let outcome =
            drop_after(polls, context.store().touch(&key, touch(&version, seen, expires), NOW)).await;
        done_or_not(&context, &key, &[&before, &Record { seen, expires, ..before.clone() }]).await?;
        usable(&context, &key).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_a_rename_leaves_exactly_one_key(context: Context) -> Checked {
    for polls in 0..MOST {
        let (before, moved) = (record(), full_record()?);
        let (from, version) = context.create(&before).await?;
        let to = key()?;
        let outcome = drop_after(polls, context.store().rename(&from, version, &to, &moved, NOW)).await;
        // The old key is asked first: if it is dead the rename has happened, and the new one has to answer.
        match context.live(&from, NOW).await? {
            Some(stored) => {
                same(&stored.record, &before)?;
                ensure!(outcome.is_none(), "a rename that completed left the old key alive");
            }
            None => same(&found(&context, &to, NOW).await?.record, &moved)?,
        }
        usable(&context, &from).await?;
        usable(&context, &to).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_a_delete_leaves_it_done_or_not_done(context: Context) -> Checked {
    for polls in 0..MOST {
        let before = full_record()?;
        let (key, _) = context.create(&before).await?;
        let outcome = drop_after(polls, context.store().delete(&key)).await;
        if let Some(stored) = context.live(&key, NOW).await? {
            same(&stored.record, &before)?;
            ensure!(outcome.is_none(), "a delete that completed left the record");
        }
        usable(&context, &key).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_a_sweep_takes_no_live_record(context: Context) -> Checked {
    let kept = Record { expires: after(2 * LONG), ..full_record()? };
    let (keep, version) = context.create(&kept).await?;
    for polls in 0..MOST {
        context.create(&record()).await?;
        let outcome = drop_after(polls, context.store().sweep(super::sweep::limit(100)?, after(LONG))).await;
        super::samples::holds(&context, &keep, &kept, &version, after(LONG)).await?;
        if outcome.transpose()?.is_some() {
            super::sweep::sweep_all(context.store(), 100, after(LONG)).await?;
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_list_and_count_changes_nothing(context: Context) -> Checked {
    let record = full_record()?;
    let (key, version) = context.create(&record).await?;
    let (page, scope) = (super::users::page(10)?, Scope::All);
    until_complete(|| context.store().list(&scope, page.clone(), NOW)).await?;
    until_complete(|| context.store().count(&scope, NOW)).await?;
    super::samples::holds(&context, &key, &record, &version, NOW).await
}

pub(super) async fn of_end_leaves_it_done_or_not_done(context: Context) -> Checked {
    let ada = user("ada")?;
    let scope = Scope::User(ada.clone());
    for polls in 0..MOST {
        for _ in 0..3 {
            context.create(&record_of(&ada)).await?;
        }
        let outcome = drop_after(polls, context.store().end(&scope, None, NOW)).await;
        // All three or none, in one look.
        let live = context.store().count(&scope, NOW).await?;
        ensure!(
            live == 0 || live == 3 && outcome.is_none(),
            "{live} of 3 sessions outlived an end that was dropped"
        );
        context.store().end(&scope, None, NOW).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn of_an_admission_leaves_it_done_or_not_done(context: Context) -> Checked {
    let limit = SessionLimit { most: NonZeroU32::MIN, when_full: WhenFull::EndOldest };
    for polls in 0..MOST {
        let account = Account::open(&context, &format!("ada-{polls}")).await?;
        let scope = Scope::User(account.user.clone());
        let (before, record) = (signed_in(&account.user, 0)?, signed_in(&account.user, 1)?);
        let (other, _) = context.create(&before).await?;
        let (key, admission) = (key()?, account.admission(limit));
        let admit = context.store().admit(&key, Put::New, &record, &admission, NOW);
        let outcome = drop_after(polls, admit).await;
        // In one look: the session that was there, or the one that was let in.
        let rows = context.store().list(&scope, super::users::page(10)?, NOW).await?;
        let done = rows == [summary(&key, &record)];
        ensure!(done || outcome.is_none(), "an admission that completed left {} sessions", rows.len());
        ensure!(done || rows == [summary(&other, &before)], "{} sessions where one may be", rows.len());
        usable(&context, &key).await?;
        usable(&context, &account.mark).await?;
        if outcome.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

pub(super) async fn r43_gives_no_caller_the_answer_of_another(context: Context) -> Checked {
    let numbered = |index: usize| Record { data: data(json!({ "number": index })), ..record() };
    let mut made = Vec::new();
    for index in 0..20 {
        made.push(context.create(&numbered(index)).await?.0);
    }
    for polls in 0..20 {
        for (index, key) in made.iter().enumerate() {
            let _ = drop_after(polls, context.store().load(key, NOW)).await;
            let other = (index + polls + 1) % made.len();
            same(&found(&context, &made[other], NOW).await?.record, &numbered(other))?;
        }
    }
    Ok(())
}

/// Drops the future of one verb at every await, until it completes.
async fn until_complete<'a, T>(verb: impl Fn() -> BoxFuture<'a, Result<T, StoreError>>) -> Checked {
    for polls in 0..MOST {
        if drop_after(polls, verb()).await.transpose()?.is_some() {
            return Ok(());
        }
    }
    endless()
}

/// That the record is one of these, whole.
async fn done_or_not(context: &Context, key: &StoreKey, possible: &[&Record]) -> Checked {
    let stored = found(context, key, NOW).await?;
    let whole = possible.iter().any(|record| same(&stored.record, record).is_ok());
    ensure!(whole, "the record is neither as it was nor as it was to become");
    Ok(())
}

/// That the key can be cleared, created, saved and read. An operation whose caller went away may still arrive, so
/// this tries again a few times.
async fn usable(context: &Context, key: &StoreKey) -> Checked {
    let last = Record { data: Data::new(), ..record() };
    for _ in 0..100 {
        context.store().delete(key).await?;
        let written = again(context.store(), key, &last).await;
        match written {
            Ok(_) => return same(&found(context, key, NOW).await?.record, &last),
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Gone) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new("the key cannot be used after a future was dropped"))
}

async fn again(store: &dyn Store, key: &StoreKey, record: &Record) -> Result<Version, StoreError> {
    let version = store.put(key, Put::New, record, NOW).await?;
    store.put(key, Put::At(version), record, NOW).await
}

fn endless() -> Checked {
    Err(Failure::new(format!("did not complete within {MOST} polls")))
}
