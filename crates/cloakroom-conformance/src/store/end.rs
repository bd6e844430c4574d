//! `end`: ends a scope's sessions but one, atomically.

use cloakroom_core::{ErrorKind, Put, Record, Scope, StoreKey, UserId, Version};
use futures_util::future::BoxFuture;

use super::Context;
use super::samples::{
    HOUR, NOW, after, change, dead, full_record, holds, key, mark, record, record_of, record_until, refused,
    signed_in, user,
};
use super::touch::touch;
use super::users::of;
use crate::outcome::{Checked, Failure, ensure_eq};
use crate::run::yield_now;

/// How often a session changes at most while it is being ended: a store that never ends one must not hang the suite.
const MOST: usize = 1_000;

pub(super) async fn asvs_7_4_2_r24_ends_every_session_of_the_user_and_says_how_many(
    context: Context,
) -> Checked {
    let ada = user("ada")?;
    let mine = create(&context, &ada, 5).await?;
    let ended = context.store().end(&Scope::User(ada), None, NOW).await?;
    ensure_eq!(ended, 5, "ended");
    for (key, version) in mine {
        dead(&context, &key, NOW).await?;
        let store = context.store();
        refused(store.put(&key, Put::At(version.clone()), &record(), NOW).await, ErrorKind::Gone)?;
        refused(store.touch(&key, touch(&version, NOW, after(9 * HOUR)), NOW).await, ErrorKind::Gone)?;
        let to = super::samples::key()?;
        refused(store.rename(&key, version, &to, &record(), NOW).await, ErrorKind::Gone)?;
        dead(&context, &key, NOW).await?;
        dead(&context, &to, NOW).await?;
    }
    Ok(())
}

pub(super) async fn leaves_the_sessions_of_others(context: Context) -> Checked {
    let (ada, bob) = (user("ada")?, user("bob")?);
    create(&context, &ada, 2).await?;
    let bobs = create(&context, &bob, 2).await?;
    let anonymous = record();
    let (nobodys, nobodys_version) = context.create(&anonymous).await?;
    context.store().end(&Scope::User(ada), None, NOW).await?;
    for (key, version) in bobs {
        holds(&context, &key, &record_of(&bob), &version, NOW).await?;
    }
    holds(&context, &nobodys, &anonymous, &nobodys_version, NOW).await
}

pub(super) async fn asvs_7_4_3_r23_keeps_the_one_that_is_to_be_kept(context: Context) -> Checked {
    let ada = user("ada")?;
    let kept = Record { user: Some(ada.clone()), ..full_record()? };
    let (keep, version) = context.create(&kept).await?;
    let others = create(&context, &ada, 3).await?;
    let ended = context.store().end(&Scope::User(ada.clone()), Some(&keep), NOW).await?;
    ensure_eq!(ended, 3, "ended");
    for (key, _) in others {
        dead(&context, &key, NOW).await?;
    }
    holds(&context, &keep, &kept, &version, NOW).await?;
    context.store().put(&keep, Put::At(version), &record_of(&ada), NOW).await?;
    Ok(())
}

pub(super) async fn a_key_to_keep_that_is_not_the_users_changes_nothing(context: Context) -> Checked {
    let (ada, bob) = (user("ada")?, user("bob")?);
    let (bobs, version) = context.create(&record_of(&bob)).await?;
    for keep in [bobs.clone(), key()?] {
        create(&context, &ada, 2).await?;
        let ended = context.store().end(&Scope::User(ada.clone()), Some(&keep), NOW).await?;
        ensure_eq!(ended, 2, "ended");
        dead(&context, &key()?, NOW).await?;
    }
    holds(&context, &bobs, &record_of(&bob), &version, NOW).await
}

pub(super) async fn asvs_7_4_5_of_all_ends_everything_but_the_kept(context: Context) -> Checked {
    create(&context, &user("ada")?, 2).await?;
    create(&context, &user("bob")?, 2).await?;
    context.create(&record()).await?;
    let (keep, version) = context.create(&record()).await?;
    ensure_eq!(context.store().end(&Scope::All, Some(&keep), NOW).await?, 5, "ended with one kept");
    holds(&context, &keep, &record(), &version, NOW).await?;
    ensure_eq!(context.store().end(&Scope::All, None, NOW).await?, 1, "ended with none kept");
    ensure_eq!(context.store().count(&Scope::All, NOW).await?, 0, "live records");
    Ok(())
}

pub(super) async fn of_all_leaves_what_no_id_opens(context: Context) -> Checked {
    create(&context, &user("ada")?, 2).await?;
    let (stays, version) = context.create(&mark()).await?;
    for keep in [None, Some(key()?)] {
        context.create(&record()).await?;
        context.store().end(&Scope::All, keep.as_ref(), NOW).await?;
        ensure_eq!(context.store().count(&Scope::All, NOW).await?, 0, "sessions left");
        holds(&context, &stays, &mark(), &version, NOW).await?;
    }
    ensure_eq!(context.store().end(&Scope::All, None, NOW).await?, 0, "ended where only a mark was left");
    Ok(())
}

pub(super) async fn asvs_7_4_2_asvs_7_5_2_ends_the_one_session_with_the_handle(context: Context) -> Checked {
    let ada = user("ada")?;
    let (lost, kept) = (signed_in(&ada, 0)?, signed_in(&ada, 0)?);
    let ((lost_key, lost_version), (kept_key, version)) =
        (context.create(&lost).await?, context.create(&kept).await?);
    let others = create(&context, &ada, 2).await?;
    ensure_eq!(context.store().end(&of(&lost)?, None, NOW).await?, 1, "ended");
    dead(&context, &lost_key, NOW).await?;
    let revived = context.store().put(&lost_key, Put::At(lost_version), &lost, NOW).await;
    refused(revived, ErrorKind::Gone)?;
    holds(&context, &kept_key, &kept, &version, NOW).await?;
    for (key, version) in others {
        holds(&context, &key, &record_of(&ada), &version, NOW).await?;
    }
    ensure_eq!(context.store().end(&of(&lost)?, None, NOW).await?, 0, "ended by a second call");
    Ok(())
}

