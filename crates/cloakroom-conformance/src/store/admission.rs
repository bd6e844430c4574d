//! `admit`: the put of somebody who signs in, under a mark that whoever ends all their sessions writes anew.
//!
//! Every case but the races has a session of the same user that the limit would end, so that a store which ends it
//! although nobody comes in is found.

use std::num::NonZeroU32;

use cloakroom_core::{
    Admission, Admitted, ErrorKind, Operation, Put, Record, Scope, SessionLimit, Store, StoreError, StoreKey,
    Timestamp, Version, WhenFull,
};
use futures_util::future::BoxFuture;

use super::Context;
use super::samples::{
    Account, DAY, HOUR, NOW, after, dead, full_record, holds, key, mark, record, refused, signed_in, summary,
};
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// How often each race is run: the scheduler decides who is first.
const ROUNDS: usize = 20;

/// One session at most; the one before makes room.
const ONE: SessionLimit = SessionLimit { most: NonZeroU32::MIN, when_full: WhenFull::EndOldest };

pub(super) async fn lets_in_and_stores_the_whole_record(context: Context) -> Checked {
    let account = Account::open(&context, "user-17").await?;
    for limit in [None, Some(ONE)] {
        let (key, record) = (key()?, full_record()?);
        let admission = account.admission(limit);
        let version = admitted(context.store(), &key, Put::New, &record, &admission).await?;
        holds(&context, &key, &record, &version, NOW).await?;
        // The version is one to save at.
        let version = context.store().put(&key, Put::At(version), &record, NOW).await?;
        holds(&context, &key, &record, &version, NOW).await?;
    }
    Ok(())
}

pub(super) async fn at_a_version_replaces_the_session_whole(context: Context) -> Checked {
    let account = Account::open(&context, "user-17").await?;
    let (key, version) = context.create(&record()).await?;
    let (record, admission) = (full_record()?, account.admission(ONE));
    let admit = context.store().admit(&key, Put::At(version.clone()), &record, &admission, NOW).await?;
    let Admitted::In { version: new, ended } = admit else { return Err(not_in()) };
    ensure_eq!(ended, [], "ended");
    ensure!(new != version, "the version stayed");
    holds(&context, &key, &record, &new, NOW).await?;
    refused(context.store().put(&key, Put::At(version), &record, NOW).await, ErrorKind::Conflict)
}

pub(super) async fn without_a_mark_is_superseded_and_changes_nothing(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let admission = Admission { mark: key()?, ..scene.admission() };
    scene.is_superseded(&context, &admission, NOW).await
}

pub(super) async fn under_an_expired_mark_is_superseded_and_changes_nothing(context: Context) -> Checked {
    let mut scene = Scene::set(&context).await?;
    let brief = Record { expires: after(HOUR), ..mark() };
    let at = Put::At(scene.account.version.clone());
    scene.account.version = context.store().put(&scene.account.mark, at, &brief, NOW).await?;
    let admission = scene.admission();
    scene.is_superseded(&context, &admission, after(HOUR)).await?;
    scene.is_superseded(&context, &admission, after(HOUR + 1)).await?;
    let last = after(HOUR - 1);
    let admit = context.store().admit(&key()?, Put::New, &scene.next, &admission, last).await?;
    ensure!(matches!(admit, Admitted::In { .. }), "superseded in the millisecond before the mark ends");
    Ok(())
}

pub(super) async fn under_a_deleted_mark_is_superseded_and_changes_nothing(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    context.store().delete(&scene.account.mark).await?;
    scene.is_superseded(&context, &scene.admission(), NOW).await
}

pub(super) async fn r24_under_a_mark_that_was_written_anew_is_superseded_and_changes_nothing(
    context: Context,
) -> Checked {
    let mut scene = Scene::set(&context).await?;
    for _ in 0..3 {
        let earlier = scene.admission();
        let at = Put::At(scene.account.version.clone());
        // What is written may well be the same again: the version tells.
        scene.account.version = context.store().put(&scene.account.mark, at, &mark(), NOW).await?;
        scene.is_superseded(&context, &earlier, NOW).await?;
    }
    // At the version that it has now, somebody is let in.
    admitted(context.store(), &key()?, Put::New, &scene.next, &scene.admission()).await.map(drop)
}

pub(super) async fn the_mark_is_looked_at_before_anything_else(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let (taken, _) = context.create(&record()).await?;
    let full = SessionLimit { when_full: WhenFull::Refuse, ..ONE };
    let admission = Admission { mark: key()?, limit: Some(full), ..scene.admission() };
    // Neither that the key is taken, nor that nothing is there, nor that there is no room.
    for (key, put) in [(taken, Put::New), (key()?, Put::At(scene.version.clone())), (key()?, Put::New)] {
        let admit = context.store().admit(&key, put, &scene.next, &admission, NOW).await?;
        ensure_eq!(admit, Admitted::Superseded, "without a mark");
    }
    Ok(())
}

