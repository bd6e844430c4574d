//! Logout against every write that can be under way, in both orders and at once: a session that was ended stays
//! ended (rack-session CVE-2025-46336 and its many relatives).

use cloakroom_core::{ErrorKind, Put, Record, Scope};
use futures_util::future::BoxFuture;

use super::Context;
use super::samples::{HOUR, NOW, after, dead, found, key, record_of, refused, user};
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// How often each race is run: the scheduler decides who is first.
const ROUNDS: usize = 20;

pub(super) async fn r01_before_a_save_leaves_nothing(context: Context) -> Checked {
    let (key, _) = context.create(&adas()?).await?;
    let loaded = found(&context, &key, NOW).await?;
    context.store().delete(&key).await?;
    refused(context.store().put(&key, Put::At(loaded.version), &loaded.record, NOW).await, ErrorKind::Gone)?;
    nobody(&context).await
}

pub(super) async fn r01_after_a_save_leaves_nothing(context: Context) -> Checked {
    let (key, _) = context.create(&adas()?).await?;
    let loaded = found(&context, &key, NOW).await?;
    context.store().put(&key, Put::At(loaded.version), &loaded.record, NOW).await?;
    context.store().delete(&key).await?;
    nobody(&context).await
}

pub(super) async fn r02_before_a_touch_leaves_nothing(context: Context) -> Checked {
    let (key, version) = context.create(&adas()?).await?;
    context.store().delete(&key).await?;
    refused(context.store().touch(&key, touch(&version, NOW, after(2 * HOUR)), NOW).await, ErrorKind::Gone)?;
    nobody(&context).await
}

pub(super) async fn r02_after_a_touch_leaves_nothing(context: Context) -> Checked {
    let (key, version) = context.create(&adas()?).await?;
    context.store().touch(&key, touch(&version, NOW, after(2 * HOUR)), NOW).await?;
    context.store().delete(&key).await?;
    nobody(&context).await
}

pub(super) async fn r03_before_a_rename_leaves_nothing(context: Context) -> Checked {
    let (from, version) = context.create(&adas()?).await?;
    context.store().delete(&from).await?;
    let to = key()?;
    refused(context.store().rename(&from, version, &to, &adas()?, NOW).await, ErrorKind::Gone)?;
    dead(&context, &to, NOW).await?;
    nobody(&context).await
}

pub(super) async fn r04_a_rotation_is_not_taken_back_by_a_slow_save_or_touch(context: Context) -> Checked {
    let store = context.store();
    let (from, _) = context.create(&adas()?).await?;
    let slow = found(&context, &from, NOW).await?;
    let (to, signed_in) = (key()?, adas()?);
    let version = store.rename(&from, slow.version.clone(), &to, &signed_in, NOW).await?;
    refused(store.put(&from, Put::At(slow.version.clone()), &slow.record, NOW).await, ErrorKind::Gone)?;
    refused(store.touch(&from, touch(&slow.version, NOW, after(2 * HOUR)), NOW).await, ErrorKind::Gone)?;
    dead(&context, &from, NOW).await?;
    super::samples::holds(&context, &to, &signed_in, &version, NOW).await
}

pub(super) async fn r01_at_once_with_a_save_leaves_nothing(context: Context) -> Checked {
    for round in 0..ROUNDS {
        let (key, version) = context.create(&adas()?).await?;
        let (logout, saver) = (context.node(round), context.node(round + 1));
        let delete: Race = Box::pin({
            let key = key.clone();
            async move { logout.delete(&key).await.map_err(Failure::from) }
        });
        let save: Race = Box::pin({
            let (key, record) = (key.clone(), adas()?);
            async move { done_or_gone(saver.put(&key, Put::At(version), &record, NOW).await) }
        });
        race(&context, round, delete, save).await?;
        dead(&context, &key, NOW).await?;
    }
    nobody(&context).await
}

