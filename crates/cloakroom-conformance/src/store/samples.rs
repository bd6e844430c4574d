//! The records, keys and comparisons that cases share.

use std::time::Duration;

use cloakroom_core::{
    Admission, Authentication, Data, Device, ErrorKind, Fingerprint, Lifetime, Method, Presence, Put, Record,
    SessionHandle, SessionId, SessionLimit, Store, StoreError, StoreKey, Stored, Summary, SystemRandom,
    Timestamp, UserId, Verifier, Version,
};
use serde_json::{Value, json};

use super::Context;
use crate::outcome::{Checked, Failure, ensure};

/// When most cases play: an instant with odd milliseconds, in the year 2027.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_123);

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// Longer than any store's coarse sweep column delays a sweep.
pub(super) const LONG: i64 = 400 * DAY;

/// The instant `millis` after [`NOW`].
pub(super) fn after(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

/// A key that no other case uses.
pub(super) fn key() -> Result<StoreKey, Failure> {
    Ok(StoreKey::native("conformance", &SessionId::generate(&SystemRandom)?))
}

/// A user.
pub(super) fn user(name: &str) -> Result<UserId, Failure> {
    Ok(UserId::new(name)?)
}

/// A JSON object as data. Anything else is empty.
pub(super) fn data(value: Value) -> Data {
    match value {
        Value::Object(data) => data,
        _ => Data::new(),
    }
}

/// A record without a user that is live from [`NOW`] for an hour.
pub(super) fn record() -> Record {
    record_until(after(HOUR))
}

/// A record without a user that ends at `expires`.
pub(super) fn record_until(expires: Timestamp) -> Record {
    let lifetime = Lifetime::idle(Duration::from_secs(3_600));
    // As short as a verifier can be. Without one a record is no session.
    let verifier = Verifier::from_bytes(&[7; 40]).unwrap_or_default();
    Record { data: data(json!({ "visits": 1 })), expires, verifier, ..Record::new(lifetime, NOW) }
}

/// A record that no id opens, so that it is no session: it stands for something else.
pub(super) fn mark() -> Record {
    Record { verifier: Verifier::default(), data: data(json!({ "signed_out": 0 })), ..record() }
}

/// A record of `user` that is live from [`NOW`] for an hour.
pub(super) fn record_of(user: &UserId) -> Record {
    Record { user: Some(user.clone()), ..record() }
}

/// A record of `user`, who signed in `at` milliseconds after [`NOW`] and was not seen since.
pub(super) fn signed_in(user: &UserId, at: i64) -> Result<Record, Failure> {
    let authentication = Authentication::new(Method::password(), after(at), &SystemRandom)?;
    Ok(Record {
        authentication: Some(Authentication { epoch: 3, ..authentication }),
        seen: after(at),
        ..record_of(user)
    })
}

/// A user who may sign in.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) user: UserId,
    pub(super) mark: StoreKey,
    /// The version that the mark was created with.
    pub(super) version: Version,
}

impl Account {
    /// The user called `name`, whose mark is put into the store.
    pub(super) async fn open(context: &Context, name: &str) -> Result<Self, Failure> {
        let mark_key = StoreKey::reserved("conformance", "sign-in", name);
        let version = context.store().put(&mark_key, Put::New, &mark(), NOW).await?;
        Ok(Self { user: user(name)?, mark: mark_key, version })
    }

    /// What a sign-in needs that read the mark when it was created.
    pub(super) fn admission(&self, limit: impl Into<Option<SessionLimit>>) -> Admission {
        Admission { mark: self.mark.clone(), version: self.version.clone(), limit: limit.into() }
    }
}

/// What a listing shows of `record`.
pub(super) fn summary(key: &StoreKey, record: &Record) -> Summary {
    Summary {
        key: key.clone(),
        user: record.user.clone(),
        authentication: record.authentication.clone(),
        created: record.created,
        seen: record.seen,
        expires: record.expires,
        device: record.device.clone(),
    }
}

