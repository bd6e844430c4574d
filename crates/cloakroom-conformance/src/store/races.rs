//! Many requests at once. Where an order matters it is forced: tasks yield between reading and writing, so that all
//! of them have read before the first one writes.

use cloakroom_core::{ErrorKind, Put, Record, Scope, Store, StoreKey};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::Context;
use super::samples::{
    DAY, HOUR, NOW, after, change, data, dead, found, full_record, key, record, record_of, record_until,
    same, user,
};
use super::suite::live;
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};
use crate::run::yield_now;

pub(super) async fn r06_sixty_four_writers_of_different_keys_all_survive(context: Context) -> Checked {
    let (key, _) = context.create(&Record { data: data(json!({})), ..record() }).await?;
    let writers = (0..64).map(|index| {
        let (store, key) = (context.node(index), key.clone());
        async move {
            let insert = |record: &mut Record| {
                record.data.insert(format!("key-{index}"), json!(index));
            };
            change(&*store, &key, NOW, insert).await
        }
    });
    for written in context.parallel(writers).await? {
        ensure!(written?, "a writer found the session gone");
    }
    let stored = found(&context, &key, NOW).await?;
    ensure_eq!(stored.record.data.len(), 64, "keys that survived");
    for index in 0..64 {
        ensure_eq!(stored.record.data.get(&format!("key-{index}")), Some(&json!(index)), "key-{index}");
    }
    Ok(())
}

pub(super) async fn parallel_increments_are_exact(context: Context) -> Checked {
    let (key, _) = context.create(&Record { data: data(json!({ "count": 0 })), ..record() }).await?;
    let writers = (0..32).map(|index| {
        let (store, key) = (context.node(index), key.clone());
        async move {
            let increment = |record: &mut Record| {
                let count = record.data.get("count").and_then(Value::as_u64).unwrap_or(0);
                record.data.insert("count".to_owned(), json!(count + 1));
            };
            for _ in 0..3 {
                change(&*store, &key, NOW, increment).await?;
            }
            Checked::Ok(())
        }
    });
    for written in context.parallel(writers).await? {
        written?;
    }
    let stored = found(&context, &key, NOW).await?;
    ensure_eq!(stored.record.data.get("count"), Some(&json!(96)), "the counter");
    Ok(())
}

pub(super) async fn r45_asvs_15_4_2_savers_of_one_version_have_one_winner(context: Context) -> Checked {
    let (key, version) = context.create(&record()).await?;
    let savers = (0..16).map(|index| {
        let (store, key, version) = (context.node(index), key.clone(), version.clone());
        async move { store.put(&key, Put::At(version), &numbered(index), NOW).await }
    });
    let (winner, winning_version) = one_winner(context.parallel(savers).await?, ErrorKind::Conflict)?;
    let stored = found(&context, &key, NOW).await?;
    same(&stored.record, &numbered(winner))?;
    ensure_eq!(stored.version, winning_version, "the winner's version");
    Ok(())
}

pub(super) async fn creators_of_one_key_have_one_winner(context: Context) -> Checked {
    let key = key()?;
    let creators = (0..16).map(|index| {
        let (store, key) = (context.node(index), key.clone());
        async move { store.put(&key, Put::New, &numbered(index), NOW).await }
    });
    let (winner, version) = one_winner(context.parallel(creators).await?, ErrorKind::Conflict)?;
    let stored = found(&context, &key, NOW).await?;
    same(&stored.record, &numbered(winner))?;
    ensure_eq!(stored.version, version, "the winner's version");
    Ok(())
}

pub(super) async fn creators_over_an_expired_record_have_one_winner(context: Context) -> Checked {
    let (key, _) = context.create(&record_until(after(1))).await?;
    let creators = (0..16).map(|index| {
        let (store, key) = (context.node(index), key.clone());
        async move { store.put(&key, Put::New, &numbered(index), after(1)).await }
    });
    let (winner, _) = one_winner(context.parallel(creators).await?, ErrorKind::Conflict)?;
    same(&found(&context, &key, after(1)).await?.record, &numbered(winner))
}

