//! How many sessions a user may have: `admit` with a limit (ASVS 7.1.2).

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use cloakroom_core::{
    Admitted, Put, Record, Scope, SessionLimit, Store, StoreKey, Summary, Timestamp, UserId, Version,
    WhenFull,
};
use futures_util::future::BoxFuture;

use super::Context;
use super::samples::{
    Account, HOUR, NOW, after, dead, full_record, holds, key, record, record_of, signed_in, summary, user,
};
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};
use crate::run::yield_now;

pub(super) async fn below_it_nobody_ends(context: Context) -> Checked {
    for when_full in [WhenFull::EndOldest, WhenFull::EndLeastRecentlySeen, WhenFull::Refuse] {
        let account = Account::open(&context, &format!("{when_full:?}")).await?;
        let made = sessions(&context, &account.user, &[3, 1]).await?;
        let let_in = Entry::new(&account, 0)?;
        ensure_eq!(
            let_in.told(&context, limit(3, when_full)?).await?,
            Some(vec![]),
            "ended below {when_full:?}"
        );
        stay(&context, &made).await?;
        ensure_eq!(count(&context, &account.user).await?, 3, "sessions");
    }
    Ok(())
}

pub(super) async fn without_one_nobody_ends(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let made = sessions(&context, &account.user, &[0; 20]).await?;
    ensure_eq!(Entry::new(&account, 1)?.told(&context, None).await?, Some(vec![]), "ended without a limit");
    stay(&context, &made).await?;
    ensure_eq!(count(&context, &account.user).await?, 21, "sessions");
    Ok(())
}

pub(super) async fn asvs_7_1_2_at_it_the_oldest_ends(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let made = sessions(&context, &account.user, &[20, 10, 30]).await?;
    // The one that signed in first was used last.
    let [_, (first, record, version), _] = &made[..] else { return Err(Failure::new("three sessions")) };
    let (seen, expires) = (after(100), after(HOUR + 100));
    context.store().touch(first, touch(version, seen, expires), NOW).await?;
    let told = Entry::new(&account, 40)?.told(&context, limit(3, WhenFull::EndOldest)?).await?;
    let touched = Record { seen, expires, ..record.clone() };
    ensure_eq!(told, Some(vec![summary(first, &touched)]), "ended");
    dead(&context, first, NOW).await?;
    let others = made.iter().filter(|(key, ..)| key != first).cloned().collect::<Vec<_>>();
    stay(&context, &others).await?;
    ensure_eq!(count(&context, &account.user).await?, 3, "sessions");
    Ok(())
}

pub(super) async fn asvs_7_1_2_at_it_the_least_recently_seen_ends(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let made = sessions(&context, &account.user, &[20, 10, 30]).await?;
    // The one that signed in first was used last, so it is the second that was not used for longest.
    let [(second, record, _), (first, _, version), _] = &made[..] else {
        return Err(Failure::new("three sessions"));
    };
    context.store().touch(first, touch(version, after(100), after(HOUR + 100)), NOW).await?;
    let told = Entry::new(&account, 40)?.told(&context, limit(3, WhenFull::EndLeastRecentlySeen)?).await?;
    ensure_eq!(told, Some(vec![summary(second, record)]), "ended");
    dead(&context, second, NOW).await?;
    super::samples::found(&context, first, NOW).await?;
    ensure_eq!(count(&context, &account.user).await?, 3, "sessions");
    Ok(())
}