pub(super) async fn r25_asvs_7_5_2_a_handle_of_another_user_ends_nothing(context: Context) -> Checked {
    let (ada, bob) = (user("ada")?, user("bob")?);
    let (adas, bobs) = (signed_in(&ada, 0)?, signed_in(&bob, 0)?);
    let ((adas_key, adas_version), (bobs_key, bobs_version)) =
        (context.create(&adas).await?, context.create(&bobs).await?);
    let Scope::Session(_, handle) = of(&bobs)? else { return Err(Failure::new("no handle")) };
    for keep in [None, Some(&adas_key)] {
        let ended = context.store().end(&Scope::Session(ada.clone(), handle), keep, NOW).await?;
        ensure_eq!(ended, 0, "ended by another user");
        holds(&context, &adas_key, &adas, &adas_version, NOW).await?;
        holds(&context, &bobs_key, &bobs, &bobs_version, NOW).await?;
    }
    Ok(())
}

pub(super) async fn the_one_session_stays_when_it_is_to_be_kept(context: Context) -> Checked {
    let record = signed_in(&user("ada")?, 0)?;
    let (key, version) = context.create(&record).await?;
    ensure_eq!(context.store().end(&of(&record)?, Some(&key), NOW).await?, 0, "ended");
    holds(&context, &key, &record, &version, NOW).await?;
    ensure_eq!(context.store().end(&of(&record)?, Some(&super::samples::key()?), NOW).await?, 1, "ended");
    dead(&context, &key, NOW).await
}

pub(super) async fn the_one_session_is_not_counted_once_it_has_expired(context: Context) -> Checked {
    let record = Record { expires: after(1), ..signed_in(&user("ada")?, 0)? };
    context.create(&record).await?;
    ensure_eq!(context.store().end(&of(&record)?, None, after(1)).await?, 0, "ended");
    Ok(())
}

pub(super) async fn counts_only_what_was_live(context: Context) -> Checked {
    let ada = user("ada")?;
    create(&context, &ada, 2).await?;
    context.create(&Record { user: Some(ada.clone()), ..record_until(after(1)) }).await?;
    let scope = Scope::User(ada);
    ensure_eq!(context.store().end(&scope, None, after(1)).await?, 2, "ended");
    ensure_eq!(context.store().end(&scope, None, after(1)).await?, 0, "ended by a second call");
    Ok(())
}

pub(super) async fn of_nobody_ends_nothing(context: Context) -> Checked {
    create(&context, &user("ada")?, 2).await?;
    ensure_eq!(context.store().end(&Scope::User(user("bob")?), None, NOW).await?, 0, "ended");
    ensure_eq!(context.store().count(&Scope::All, NOW).await?, 2, "live records");
    Ok(())
}

pub(super) async fn ends_a_thousand_sessions(context: Context) -> Checked {
    let ada = user("ada")?;
    let creators = (0..1_000).map(|index| {
        let (store, record) = (context.node(index), record_of(&ada));
        async move { Ok::<_, Failure>(store.put(&key()?, Put::New, &record, NOW).await?) }
    });
    for created in context.parallel(creators).await? {
        created?;
    }
    ensure_eq!(context.store().end(&Scope::User(ada.clone()), None, NOW).await?, 1_000, "ended");
    ensure_eq!(context.store().count(&Scope::User(ada), NOW).await?, 0, "live afterwards");
    Ok(())
}

pub(super) async fn no_session_escapes_by_changing_meanwhile(context: Context) -> Checked {
    let ada = user("ada")?;
    let scope = Scope::User(ada.clone());
    let mut tasks: Vec<BoxFuture<'static, Checked>> = Vec::new();
    for (index, (key, version)) in create(&context, &ada, 16).await?.into_iter().enumerate() {
        let (store, record) = (context.node(index), record_of(&ada));
        if index % 2 == 0 {
            tasks.push(Box::pin(async move { keep_renaming(&*store, key, version, &record).await }));
        } else {
            tasks.push(Box::pin(async move {
                let mut left = MOST;
                while left > 0 && change(&*store, &key, NOW, |record| record.seen = after(1)).await? {
                    left -= 1;
                }
                Ok(())
            }));
        }
    }
    let store = context.node(16);
    tasks.push(Box::pin(async move {
        for _ in 0..3 {
            yield_now().await;
        }
        store.end(&scope, None, NOW).await?;
        Ok(())
    }));
    for outcome in context.parallel(tasks).await? {
        outcome?;
    }
    ensure_eq!(context.store().count(&Scope::User(ada), NOW).await?, 0, "sessions that outlived their end");
    Ok(())
}

/// Renames a session again and again until it is gone.
async fn keep_renaming(
    store: &dyn cloakroom_core::Store,
    mut from: StoreKey,
    mut version: Version,
    record: &Record,
) -> Checked {
    for _ in 0..MOST {
        let to = key()?;
        match store.rename(&from, version, &to, record, NOW).await {
            Ok(new) => (from, version) = (to, new),
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        yield_now().await;
    }
    Ok(())
}

async fn create(context: &Context, user: &UserId, count: usize) -> Result<Vec<(StoreKey, Version)>, Failure> {
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(context.create(&record_of(user)).await?);
    }
    Ok(made)
}
