//! `rename`: writes the record under a new key and ends the old one, atomically.

use cloakroom_core::{ErrorKind, Put, Record, Scope};

use super::Context;
use super::samples::{
    HOUR, NOW, after, dead, full_record, holds, key, record, record_of, record_until, refused, user,
};
use super::touch::touch;
use crate::outcome::{Checked, ensure_eq};

pub(super) async fn afterwards_only_the_new_key_answers(context: Context) -> Checked {
    let (from, version) = context.create(&record()).await?;
    let (to, moved) = (key()?, full_record()?);
    let version = context.store().rename(&from, version, &to, &moved, NOW).await?;
    dead(&context, &from, NOW).await?;
    holds(&context, &to, &moved, &version, NOW).await
}

pub(super) async fn the_new_version_can_be_saved_at(context: Context) -> Checked {
    let (from, version) = context.create(&record()).await?;
    let to = key()?;
    let version = context.store().rename(&from, version, &to, &record(), NOW).await?;
    let next = full_record()?;
    let version = context.store().put(&to, Put::At(version), &next, NOW).await?;
    holds(&context, &to, &next, &version, NOW).await
}

pub(super) async fn r17_every_verb_finds_the_old_key_gone(context: Context) -> Checked {
    let store = context.store();
    let (from, old) = context.create(&record()).await?;
    let to = key()?;
    let new = store.rename(&from, old.clone(), &to, &record(), NOW).await?;
    for version in [old, new] {
        refused(store.put(&from, Put::At(version.clone()), &record(), NOW).await, ErrorKind::Gone)?;
        refused(store.touch(&from, touch(&version, NOW, after(9 * HOUR)), NOW).await, ErrorKind::Gone)?;
        refused(store.rename(&from, version, &key()?, &record(), NOW).await, ErrorKind::Gone)?;
    }
    store.delete(&from).await?;
    super::samples::found(&context, &to, NOW).await?;
    ensure_eq!(store.count(&Scope::All, NOW).await?, 1, "live records");
    Ok(())
}

pub(super) async fn fails_with_gone_when_nothing_was_there(context: Context) -> Checked {
    let (_, version) = context.create(&record()).await?;
    let (from, to) = (key()?, key()?);
    refused(context.store().rename(&from, version, &to, &record(), NOW).await, ErrorKind::Gone)?;
    dead(&context, &to, NOW).await
}

pub(super) async fn fails_with_gone_when_the_old_record_has_expired(context: Context) -> Checked {
    let (from, version) = context.create(&record_until(after(HOUR))).await?;
    let (to, late) = (key()?, after(HOUR + 1));
    let longer = record_until(after(9 * HOUR));
    refused(context.store().rename(&from, version, &to, &longer, late).await, ErrorKind::Gone)?;
    dead(&context, &from, late).await?;
    dead(&context, &to, late).await
}

pub(super) async fn fails_with_gone_when_the_old_record_was_deleted(context: Context) -> Checked {
    let (from, version) = context.create(&record()).await?;
    context.store().delete(&from).await?;
    let to = key()?;
    refused(context.store().rename(&from, version, &to, &record(), NOW).await, ErrorKind::Gone)?;
    dead(&context, &from, NOW).await?;
    dead(&context, &to, NOW).await
}

pub(super) async fn at_an_older_version_fails_and_leaves_both_as_they_were(context: Context) -> Checked {
    let (from, stale) = context.create(&record()).await?;
    let current = full_record()?;
    let version = context.store().put(&from, Put::At(stale.clone()), &current, NOW).await?;
    let to = key()?;
    refused(context.store().rename(&from, stale, &to, &record(), NOW).await, ErrorKind::Conflict)?;
    holds(&context, &from, &current, &version, NOW).await?;
    dead(&context, &to, NOW).await
}

pub(super) async fn onto_a_live_record_fails_and_leaves_both_as_they_were(context: Context) -> Checked {
    let (one, two) = (record(), full_record()?);
    let (from, from_version) = context.create(&one).await?;
    let (to, to_version) = context.create(&two).await?;
    let outcome = context.store().rename(&from, from_version.clone(), &to, &record(), NOW).await;
    refused(outcome, ErrorKind::Conflict)?;
    holds(&context, &from, &one, &from_version, NOW).await?;
    holds(&context, &to, &two, &to_version, NOW).await
}

pub(super) async fn onto_itself_fails_and_leaves_it_as_it_was(context: Context) -> Checked {
    let before = full_record()?;
    let (from, version) = context.create(&before).await?;
    let outcome = context.store().rename(&from, version.clone(), &from, &record(), NOW).await;
    refused(outcome, ErrorKind::Conflict)?;
    holds(&context, &from, &before, &version, NOW).await
}

pub(super) async fn onto_an_expired_record_replaces_it_whole(context: Context) -> Checked {
    let (to, _) = context.create(&full_record()?).await?;
    let late = after(2 * HOUR);
    let (from, version) = context.create(&record_until(after(3 * HOUR))).await?;
    let moved = record_until(after(4 * HOUR));
    let version = context.store().rename(&from, version, &to, &moved, late).await?;
    holds(&context, &to, &moved, &version, late).await?;
    dead(&context, &from, late).await
}

pub(super) async fn the_old_key_can_only_be_created_anew(context: Context) -> Checked {
    let (from, version) = context.create(&full_record()?).await?;
    let to = key()?;
    let to_version = context.store().rename(&from, version, &to, &full_record()?, NOW).await?;
    let fresh = record();
    let version = context.store().put(&from, Put::New, &fresh, NOW).await?;
    holds(&context, &from, &fresh, &version, NOW).await?;
    holds(&context, &to, &full_record()?, &to_version, NOW).await
}

pub(super) async fn a_user_still_has_one_session(context: Context) -> Checked {
    let ada = user("ada")?;
    let scope = Scope::User(ada.clone());
    let (from, version) = context.create(&record_of(&ada)).await?;
    let to = key()?;
    context.store().rename(&from, version, &to, &record_of(&ada), NOW).await?;
    let page = super::users::page(10)?;
    let listed: Vec<_> =
        context.store().list(&scope, page, NOW).await?.into_iter().map(|summary| summary.key).collect();
    ensure_eq!(listed == [to], true, "whether exactly the new key is listed");
    ensure_eq!(context.store().count(&scope, NOW).await?, 1, "sessions of the user");
    Ok(())
}

pub(super) async fn can_sign_a_visitor_in(context: Context) -> Checked {
    let ada = user("ada")?;
    let (from, version) = context.create(&record()).await?;
    let to = key()?;
    let signed_in = Record { created: after(1), deadline: Some(after(8 * HOUR)), ..record_of(&ada) };
    let version = context.store().rename(&from, version, &to, &signed_in, after(1)).await?;
    holds(&context, &to, &signed_in, &version, after(1)).await?;
    ensure_eq!(context.store().count(&Scope::User(ada), after(1)).await?, 1, "sessions of the user");
    Ok(())
}