pub(super) async fn asvs_7_1_2_at_it_somebody_is_refused_and_nothing_changes(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let made = sessions(&context, &account.user, &[1, 2]).await?;
    let anonymous = record();
    let (there, version) = context.create(&anonymous).await?;
    for most in [1, 2] {
        let admission = account.admission(limit(most, WhenFull::Refuse)?);
        for (key, put) in [(key()?, Put::New), (there.clone(), Put::At(version.clone()))] {
            let next = signed_in(&account.user, 3)?;
            let admit = context.store().admit(&key, put, &next, &admission, NOW).await?;
            ensure_eq!(admit, Admitted::Full, "with {} sessions and a limit of {most}", made.len());
            ensure!(key == there || context.live(&key, NOW).await?.is_none(), "the refused has a session");
        }
        stay(&context, &made).await?;
        holds(&context, &there, &anonymous, &version, NOW).await?;
        ensure_eq!(count(&context, &account.user).await?, 2, "sessions");
    }
    // As soon as there is room, they are let in.
    let Some((first, ..)) = made.first() else { return Err(Failure::new("no session")) };
    context.store().delete(first).await?;
    let told = Entry::new(&account, 3)?.told(&context, limit(2, WhenFull::Refuse)?).await?;
    ensure_eq!(told, Some(vec![]), "ended");
    Ok(())
}

pub(super) async fn as_many_end_as_it_takes(context: Context) -> Checked {
    for (most, ended) in [(7, 0), (6, 0), (5, 1), (3, 3), (1, 5)] {
        let account = Account::open(&context, &format!("user-{most}")).await?;
        let made = sessions(&context, &account.user, &[5, 4, 3, 2, 1]).await?;
        let let_in = Entry::new(&account, 6)?;
        let told = let_in.told(&context, limit(most, WhenFull::EndOldest)?).await?.unwrap_or_default();
        let expected = made.iter().rev().take(ended).map(|(key, record, _)| summary(key, record));
        let expected: Vec<_> = expected.collect();
        ensure_eq!(in_order(told), in_order(expected), "ended by a limit of {most}");
        let left: Vec<_> = made.iter().take(made.len() - ended).cloned().collect();
        stay(&context, &left).await?;
        let sessions = count(&context, &account.user).await?;
        ensure_eq!(sessions, u64::try_from(left.len() + 1)?, "sessions under a limit of {most}");
        super::samples::found(&context, &let_in.key, NOW).await?;
    }
    Ok(())
}

pub(super) async fn r50_expired_sessions_do_not_count(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    for at in 0..3 {
        context.create(&Record { expires: after(1), ..signed_in(&account.user, at)? }).await?;
    }
    let made = sessions(&context, &account.user, &[5]).await?;
    // In the millisecond before they end they count.
    let full = Entry::new(&account, 9)?.told_at(&context, limit(2, WhenFull::Refuse)?, NOW).await?;
    ensure_eq!(full, None, "ended while all were live");
    let told = Entry::new(&account, 9)?.told_at(&context, limit(2, WhenFull::Refuse)?, after(1)).await?;
    ensure_eq!(told, Some(vec![]), "ended");
    let told = Entry::new(&account, 9)?.told_at(&context, limit(3, WhenFull::EndOldest)?, after(1)).await?;
    ensure_eq!(told, Some(vec![]), "ended when the expired are the oldest");
    stay(&context, &made).await
}

pub(super) async fn sessions_from_before_everybody_was_signed_out_do_not_count(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let mut made = Vec::new();
    for epoch in [0, 2, 4, u64::MAX] {
        let mut record = signed_in(&account.user, 0)?;
        record.authentication =
            record.authentication.map(|it| cloakroom_core::Authentication { epoch, ..it });
        let (key, version) = context.create(&record).await?;
        made.push((key, record, version));
    }
    let live = sessions(&context, &account.user, &[5]).await?;
    for when_full in [WhenFull::Refuse, WhenFull::EndOldest, WhenFull::EndLeastRecentlySeen] {
        let let_in = Entry::new(&account, 9)?;
        ensure_eq!(let_in.told(&context, limit(2, when_full)?).await?, Some(vec![]), "ended");
        stay(&context, &made).await?;
        stay(&context, &live).await?;
        context.store().delete(&let_in.key).await?;
    }
    Ok(())
}