pub(super) async fn r09_renamers_of_one_session_have_one_winner(context: Context) -> Checked {
    let (from, version) = context.create(&record()).await?;
    let targets = (0..16).map(|_| key()).collect::<Result<Vec<_>, _>>()?;
    let renamers = targets.iter().enumerate().map(|(index, to)| {
        let (store, from, version, to) = (context.node(index), from.clone(), version.clone(), to.clone());
        async move { store.rename(&from, version, &to, &numbered(index), NOW).await }
    });
    let (winner, _) = one_winner(context.parallel(renamers).await?, ErrorKind::Gone)?;
    dead(&context, &from, NOW).await?;
    for (index, to) in targets.iter().enumerate() {
        match context.live(to, NOW).await? {
            Some(stored) => {
                ensure_eq!(index, winner, "the key that answers");
                same(&stored.record, &numbered(winner))?;
            }
            None => ensure!(index != winner, "the winner's key does not answer"),
        }
    }
    Ok(())
}

pub(super) async fn renamers_onto_one_key_have_one_winner(context: Context) -> Checked {
    let to = key()?;
    let mut sources = Vec::new();
    for _ in 0..8 {
        sources.push(context.create(&record()).await?);
    }
    let renamers = sources.iter().enumerate().map(|(index, (from, version))| {
        let (store, from, version, to) = (context.node(index), from.clone(), version.clone(), to.clone());
        async move { store.rename(&from, version, &to, &numbered(index), NOW).await }
    });
    let (winner, _) = one_winner(context.parallel(renamers).await?, ErrorKind::Conflict)?;
    same(&found(&context, &to, NOW).await?.record, &numbered(winner))?;
    for (index, (from, _)) in sources.iter().enumerate() {
        let live = context.live(from, NOW).await?.is_some();
        ensure_eq!(live, index != winner, "whether source {index} still answers");
    }
    Ok(())
}

pub(super) async fn asvs_15_4_3_renames_in_a_circle_do_not_wait_for_each_other(context: Context) -> Checked {
    // Every key is the source of one rename and the target of another: stores that lock rows one by one deadlock.
    let mut made = Vec::new();
    for _ in 0..16 {
        made.push(context.create(&record()).await?);
    }
    let renamers = (0..made.len()).map(|index| {
        let (store, (from, version)) = (context.node(index), made[index].clone());
        let (to, _) = made[(index + 1) % made.len()].clone();
        async move { store.rename(&from, version, &to, &record(), NOW).await }
    });
    for outcome in context.parallel(renamers).await? {
        match outcome {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
    }
    let live = context.store().count(&Scope::All, NOW).await?;
    ensure_eq!(live, 16, "sessions after renames that neither make nor end any");
    Ok(())
}

pub(super) async fn parallel_touches_never_move_backwards(context: Context) -> Checked {
    let before = record_until(after(HOUR));
    let (key, version) = context.create(&before).await?;
    // In an order that is neither rising nor falling.
    let moves: Vec<i64> = (0..32).map(|index| (index * 7) % 32 * 60_001).collect();
    let touchers = moves.iter().enumerate().map(|(index, by)| {
        let (store, key, by) = (context.node(index), key.clone(), *by);
        let touch = touch(&version, after(by), after(HOUR + by));
        async move {
            store.touch(&key, touch, NOW).await?;
            let stored = live(&*store, &key, NOW).await?.ok_or_else(|| Failure::new("gone after a touch"))?;
            ensure!(stored.record.expires >= after(HOUR + by), "an expiry moved back");
            Checked::Ok(())
        }
    });
    for outcome in context.parallel(touchers).await? {
        outcome?;
    }
    let most = 31 * 60_001;
    let expected = Record { seen: after(most), expires: after(HOUR + most), ..before };
    super::samples::holds(&context, &key, &expected, &version, NOW).await
}

pub(super) async fn a_touch_never_takes_a_save_back(context: Context) -> Checked {
    for round in 0..20 {
        let (key, version) = context.create(&record()).await?;
        let next = Record { expires: after(DAY), ..full_record()? };
        let (saver, toucher) = (context.node(round), context.node(round + 1));
        let save: BoxFuture<'static, _> = Box::pin({
            let (key, version, next) = (key.clone(), version.clone(), next.clone());
            async move { saver.put(&key, Put::At(version), &next, NOW).await.map(|_| ()) }
        });
        let touch: BoxFuture<'static, _> = Box::pin({
            let (key, touch) = (key.clone(), touch(&version, after(1), after(HOUR + 1)));
            async move { toucher.touch(&key, touch, NOW).await }
        });
        for outcome in context.parallel([touch, save]).await? {
            outcome?;
        }
        same(&found(&context, &key, NOW).await?.record, &next)?;
    }
    Ok(())
}

