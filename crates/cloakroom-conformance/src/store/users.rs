//! `list` and `count`: the live sessions of everybody or of one user.

use std::num::NonZeroU32;

use cloakroom_core::{Page, Put, Record, Scope, SessionHandle, StoreKey, SystemRandom, UserId};

use super::Context;
use super::samples::{
    HOUR, NOW, after, full_record, key, mark, record, record_of, record_until, signed_in, summary, user,
};
use super::touch::touch;
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// The first page of at most `count` rows.
pub(super) fn page(count: u32) -> Result<Page, Failure> {
    let limit = NonZeroU32::new(count).ok_or_else(|| Failure::new("a page of zero rows"))?;
    Ok(Page { after: None, limit })
}

/// The keys that a scope lists in pages of `count`, in the order in which they come.
pub(super) async fn listed(context: &Context, scope: &Scope, count: u32) -> Result<Vec<StoreKey>, Failure> {
    let mut keys: Vec<StoreKey> = Vec::new();
    let mut page = page(count)?;
    for _ in 0..1_000 {
        let rows = context.store().list(scope, page.clone(), NOW).await?;
        ensure!(
            rows.len() as u64 <= u64::from(count),
            "a page of {} rows with a limit of {count}",
            rows.len()
        );
        keys.extend(rows.into_iter().map(|summary| summary.key));
        let last = keys.last().cloned();
        if page.after == last {
            return Ok(keys);
        }
        page.after = last;
    }
    Err(Failure::new("a thousand pages and no end"))
}

pub(super) async fn list_shows_only_the_users_own_sessions(context: Context) -> Checked {
    let (ada, bob) = (user("ada")?, user("bob")?);
    let mut expected = sorted(create(&context, &ada, 3).await?);
    create(&context, &bob, 2).await?;
    context.create(&record()).await?;
    let keys = listed(&context, &Scope::User(ada), 100).await?;
    ensure!(keys == expected, "{} sessions listed, {} expected", keys.len(), expected.len());
    expected.clear();
    let nobody = listed(&context, &Scope::User(user("nobody")?), 100).await?;
    ensure!(nobody == expected, "a user without sessions has {}", nobody.len());
    Ok(())
}

pub(super) async fn list_of_all_shows_every_live_session(context: Context) -> Checked {
    let mut expected = create(&context, &user("ada")?, 2).await?;
    expected.extend(create(&context, &user("bob")?, 2).await?);
    expected.push(context.create(&record()).await?.0);
    let expected = sorted(expected);
    let keys = listed(&context, &Scope::All, 100).await?;
    ensure!(keys == expected, "{} sessions listed, {} expected", keys.len(), expected.len());
    Ok(())
}

pub(super) async fn list_tells_everything_but_the_data(context: Context) -> Checked {
    let record = full_record()?;
    let (key, _) = context.create(&record).await?;
    let summary = summary(&key, &record);
    let rows = context.store().list(&Scope::All, page(10)?, NOW).await?;
    ensure_eq!(rows, [summary], "the one session");
    Ok(())
}

pub(super) async fn list_shows_what_a_touch_moved(context: Context) -> Checked {
    let before = record_of(&user("ada")?);
    let (key, version) = context.create(&before).await?;
    let (seen, expires) = (after(601_000), after(HOUR + 601_000));
    context.store().touch(&key, touch(&version, seen, expires), seen).await?;
    let rows = context.store().list(&Scope::User(user("ada")?), page(10)?, seen).await?;
    ensure_eq!(rows, [summary(&key, &Record { seen, expires, ..before })], "the touched session");
    Ok(())
}

pub(super) async fn list_comes_in_the_order_of_keys_and_in_pages(context: Context) -> Checked {
    let ada = user("ada")?;
    let expected = sorted(create(&context, &ada, 25).await?);
    create(&context, &user("bob")?, 5).await?;
    for count in [1, 7, 25, 26, u32::MAX] {
        let keys = listed(&context, &Scope::User(ada.clone()), count).await?;
        ensure!(keys == expected, "pages of {count} rows lose, repeat or shuffle sessions");
    }
    Ok(())
}

