//! `delete`: removes, and stays removed.

use cloakroom_core::{ErrorKind, Loaded, Put, Scope};

use super::Context;
use super::samples::{HOUR, NOW, after, dead, full_record, holds, key, record, record_of, refused, user};
use super::touch::touch;
use crate::outcome::{Checked, ensure_eq};

pub(super) async fn removes_the_record(context: Context) -> Checked {
    let (key, _) = context.create(&full_record()?).await?;
    context.store().delete(&key).await?;
    dead(&context, &key, NOW).await
}

pub(super) async fn of_what_is_not_there_succeeds(context: Context) -> Checked {
    context.store().delete(&key()?).await?;
    let (key, _) = context.create(&record()).await?;
    for _ in 0..3 {
        context.store().delete(&key).await?;
    }
    Ok(())
}

pub(super) async fn afterwards_every_verb_answers_as_if_the_key_had_never_been(context: Context) -> Checked {
    let store = context.store();
    let ada = user("ada")?;
    let scope = Scope::User(ada.clone());
    let (key, version) = context.create(&record_of(&ada)).await?;
    store.delete(&key).await?;
    ensure_eq!(store.load(&key, NOW).await?, Loaded::Absent, "load");
    refused(store.put(&key, Put::At(version.clone()), &record(), NOW).await, ErrorKind::Gone)?;
    refused(store.touch(&key, touch(&version, NOW, after(HOUR)), NOW).await, ErrorKind::Gone)?;
    let to = super::samples::key()?;
    refused(store.rename(&key, version, &to, &record(), NOW).await, ErrorKind::Gone)?;
    ensure_eq!(store.list(&scope, super::users::page(10)?, NOW).await?.len(), 0, "listed sessions");
    ensure_eq!(store.count(&scope, NOW).await?, 0, "counted sessions");
    ensure_eq!(store.end(&scope, None, NOW).await?, 0, "ended sessions");
    dead(&context, &key, NOW).await?;
    dead(&context, &to, NOW).await
}

pub(super) async fn leaves_other_keys_alone(context: Context) -> Checked {
    let other = full_record()?;
    let (other_key, version) = context.create(&other).await?;
    let (key, _) = context.create(&record()).await?;
    context.store().delete(&key).await?;
    holds(&context, &other_key, &other, &version, NOW).await
}

pub(super) async fn removes_an_expired_record_too(context: Context) -> Checked {
    let (key, _) = context.create(&record()).await?;
    context.store().delete(&key).await?;
    // Before it expired it was live: whoever asks with that time must not find it either.
    ensure_eq!(context.store().load(&key, after(2 * HOUR)).await?, Loaded::Absent, "after its expiry");
    ensure_eq!(context.store().load(&key, NOW).await?, Loaded::Absent, "before its expiry");
    Ok(())
}