pub(super) async fn a_put_is_seen_whole_or_not_at_all(context: Context) -> Checked {
    let (key, _) = context.create(&whole(0)?).await?;
    let mut tasks: Vec<BoxFuture<'static, Checked>> = Vec::new();
    for task in 0..8 {
        let (store, key) = (context.node(task), key.clone());
        tasks.push(Box::pin(async move {
            for round in 1..20 {
                if task % 2 == 0 {
                    let next = whole(task * 100 + round)?;
                    change(&*store, &key, NOW, |record| *record = next.clone()).await?;
                } else {
                    let stored = live(&*store, &key, NOW).await?.ok_or_else(|| Failure::new("gone"))?;
                    let number = stored.record.data.get("number").and_then(Value::as_u64).unwrap_or(u64::MAX);
                    same(&stored.record, &whole(usize::try_from(number).unwrap_or(usize::MAX))?)?;
                    yield_now().await;
                }
            }
            Ok(())
        }));
    }
    for outcome in context.parallel(tasks).await? {
        outcome?;
    }
    Ok(())
}

pub(super) async fn a_rename_is_seen_as_never_both_and_never_neither(context: Context) -> Checked {
    let ada = user("ada")?;
    for _ in 0..20 {
        let (from, version) = context.create(&record_of(&ada)).await?;
        let to = key()?;
        let mut tasks: Vec<BoxFuture<'static, Checked>> = Vec::new();
        for task in 0..4 {
            let (store, from, to, ada) = (context.node(task), from.clone(), to.clone(), ada.clone());
            tasks.push(Box::pin(async move { observe(&*store, &from, &to, &Scope::User(ada)).await }));
        }
        let (store, renamed, target) = (context.node(4), record_of(&ada), to.clone());
        tasks.insert(
            2,
            Box::pin(async move {
                yield_now().await;
                store.rename(&from, version, &target, &renamed, NOW).await?;
                Ok(())
            }),
        );
        for outcome in context.parallel(tasks).await? {
            outcome?;
        }
        context.store().delete(&to).await?;
    }
    Ok(())
}

pub(super) async fn r42_every_caller_gets_its_own_record(context: Context) -> Checked {
    let mut made = Vec::new();
    for index in 0..50 {
        made.push(context.create(&numbered(index)).await?.0);
    }
    let readers = (0..200).map(|task| {
        let (store, index) = (context.node(task), task * 7 % made.len());
        let key = made[index].clone();
        async move {
            for _ in 0..5 {
                let stored = live(&*store, &key, NOW).await?.ok_or_else(|| Failure::new("gone"))?;
                same(&stored.record, &numbered(index))?;
                yield_now().await;
            }
            Checked::Ok(())
        }
    });
    for outcome in context.parallel(readers).await? {
        outcome?;
    }
    Ok(())
}

/// Looks at both keys again and again, in the order that makes the looks conclusive.
async fn observe(store: &dyn Store, from: &StoreKey, to: &StoreKey, scope: &Scope) -> Checked {
    for _ in 0..5 {
        if live(store, from, NOW).await?.is_none() {
            ensure!(
                live(store, to, NOW).await?.is_some(),
                "the old key was dead before the new one answered"
            );
        }
        yield_now().await;
        if live(store, to, NOW).await?.is_some() {
            ensure!(live(store, from, NOW).await?.is_none(), "the old key answered after the new one did");
        }
        ensure_eq!(store.count(scope, NOW).await?, 1, "sessions counted in one look during a rename");
        ensure_eq!(
            store.list(scope, super::users::page(10)?, NOW).await?.len(),
            1,
            "sessions listed in one look"
        );
        yield_now().await;
    }
    Ok(())
}

/// The index and the answer of the only success; all others failed with `kind` or with `Conflict`.
fn one_winner<T>(
    outcomes: Vec<Result<T, cloakroom_core::StoreError>>,
    kind: ErrorKind,
) -> Result<(usize, T), Failure> {
    let mut winners = Vec::new();
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Ok(answer) => winners.push((index, answer)),
            Err(error) if error.kind() == kind || error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
    }
    let count = winners.len();
    match (winners.pop(), count) {
        (Some(winner), 1) => Ok(winner),
        _ => Err(Failure::new(format!("{count} winners where one was expected"))),
    }
}

fn numbered(index: usize) -> Record {
    Record { data: data(json!({ "number": index })), ..record() }
}

/// A record whose every part says the same number.
fn whole(number: usize) -> Result<Record, Failure> {
    let at = after(i64::try_from(number)?);
    Ok(Record {
        data: data(json!({ "number": number, "again": vec![number; 50] })),
        user: Some(user(&format!("user-{number}"))?),
        created: at,
        ..record()
    })
}