pub(super) async fn under_a_mark_that_was_only_touched_lets_in(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let moved = touch(&scene.account.version, after(1), after(DAY));
    context.store().touch(&scene.account.mark, moved, NOW).await?;
    admitted(context.store(), &key()?, Put::New, &scene.next, &scene.admission()).await.map(drop)
}

pub(super) async fn leaves_the_mark_as_it_was(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    for _ in 0..3 {
        admitted(context.store(), &key()?, Put::New, &scene.next, &scene.admission()).await?;
        holds(&context, &scene.account.mark, &mark(), &scene.account.version, NOW).await?;
    }
    Ok(())
}

pub(super) async fn of_a_new_session_over_a_live_one_is_a_conflict_and_ends_nobody(
    context: Context,
) -> Checked {
    let scene = Scene::set(&context).await?;
    let (key, version) = context.create(&record()).await?;
    let admit = context.store().admit(&key, Put::New, &scene.next, &scene.admission(), NOW).await;
    refused(admit, ErrorKind::Conflict)?;
    holds(&context, &key, &record(), &version, NOW).await?;
    scene.is_as_it_was(&context, NOW).await
}

pub(super) async fn of_a_new_session_over_an_expired_one_replaces_it_whole(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let (key, _) = context.create(&Record { expires: after(1), ..full_record()? }).await?;
    let admit = context.store().admit(&key, Put::New, &scene.next, &scene.admission(), after(1)).await?;
    let Admitted::In { version, ended } = admit else { return Err(not_in()) };
    ensure_eq!(ended, [summary(&scene.key, &scene.before)], "ended");
    holds(&context, &key, &scene.next, &version, after(1)).await
}

pub(super) async fn at_an_older_version_is_a_conflict_and_ends_nobody(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let (key, stale) = context.create(&record()).await?;
    let version = context.store().put(&key, Put::At(stale.clone()), &record(), NOW).await?;
    let admit = context.store().admit(&key, Put::At(stale), &scene.next, &scene.admission(), NOW).await;
    refused(admit, ErrorKind::Conflict)?;
    holds(&context, &key, &record(), &version, NOW).await?;
    scene.is_as_it_was(&context, NOW).await
}

pub(super) async fn of_a_session_that_has_ended_is_gone_and_ends_nobody(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let (deleted, version) = context.create(&record()).await?;
    context.store().delete(&deleted).await?;
    let (expired, _) = context.create(&Record { expires: after(1), ..record() }).await?;
    for key in [deleted, expired, key()?] {
        let put = Put::At(version.clone());
        let admit = context.store().admit(&key, put, &scene.next, &scene.admission(), after(1)).await;
        refused(admit, ErrorKind::Gone)?;
        dead(&context, &key, after(1)).await?;
        scene.is_as_it_was(&context, after(1)).await?;
    }
    Ok(())
}

pub(super) async fn errors_name_the_operation_and_the_backend(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let (key, version) = context.create(&record()).await?;
    context.store().put(&key, Put::At(version.clone()), &record(), NOW).await?;
    for put in [Put::New, Put::At(version)] {
        let error = context.store().admit(&key, put, &scene.next, &scene.admission(), NOW).await.err();
        let named = error.map(|error| (error.operation(), error.backend()));
        ensure_eq!(named, Some((Operation::Admit, context.store().backend())), "a refused admission");
    }
    Ok(())
}