pub(super) async fn sessions_of_which_nobody_knows_when_they_began_end_first(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let made = sessions(&context, &account.user, &[-9, -8]).await?;
    let mut unknown = Vec::new();
    for created in [30, 20, 25] {
        let record = Record { created: after(created), seen: after(50), ..record_of(&account.user) };
        let (key, version) = context.create(&record).await?;
        unknown.push((key, record, version));
    }
    ensure_eq!(Entry::new(&account, 60)?.told(&context, limit(5, WhenFull::Refuse)?).await?, None, "ended");
    let told = Entry::new(&account, 60)?.told(&context, limit(4, WhenFull::EndOldest)?).await?;
    let [(first, first_record, _), (second, second_record, _), (third, third_record, _)] = &unknown[..]
    else {
        return Err(Failure::new("three sessions"));
    };
    let expected = vec![summary(second, second_record), summary(third, third_record)];
    ensure_eq!(told.map(in_order), Some(in_order(expected)), "ended: those that began first");
    stay(&context, &made).await?;
    // When all were seen at times that are known, that is what counts.
    let told = Entry::new(&account, 60)?.told(&context, limit(3, WhenFull::EndLeastRecentlySeen)?).await?;
    let seen_first = made.iter().map(|(key, record, _)| summary(key, record)).collect();
    ensure_eq!(told.map(in_order), Some(in_order(seen_first)), "ended: those that were not used for longest");
    holds(&context, first, first_record, &unknown[0].2, NOW).await
}

pub(super) async fn the_session_that_is_let_in_does_not_count_itself(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    for (index, when_full) in [WhenFull::Refuse, WhenFull::EndOldest].into_iter().enumerate() {
        let made = sessions(&context, &account.user, &[0]).await?;
        let Some((own, _, version)) = made.into_iter().next() else { return Err(Failure::new("no session")) };
        // They sign in again to the only session that they may have.
        let admission = account.admission(limit(1, when_full)?);
        let next = signed_in(&account.user, i64::try_from(index)? + 1)?;
        let admit = context.store().admit(&own, Put::At(version), &next, &admission, NOW).await?;
        let Admitted::In { version, ended } = admit else { return Err(Failure::new("in their own way")) };
        ensure_eq!(ended, [], "ended");
        holds(&context, &own, &next, &version, NOW).await?;
        context.store().delete(&own).await?;
    }
    Ok(())
}

pub(super) async fn sessions_of_others_neither_count_nor_end(context: Context) -> Checked {
    let account = Account::open(&context, "ada").await?;
    let mut others = Vec::new();
    // Nobody's, and those of users whom a careless comparison takes for the same.
    for name in ["bob", "Ada", "ada ", "ada%", "a"] {
        others.extend(sessions(&context, &user(name)?, &[-5]).await?);
    }
    let (nobodys, version) = context.create(&record()).await?;
    others.push((nobodys, record(), version));
    let mark = super::samples::mark();
    for when_full in [WhenFull::Refuse, WhenFull::EndOldest, WhenFull::EndLeastRecentlySeen] {
        let let_in = Entry::new(&account, 1)?;
        ensure_eq!(let_in.told(&context, limit(1, when_full)?).await?, Some(vec![]), "ended");
        stay(&context, &others).await?;
        holds(&context, &account.mark, &mark, &account.version, NOW).await?;
        context.store().delete(&let_in.key).await?;
    }
    Ok(())
}

pub(super) async fn who_ends_is_told_as_a_list_would(context: Context) -> Checked {
    let account = Account::open(&context, "user-17").await?;
    let full = full_record()?;
    context.create(&full).await?;
    let page = super::users::page(10)?;
    let listed = context.store().list(&Scope::User(account.user.clone()), page, NOW).await?;
    let next = Record {
        authentication: full.authentication.map(|it| cloakroom_core::Authentication { at: NOW, ..it }),
        ..signed_in(&account.user, 0)?
    };
    let admission = account.admission(limit(1, WhenFull::EndOldest)?);
    let admit = context.store().admit(&key()?, Put::New, &next, &admission, NOW).await?;
    let Admitted::In { ended, .. } = admit else { return Err(Failure::new("turned away")) };
    ensure_eq!(ended, listed, "ended");
    Ok(())
}

