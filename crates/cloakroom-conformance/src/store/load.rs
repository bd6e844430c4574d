//! `load`: the record under a key, unless it has expired or was destroyed.

use cloakroom_core::Loaded;

use super::Context;
use super::samples::{DAY, HOUR, NOW, after, full_record, holds, key, record, record_until};
use crate::outcome::{Checked, ensure, ensure_eq};

pub(super) async fn finds_the_whole_record(context: Context) -> Checked {
    let record = full_record()?;
    let (key, version) = context.create(&record).await?;
    holds(&context, &key, &record, &version, NOW).await
}

pub(super) async fn finds_a_record_with_nothing_optional(context: Context) -> Checked {
    let record = cloakroom_core::Record { data: cloakroom_core::Data::new(), ..super::samples::mark() };
    let (key, version) = context.create(&record).await?;
    holds(&context, &key, &record, &version, NOW).await
}

pub(super) async fn an_unknown_key_is_absent(context: Context) -> Checked {
    context.create(&record()).await?;
    ensure_eq!(context.store().load(&key()?, NOW).await?, Loaded::Absent, "a key that nobody put");
    Ok(())
}

pub(super) async fn a_deleted_record_is_absent(context: Context) -> Checked {
    let (key, _) = context.create(&record()).await?;
    context.store().delete(&key).await?;
    ensure_eq!(context.store().load(&key, NOW).await?, Loaded::Absent, "a deleted key");
    Ok(())
}

pub(super) async fn an_expired_record_is_not_served(context: Context) -> Checked {
    let (key, _) = context.create(&record_until(after(HOUR))).await?;
    for late in [HOUR, HOUR + 1, 2 * HOUR, 4_000 * DAY] {
        let loaded = context.store().load(&key, after(late)).await?;
        ensure!(!matches!(loaded, Loaded::Live(_)), "served {} ms after it ended", late - HOUR);
    }
    Ok(())
}

pub(super) async fn changes_nothing(context: Context) -> Checked {
    let record = full_record()?;
    let (key, version) = context.create(&record).await?;
    for late in [0, 1, HOUR, 0] {
        holds(&context, &key, &record, &version, after(late)).await?;
    }
    Ok(())
}

pub(super) async fn errors_name_the_operation_and_the_backend(context: Context) -> Checked {
    let (key, _) = context.create(&record()).await?;
    let error = context.store().put(&key, cloakroom_core::Put::New, &record(), NOW).await.err();
    let named = error.map(|error| (error.operation(), error.backend()));
    ensure_eq!(
        named,
        Some((cloakroom_core::Operation::Create, context.store().backend())),
        "a refused creation"
    );
    Ok(())
}