pub(super) async fn many_at_one_version_have_one_winner(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let (key, version) = context.create(&record()).await?;
    let admits = (0..16).map(|index| {
        let (store, key, admission) = (context.node(index), key.clone(), account.admission(ONE));
        let (put, next) = (Put::At(version.clone()), signed_in(&account.user, 1));
        async move { Ok::<_, Failure>(store.admit(&key, put, &next?, &admission, NOW).await) }
    });
    let mut winners = 0;
    for outcome in context.parallel(admits).await? {
        match outcome? {
            Ok(Admitted::In { .. }) => winners += 1,
            Ok(other) => return Err(Failure::new(format!("{other:?} where nobody stands in the way"))),
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
    }
    ensure_eq!(winners, 1, "winners");
    Ok(())
}

pub(super) async fn asvs_7_4_2_before_the_end_of_all_is_ended_by_it(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    let key = key()?;
    admitted(context.store(), &key, Put::New, &scene.next, &scene.admission()).await?;
    end_all(context.store(), &scene.account).await?;
    dead(&context, &key, NOW).await?;
    scene.nobody_is_signed_in(&context).await
}

pub(super) async fn asvs_7_4_2_after_a_new_mark_is_superseded(context: Context) -> Checked {
    let scene = Scene::set(&context).await?;
    write_anew(context.store(), &scene.account).await?;
    // Between the mark and the end, and after both.
    scene.is_superseded(&context, &scene.admission(), NOW).await?;
    context.store().end(&Scope::User(scene.account.user.clone()), None, NOW).await?;
    let admit = context.store().admit(&key()?, Put::New, &scene.next, &scene.admission(), NOW).await?;
    ensure_eq!(admit, Admitted::Superseded, "after the end");
    scene.nobody_is_signed_in(&context).await
}

pub(super) async fn asvs_7_4_2_at_once_with_the_end_of_all_survives_in_no_order(context: Context) -> Checked {
    for round in 0..ROUNDS {
        let account = Account::open(&context, &format!("ada-{round}")).await?;
        let (held, version) = context.create(&record()).await?;
        let mut tasks: Vec<BoxFuture<'static, Checked>> = Vec::new();
        for sign_in in 0..4 {
            let (store, record) = (context.node(round + sign_in), signed_in(&account.user, 0)?);
            // Some sign in to a session that they have, some are limited.
            let (key, put) =
                if sign_in == 0 { (held.clone(), Put::At(version.clone())) } else { (key()?, Put::New) };
            let admission = account.admission((sign_in % 2 == 0).then_some(ONE));
            tasks.push(Box::pin(async move {
                let admit = store.admit(&key, put, &record, &admission, NOW).await;
                in_or_not(admit)
            }));
        }
        let (store, mover) = (context.node(round + 4), account.clone());
        tasks.insert(round % 5, Box::pin(async move { end_all(&*store, &mover).await }));
        for outcome in context.parallel(tasks).await? {
            outcome?;
        }
        let left = context.store().count(&Scope::User(account.user), NOW).await?;
        ensure_eq!(left, 0, "sessions that survived the end of all in round {round}");
    }
    Ok(())
}

/// A user with one session, which the next one would push out.
struct Scene {
    account: Account,
    key: StoreKey,
    before: Record,
    version: Version,
    next: Record,
}

impl Scene {
    async fn set(context: &Context) -> Result<Self, Failure> {
        let account = Account::open(context, "ada").await?;
        let before = Record { expires: after(2 * HOUR), ..signed_in(&account.user, 0)? };
        let (key, version) = context.create(&before).await?;
        let next = Record { expires: after(2 * HOUR), ..signed_in(&account.user, 1)? };
        Ok(Self { account, key, before, version, next })
    }

    fn admission(&self) -> Admission {
        self.account.admission(ONE)
    }

    /// That nobody is let in, be it to a new session or to one that is there, and that nothing changes.
    async fn is_superseded(&self, context: &Context, admission: &Admission, now: Timestamp) -> Checked {
        let anonymous = Record { expires: after(2 * HOUR), ..record() };
        let (there, version) = context.create(&anonymous).await?;
        let new = key()?;
        for (key, put) in [(&new, Put::New), (&there, Put::At(version.clone()))] {
            let admit = context.store().admit(key, put, &self.next, admission, now).await?;
            ensure_eq!(admit, Admitted::Superseded, "somebody who comes too late");
        }
        dead(context, &new, now).await?;
        holds(context, &there, &anonymous, &version, now).await?;
        self.is_as_it_was(context, now).await
    }

    /// That the session that was there is there and that there is no other.
    async fn is_as_it_was(&self, context: &Context, now: Timestamp) -> Checked {
        holds(context, &self.key, &self.before, &self.version, now).await?;
        let scope = Scope::User(self.account.user.clone());
        ensure_eq!(context.store().count(&scope, now).await?, 1, "sessions of the user");
        Ok(())
    }

    async fn nobody_is_signed_in(&self, context: &Context) -> Checked {
        let scope = Scope::User(self.account.user.clone());
        ensure_eq!(context.store().count(&scope, NOW).await?, 0, "sessions of the user");
        Ok(())
    }
}

/// What whoever ends all sessions of a user does first.
async fn write_anew(store: &dyn Store, account: &Account) -> Checked {
    store.put(&account.mark, Put::At(account.version.clone()), &mark(), NOW).await?;
    Ok(())
}

/// Ends all sessions of a user, those of sign-ins that are under way as well.
async fn end_all(store: &dyn Store, account: &Account) -> Checked {
    write_anew(store, account).await?;
    store.end(&Scope::User(account.user.clone()), None, NOW).await?;
    Ok(())
}

/// Lets somebody in who must be let in, and returns the version.
async fn admitted(
    store: &dyn Store,
    key: &StoreKey,
    put: Put,
    record: &Record,
    admission: &Admission,
) -> Result<Version, Failure> {
    match store.admit(key, put, record, admission, NOW).await? {
        Admitted::In { version, .. } => Ok(version),
        Admitted::Full | Admitted::Superseded => Err(not_in()),
    }
}

/// Every answer but a failure of the store.
fn in_or_not(outcome: Result<Admitted, StoreError>) -> Checked {
    match outcome {
        Ok(Admitted::In { .. } | Admitted::Superseded) => Ok(()),
        Ok(Admitted::Full) => Err(Failure::new("full where room can be made")),
        Err(error) if matches!(error.kind(), ErrorKind::Gone | ErrorKind::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn not_in() -> Failure {
    Failure::new("somebody was turned away whom nothing stands in the way of")
}