pub(super) async fn asvs_7_1_2_thirty_two_at_once_never_leave_more(context: Context) -> Checked {
    for (most, when_full) in
        [(1, WhenFull::EndOldest), (3, WhenFull::EndOldest), (3, WhenFull::EndLeastRecentlySeen)]
    {
        let account = Account::open(&context, &format!("{when_full:?}-{most}")).await?;
        let crowd = Crowd::of(&context, &account, most, when_full).await?;
        ensure_eq!(crowd.full, 0, "refused where room can be made");
        ensure_eq!(crowd.admitted.len(), 32, "let in");
        crowd.is_what_lives(&context, &account.user).await?;
        ensure_eq!(count(&context, &account.user).await?, u64::from(most), "sessions in the end");
    }
    Ok(())
}

pub(super) async fn asvs_7_1_2_thirty_two_at_once_let_in_no_more_than_there_is_room_for(
    context: Context,
) -> Checked {
    for most in [1, 5] {
        let account = Account::open(&context, &format!("user-{most}")).await?;
        let crowd = Crowd::of(&context, &account, most, WhenFull::Refuse).await?;
        ensure_eq!(crowd.ended.len(), 0, "ended where somebody is refused instead");
        ensure_eq!(
            (crowd.admitted.len(), crowd.full),
            (usize::try_from(most)?, 32 - usize::try_from(most)?),
            "in, full"
        );
        crowd.is_what_lives(&context, &account.user).await?;
    }
    Ok(())
}

pub(super) async fn sixteen_users_at_once_do_not_wait_for_each_other(context: Context) -> Checked {
    let mut accounts = Vec::new();
    for index in 0..16 {
        accounts.push(Account::open(&context, &format!("user-{index}")).await?);
    }
    // Each user's sign-ins are spread over the others', so that stores which lock users one by one meet deadlocks.
    let admits = (0..64_usize).map(|index| {
        let (store, account) = (context.node(index), accounts[index * 7 % 16].clone());
        async move {
            let limit = limit(2, WhenFull::EndOldest)?;
            Entry::new(&account, i64::try_from(index)?)?.told_by(&*store, limit, NOW).await
        }
    });
    for told in context.parallel(admits).await? {
        ensure!(told?.is_some(), "somebody was refused where room can be made");
    }
    for account in &accounts {
        ensure_eq!(count(&context, &account.user).await?, 2, "sessions of one of sixteen users");
    }
    Ok(())
}

/// What became of 32 who signed in at once as one user.
struct Crowd {
    admitted: BTreeSet<StoreKey>,
    ended: BTreeSet<StoreKey>,
    full: usize,
}