pub(super) async fn r02_at_once_with_a_touch_leaves_nothing(context: Context) -> Checked {
    for round in 0..ROUNDS {
        let (key, version) = context.create(&adas()?).await?;
        let (logout, toucher) = (context.node(round), context.node(round + 1));
        let delete: Race = Box::pin({
            let key = key.clone();
            async move { logout.delete(&key).await.map_err(Failure::from) }
        });
        let touch: Race = Box::pin({
            let (key, touch) = (key.clone(), touch(&version, NOW, after(2 * HOUR)));
            async move { done_or_gone(toucher.touch(&key, touch, NOW).await) }
        });
        race(&context, round, delete, touch).await?;
        dead(&context, &key, NOW).await?;
    }
    nobody(&context).await
}

pub(super) async fn r03_at_once_with_a_rename_is_done_before_or_after_it(context: Context) -> Checked {
    for round in 0..ROUNDS {
        let (from, version) = context.create(&adas()?).await?;
        let to = key()?;
        let (logout, renamer) = (context.node(round), context.node(round + 1));
        let delete: Race = Box::pin({
            let from = from.clone();
            async move { logout.delete(&from).await.map_err(Failure::from) }
        });
        let rename: Race = Box::pin({
            let (from, to, record) = (from.clone(), to.clone(), adas()?);
            async move { done_or_gone(renamer.rename(&from, version, &to, &record, NOW).await) }
        });
        race(&context, round, delete, rename).await?;
        // Logout of the old key does not know the new one. What must not be is the old one alive, or two of them.
        dead(&context, &from, NOW).await?;
        let live = context.live(&to, NOW).await?.is_some();
        ensure_eq!(context.store().count(&Scope::All, NOW).await?, u64::from(live), "live sessions");
        context.store().delete(&to).await?;
    }
    nobody(&context).await
}

pub(super) async fn of_the_user_at_once_with_every_write_leaves_nothing(context: Context) -> Checked {
    for round in 0..ROUNDS {
        let mut tasks: Vec<Race> = Vec::new();
        for verb in 0..3 {
            let (store, record) = (context.node(round + verb), adas()?);
            let ((key, version), to) = (context.create(&record).await?, key()?);
            tasks.push(match verb {
                0 => Box::pin(
                    async move { done_or_gone(store.put(&key, Put::At(version), &record, NOW).await) },
                ),
                1 => Box::pin(async move {
                    done_or_gone(store.touch(&key, touch(&version, NOW, after(2 * HOUR)), NOW).await)
                }),
                _ => Box::pin(
                    async move { done_or_gone(store.rename(&key, version, &to, &record, NOW).await) },
                ),
            });
        }
        let (store, scope) = (context.node(round + 3), Scope::User(user("ada")?));
        let end: Race = Box::pin(async move {
            let ended = store.end(&scope, None, NOW).await?;
            ensure!(ended == 3, "{ended} sessions ended where three were live throughout");
            Ok(())
        });
        tasks.insert(round % 4, end);
        for outcome in context.parallel(tasks).await? {
            outcome?;
        }
        nobody(&context).await?;
    }
    Ok(())
}

type Race = BoxFuture<'static, Checked>;

/// Runs two tasks side by side, each the first to start in half of the rounds.
async fn race(context: &Context, round: usize, one: Race, two: Race) -> Checked {
    let tasks = if round.is_multiple_of(2) { [one, two] } else { [two, one] };
    for outcome in context.parallel(tasks).await? {
        outcome?;
    }
    Ok(())
}

fn done_or_gone<T>(outcome: Result<T, cloakroom_core::StoreError>) -> Checked {
    match outcome {
        Err(error) if error.kind() != ErrorKind::Gone => Err(error.into()),
        _ => Ok(()),
    }
}

/// That nobody has a session.
async fn nobody(context: &Context) -> Checked {
    ensure_eq!(context.store().count(&Scope::All, NOW).await?, 0, "sessions that outlived their logout");
    Ok(())
}

fn adas() -> Result<Record, Failure> {
    Ok(record_of(&user("ada")?))
}