pub(super) async fn list_goes_on_after_a_key_that_has_gone(context: Context) -> Checked {
    let ada = user("ada")?;
    let keys = sorted(create(&context, &ada, 6).await?);
    let (Some(third), Some(rest)) = (keys.get(2), keys.get(3..)) else {
        return Err(Failure::new("too few keys"));
    };
    context.store().delete(third).await?;
    let page = Page { after: Some(third.clone()), ..page(10)? };
    let rows = context.store().list(&Scope::User(ada), page, NOW).await?;
    let found: Vec<_> = rows.into_iter().map(|summary| summary.key).collect();
    ensure!(found == rest, "{} sessions after the deleted key, expected {}", found.len(), rest.len());
    Ok(())
}

pub(super) async fn r50_expired_sessions_are_neither_listed_nor_counted(context: Context) -> Checked {
    let ada = user("ada")?;
    let scope = Scope::User(ada.clone());
    let live = create(&context, &ada, 2).await?;
    for ends in [1, 2, 1_000] {
        context.create(&Record { user: Some(ada.clone()), ..record_until(after(ends)) }).await?;
    }
    for scope in [&scope, &Scope::All] {
        let rows = context.store().list(scope, page(10)?, after(1_000)).await?;
        ensure_eq!(rows.len(), live.len(), "listed sessions");
        ensure_eq!(context.store().count(scope, after(1_000)).await?, 2, "counted sessions");
        ensure_eq!(context.store().count(scope, NOW).await?, 5, "counted sessions while all were live");
    }
    Ok(())
}

pub(super) async fn of_all_shows_only_what_an_id_opens(context: Context) -> Checked {
    let (session, _) = context.create(&record()).await?;
    context.create(&mark()).await?;
    context.create(&Record { data: cloakroom_core::Data::new(), ..mark() }).await?;
    let keys = listed(&context, &Scope::All, 1).await?;
    ensure!(keys == [session], "{} records listed, one of which is a session", keys.len());
    ensure_eq!(context.store().count(&Scope::All, NOW).await?, 1, "sessions counted");
    Ok(())
}

pub(super) async fn one_session_is_found_by_its_handle(context: Context) -> Checked {
    let ada = user("ada")?;
    let mut made = Vec::new();
    for at in 0..3 {
        let record = signed_in(&ada, at)?;
        made.push((context.create(&record).await?.0, record));
    }
    context.create(&record_of(&ada)).await?;
    for (key, record) in &made {
        let rows = context.store().list(&of(record)?, page(10)?, NOW).await?;
        ensure_eq!(rows, [summary(key, record)], "the session with the handle");
        let page = Page { after: Some(key.clone()), ..page(10)? };
        ensure_eq!(context.store().list(&of(record)?, page, NOW).await?, [], "the page after it");
        ensure_eq!(context.store().count(&of(record)?, NOW).await?, 1, "sessions with the handle");
    }
    Ok(())
}

pub(super) async fn r25_asvs_7_5_2_a_handle_is_unknown_to_every_other_user(context: Context) -> Checked {
    let (ada, bob) = (user("ada")?, user("bob")?);
    context.create(&signed_in(&ada, 0)?).await?;
    let bobs = signed_in(&bob, 0)?;
    context.create(&bobs).await?;
    let handle = bobs.authentication.as_ref().map(|it| it.handle);
    let handle = handle.ok_or_else(|| Failure::new("no handle"))?;
    for scope in [
        Scope::Session(ada.clone(), handle),
        Scope::Session(user("Bob")?, handle),
        Scope::Session(ada, SessionHandle::generate(&SystemRandom)?),
        Scope::Session(bob, SessionHandle::generate(&SystemRandom)?),
    ] {
        ensure_eq!(context.store().list(&scope, page(10)?, NOW).await?, [], "listed sessions");
        ensure_eq!(context.store().count(&scope, NOW).await?, 0, "counted sessions");
    }
    Ok(())
}

pub(super) async fn r50_an_expired_session_has_no_handle_any_more(context: Context) -> Checked {
    let record = Record { expires: after(1), ..signed_in(&user("ada")?, 0)? };
    context.create(&record).await?;
    ensure_eq!(context.store().count(&of(&record)?, NOW).await?, 1, "sessions before the end");
    ensure_eq!(context.store().count(&of(&record)?, after(1)).await?, 0, "sessions at the end");
    ensure_eq!(context.store().list(&of(&record)?, page(10)?, after(1)).await?, [], "listed at the end");
    Ok(())
}