impl Crowd {
    /// Lets them in while others look, who never see more than `most`.
    async fn of(
        context: &Context,
        account: &Account,
        most: u32,
        when_full: WhenFull,
    ) -> Result<Self, Failure> {
        type Told = Option<(StoreKey, Vec<StoreKey>)>;
        let mut tasks: Vec<BoxFuture<'static, Result<Option<Told>, Failure>>> = Vec::new();
        for index in 0..32 {
            let (store, let_in) = (context.node(index), Entry::new(account, i64::try_from(index)?)?);
            let limit = limit(most, when_full)?;
            tasks.push(Box::pin(async move {
                let told = let_in.told_by(&*store, limit, NOW).await?;
                let keys = |ended: Vec<Summary>| ended.into_iter().map(|it| it.key).collect();
                Ok(Some(told.map(|ended| (let_in.key, keys(ended)))))
            }));
        }
        for index in 0..4 {
            let (store, scope) = (context.node(index), Scope::User(account.user.clone()));
            let look: BoxFuture<'static, Result<Option<Told>, Failure>> = Box::pin(async move {
                for _ in 0..8 {
                    let live = store.count(&scope, NOW).await?;
                    ensure!(live <= u64::from(most), "{live} sessions in one look, where {most} may be");
                    let page = super::users::page(100)?;
                    let listed = store.list(&scope, page, NOW).await?.len();
                    ensure!(
                        listed as u64 <= u64::from(most),
                        "{listed} sessions listed, where {most} may be"
                    );
                    yield_now().await;
                }
                Ok(None)
            });
            tasks.insert(index * 9, look);
        }
        let mut crowd = Self { admitted: BTreeSet::new(), ended: BTreeSet::new(), full: 0 };
        for told in context.parallel(tasks).await? {
            match told? {
                None => {}
                Some(None) => crowd.full += 1,
                Some(Some((key, ended))) => {
                    crowd.admitted.insert(key);
                    for key in ended {
                        ensure!(crowd.ended.insert(key), "one session was ended twice");
                    }
                }
            }
        }
        Ok(crowd)
    }

    /// That those who were let in, but for those who were told to have ended, are the sessions there are.
    async fn is_what_lives(&self, context: &Context, user: &UserId) -> Checked {
        ensure!(self.ended.is_subset(&self.admitted), "sessions ended that nobody was let in to");
        let left: Vec<_> = self.admitted.difference(&self.ended).cloned().collect();
        let live = super::users::listed(context, &Scope::User(user.clone()), 100).await?;
        ensure!(live == left, "{} sessions live, and {} ought to", live.len(), left.len());
        Ok(())
    }
}

/// Somebody who signs in to a new session.
struct Entry {
    account: Account,
    key: StoreKey,
    record: Record,
}

impl Entry {
    fn new(account: &Account, at: i64) -> Result<Self, Failure> {
        Ok(Self { account: account.clone(), key: key()?, record: signed_in(&account.user, at)? })
    }

    /// Who made room, or `None` when there is none.
    async fn told(
        &self,
        context: &Context,
        limit: Option<SessionLimit>,
    ) -> Result<Option<Vec<Summary>>, Failure> {
        self.told_at(context, limit, NOW).await
    }

    async fn told_at(
        &self,
        context: &Context,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Option<Vec<Summary>>, Failure> {
        self.told_by(context.store(), limit, now).await
    }

    async fn told_by(
        &self,
        store: &dyn Store,
        limit: Option<SessionLimit>,
        now: Timestamp,
    ) -> Result<Option<Vec<Summary>>, Failure> {
        match store.admit(&self.key, Put::New, &self.record, &self.account.admission(limit), now).await? {
            Admitted::In { ended, .. } => Ok(Some(ended)),
            Admitted::Full => Ok(None),
            Admitted::Superseded => Err(Failure::new("superseded although the mark is as it was")),
        }
    }
}

fn limit(most: u32, when_full: WhenFull) -> Result<Option<SessionLimit>, Failure> {
    let most = NonZeroU32::new(most).ok_or_else(|| Failure::new("a limit of zero"))?;
    Ok(Some(SessionLimit { most, when_full }))
}

type Made = (StoreKey, Record, Version);

/// Sessions to which the user signed in at these times.
async fn sessions(context: &Context, user: &UserId, times: &[i64]) -> Result<Vec<Made>, Failure> {
    let mut made = Vec::new();
    for at in times {
        let record = signed_in(user, *at)?;
        let (key, version) = context.create(&record).await?;
        made.push((key, record, version));
    }
    Ok(made)
}

/// That these are as they were.
async fn stay(context: &Context, made: &[Made]) -> Checked {
    for (key, record, version) in made {
        holds(context, key, record, version, NOW).await?;
    }
    Ok(())
}

async fn count(context: &Context, user: &UserId) -> Result<u64, Failure> {
    Ok(context.store().count(&Scope::User(user.clone()), NOW).await?)
}

/// The contract does not say in which order those are told that end together.
fn in_order(mut ended: Vec<Summary>) -> Vec<Summary> {
    ended.sort_by(|one, other| one.key.cmp(&other.key));
    ended
}