/// A record with something in every field.
pub(super) fn full_record() -> Result<Record, Failure> {
    // As long as a verifier can be.
    let verifier: Vec<u8> = (0..112).collect();
    let ada = user("user-17")?;
    let handle = SessionHandle::parse("AAECA__FBgcICQoLDA0ODw").ok_or_else(|| Failure::new("no handle"))?;
    let authentication = Authentication {
        handle,
        at: after(-5_003),
        method: Method::new("oauth:example.org_1-longest.name")?,
        presence: Presence::Remembered,
        fingerprint: Some(Fingerprint::new(&ada, b"$argon2id$")),
        epoch: u64::MAX - 7,
    };
    Ok(Record {
        authentication: Some(authentication),
        data: data(
            json!({ "name": "Ada", "basket": [1, 2.5, null, true], "nested": { "z": 1, "a": "é\n\"" } }),
        ),
        user: Some(ada),
        created: after(-7_001),
        seen: after(-3),
        expires: after(HOUR + 7),
        deadline: Some(after(DAY + 11)),
        lifetime: Lifetime::idle(Duration::from_millis(3_600_010))
            .with_absolute(Duration::from_millis(86_407_012))
            .persistent(),
        device: Some(Device::new("Mozilla/5.0 (X11; Linux x86_64)").with_address("2001:db8::1")),
        verifier: Verifier::from_bytes(&verifier).ok_or_else(|| Failure::new("no verifier"))?,
    })
}

/// Whether two records are equal, and otherwise in which field they differ: `Debug` of a record shows no data.
pub(super) fn same(found: &Record, expected: &Record) -> Checked {
    let data = |record: &Record| shortened(&Value::Object(record.data.clone()).to_string());
    let keys = |record: &Record| record.data.keys().cloned().collect::<Vec<_>>();
    ensure!(found.data == expected.data, "data: found {}, expected {}", data(found), data(expected));
    ensure!(keys(found) == keys(expected), "the keys of the data have lost their order: {}", data(found));
    let user = |record: &Record| record.user.as_ref().map(|user| user.as_str().to_owned());
    ensure!(found.user == expected.user, "user: found {:?}, expected {:?}", user(found), user(expected));
    for (field, found, expected) in [
        ("created", Some(found.created), Some(expected.created)),
        ("seen", Some(found.seen), Some(expected.seen)),
        ("expires", Some(found.expires), Some(expected.expires)),
        ("deadline", found.deadline, expected.deadline),
    ] {
        ensure!(found == expected, "{field}: found {found:?}, expected {expected:?}");
    }
    let (how, wanted) = (&found.authentication, &expected.authentication);
    ensure!(how == wanted, "authentication: found {how:?}, expected {wanted:?}");
    let (lifetime, wanted) = (found.lifetime, expected.lifetime);
    ensure!(lifetime == wanted, "lifetime: found {lifetime:?}, expected {wanted:?}");
    ensure!(found.device == expected.device, "the device was changed");
    ensure!(found == expected, "the records differ");
    Ok(())
}

/// That exactly `record` is live under `key` at `now`, at `version`.
pub(super) async fn holds(
    context: &Context,
    key: &StoreKey,
    record: &Record,
    version: &Version,
    now: Timestamp,
) -> Checked {
    let stored = found(context, key, now).await?;
    same(&stored.record, record)?;
    ensure!(stored.version == *version, "version: found {:?}, expected {version:?}", stored.version);
    Ok(())
}

/// What is live under `key`; a failure when nothing is.
pub(super) async fn found(context: &Context, key: &StoreKey, now: Timestamp) -> Result<Stored, Failure> {
    context.live(key, now).await?.ok_or_else(|| Failure::new("no live record is under the key"))
}

/// That nothing is live under `key`.
pub(super) async fn dead(context: &Context, key: &StoreKey, now: Timestamp) -> Checked {
    ensure!(context.live(key, now).await?.is_none(), "a live record is under the key");
    Ok(())
}

/// That a verb failed, with this kind.
pub(super) fn refused<T>(outcome: Result<T, StoreError>, kind: ErrorKind) -> Checked {
    match outcome {
        Ok(_) => Err(Failure::new(format!("succeeded where {kind:?} was expected"))),
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => {
            Err(Failure::new(format!("failed with {:?} where {kind:?} was expected", error.kind())))
        }
    }
}

/// Loads, changes and saves, again after every conflict, letting others in between load and save. `Ok(false)` when
/// the session has ended.
pub(super) async fn change(
    store: &dyn Store,
    key: &StoreKey,
    now: Timestamp,
    change: impl Fn(&mut Record),
) -> Result<bool, Failure> {
    // 64 writers of one record: each round has a winner, so nobody loses more than 63 times.
    for _ in 0..1_000 {
        let Some(stored) = super::suite::live(store, key, now).await? else { return Ok(false) };
        crate::run::yield_now().await;
        let mut record = stored.record;
        change(&mut record);
        match store.put(key, cloakroom_core::Put::At(stored.version), &record, now).await {
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) if error.kind() == ErrorKind::Gone => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new("a thousand conflicts in a row: no writer gets through"))
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