/// The scope of this one session.
pub(super) fn of(record: &Record) -> Result<Scope, Failure> {
    let handle = record.authentication.as_ref().map(|it| it.handle);
    match (record.user.clone(), handle) {
        (Some(user), Some(handle)) => Ok(Scope::Session(user, handle)),
        _ => Err(Failure::new("nobody has signed in to this session")),
    }
}

pub(super) async fn count_follows_every_verb(context: Context) -> Checked {
    let store = context.store();
    let ada = user("ada")?;
    let scope = Scope::User(ada.clone());
    ensure_eq!(store.count(&scope, NOW).await?, 0, "at first");
    let (one, version) = context.create(&record_of(&ada)).await?;
    let (two, _) = context.create(&record_of(&ada)).await?;
    ensure_eq!(store.count(&scope, NOW).await?, 2, "after two creations");
    let version = store.put(&one, Put::At(version), &record_of(&ada), NOW).await?;
    ensure_eq!(store.count(&scope, NOW).await?, 2, "after a save");
    store.rename(&one, version, &key()?, &record_of(&ada), NOW).await?;
    ensure_eq!(store.count(&scope, NOW).await?, 2, "after a rename");
    store.delete(&two).await?;
    ensure_eq!(store.count(&scope, NOW).await?, 1, "after a delete");
    ensure_eq!(store.count(&Scope::All, NOW).await?, 1, "of everybody");
    Ok(())
}

pub(super) async fn ids_are_compared_byte_for_byte(context: Context) -> Checked {
    // Pairs that some collation or padding rule holds equal.
    let names = [
        "ada",
        "Ada",
        "ADA",
        "ada ",
        " ada",
        "ada\t",
        "ada\u{a0}",
        "ada\u{200b}",
        "ad\u{e1}",
        "ada\u{301}",
        "ad\u{0430}",
        "stra\u{df}e",
        "strasse",
        "STRASSE",
        "\u{130}",
        "i",
        "I",
        "\u{131}",
        "\u{fb01}",
        "fi",
        "1",
        "01",
        "1.0",
        "1e0",
        "%",
        "_",
        "ad_",
        "ad%",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\",
        "' OR '1'='1",
        "{\"$ne\":null}",
        "$1",
        "?",
        ":id",
        "null",
        "NULL",
        "true",
        "0",
        "\u{1f600}",
        "\u{1f601}",
        "\u{10ffff}",
        "\u{feff}ada",
        "\u{202e}ada",
        "line\nbreak",
        "line\r\nbreak",
    ];
    for name in names {
        context.create(&record_of(&user(name)?)).await?;
    }
    for name in names {
        let scope = Scope::User(user(name)?);
        ensure_eq!(context.store().count(&scope, NOW).await?, 1, "sessions counted for the user {name:?}");
        let rows = context.store().list(&scope, page(10)?, NOW).await?;
        let users: Vec<_> = rows.iter().filter_map(|row| row.user.as_ref().map(UserId::as_str)).collect();
        ensure_eq!(users, [name], "users listed for {name:?}");
    }
    for name in names {
        let ended = context.store().end(&Scope::User(user(name)?), None, NOW).await?;
        ensure_eq!(ended, 1, "sessions ended for the user {name:?}");
    }
    Ok(())
}

pub(super) async fn ids_may_have_255_bytes(context: Context) -> Checked {
    let (ascii, wide) = ("x".repeat(UserId::MAX_BYTES), "\u{ffff}".repeat(UserId::MAX_BYTES / 3));
    let almost = format!("{}y", "x".repeat(UserId::MAX_BYTES - 1));
    for name in [&ascii, &wide, &almost] {
        let record = record_of(&user(name)?);
        let (key, version) = context.create(&record).await?;
        super::samples::holds(&context, &key, &record, &version, NOW).await?;
        ensure_eq!(context.store().count(&Scope::User(user(name)?), NOW).await?, 1, "sessions of a long id");
    }
    Ok(())
}

async fn create(context: &Context, user: &UserId, count: usize) -> Result<Vec<StoreKey>, Failure> {
    let mut keys = Vec::new();
    for _ in 0..count {
        keys.push(context.create(&record_of(user)).await?.0);
    }
    Ok(keys)
}

fn sorted(mut keys: Vec<StoreKey>) -> Vec<StoreKey> {
    keys.sort();
    keys
}
