//! Codecs, and changing one while rows of the former are still there.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(feature = "embedded")]

mod support;

use std::time::Duration;

use cloakroom_core::layout::{DataColumn, Layout};
use cloakroom_core::{
    Authentication, Device, ErrorKind, Lifetime, Loaded, Put, Record, Store as _, StoreKey, Timestamp, UserId,
};
use cloakroom_sql::{Codec, Database, SqlStore, Sweep};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const COLUMNS: [DataColumn; 3] = [DataColumn::Json, DataColumn::Text, DataColumn::Binary];

fn key(number: u8) -> StoreKey {
    StoreKey::from_bytes(vec![number; 32])
}

fn full() -> Record {
    let lifetime =
        Lifetime::idle(Duration::from_mins(1)).with_absolute(Duration::from_hours(24)).persistent();
    let mut record = Record::new(lifetime, NOW);
    record.user = Some(UserId::new("ann").unwrap());
    // Remembered, in the last epoch, with a fingerprint.
    let proof = [&[1][..], &u64::MAX.to_be_bytes(), &[0; 32]].concat();
    record.authentication = Authentication::from_stored(&[255; 16], NOW, "oauth:github.com", &proof);
    assert!(record.authentication.is_some());
    record.device = Some(Device::new("Lynx \"2.9\"\u{1}").with_address("2001:db8::/48"));
    record.data.insert(
        "z".to_owned(),
        serde_json::json!([1, -1.5, null, true, u64::MAX, i64::MIN, "\0 Zoë 今日は 🧥"]),
    );
    record.data.insert("a".to_owned(), serde_json::json!({"second": {"b": 1, "a": 2}}));
    record
}

fn backwards() -> Codec {
    let serialise = |data: &cloakroom_core::Data| {
        let mut bytes = serde_json::to_vec(data)?;
        bytes.reverse();
        Ok(bytes)
    };
    let deserialise = |bytes: &[u8]| {
        let bytes: Vec<u8> = bytes.iter().rev().copied().collect();
        Ok(serde_json::from_slice(&bytes)?)
    };
    Codec::own("backwards", serialise, deserialise).unwrap()
}

fn codecs() -> Vec<Codec> {
    vec![
        Codec::json(),
        #[cfg(feature = "messagepack")]
        Codec::messagepack(),
        backwards(),
    ]
}

async fn open(database: impl Into<Database>, layout: &Layout, codec: Codec) -> SqlStore {
    SqlStore::builder(database)
        .layout(layout.clone())
        .codec(codec)
        .also_reads(backwards())
        .sweep(Sweep::Off)
        .build()
        .await
        .unwrap()
}

/// Every codec writes a row and changes it, and reads those that the codecs before it wrote.
async fn codecs_take_turns<D: Into<Database>>(database: impl AsyncFn() -> D, layout: &Layout) {
    let mut record = full();
    for (number, codec) in (0..).zip(codecs()) {
        let mark = codec.mark().to_owned();
        let store = open(database().await, layout, codec).await;
        let version = store.put(&key(number), Put::New, &full(), NOW).await.unwrap();
        record.data.insert("m".to_owned(), "saved".into());
        store.put(&key(number), Put::At(version), &record, NOW).await.unwrap();
        for earlier in 0..=number {
            let Loaded::Live(stored) = store.load(&key(earlier), NOW).await.unwrap() else {
                panic!("{mark}")
            };
            assert_eq!(stored.record, record, "{mark} {:?}", layout.data());
            let order: Vec<&String> = stored.record.data.keys().collect();
            assert_eq!(order, ["z", "a", "m"]);
        }
        store.close().await;
    }
}

#[test]
fn every_codec_keeps_a_record_whole_in_every_column_and_reads_the_others() {
    support::run(async {
        for data in COLUMNS {
            let url = format!("sqlite:{}", support::folder().join("codecs.sqlite").display());
            codecs_take_turns(async || url.clone(), &Layout::native().with_data(data)).await;
        }
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn every_codec_keeps_a_record_whole_through_a_pool_of_sqlite() {
    support::run(async {
        for data in COLUMNS {
            let pool = support::sqlite_pool(&support::folder().join("codecs.sqlite"), 2).await;
            codecs_take_turns(async || pool.clone(), &Layout::native().with_data(data)).await;
        }
    });
}

#[cfg(feature = "postgres")]
#[test]
fn every_codec_keeps_a_record_whole_in_postgres() {
    support::run(async {
        for data in COLUMNS {
            let layout = support::own_table("codecs", support::Server::Postgres).with_data(data);
            let pool = support::postgres_pool(2).await;
            codecs_take_turns(async || pool.clone(), &layout).await;
        }
    });
}

#[cfg(feature = "mysql")]
#[test]
fn every_codec_keeps_a_record_whole_in_mysql() {
    support::run(async {
        for data in COLUMNS {
            let layout = support::own_table("codecs", support::Server::Mysql).with_data(data);
            let pool = support::mysql_pool(2).await;
            codecs_take_turns(async || pool.clone(), &layout).await;
        }
    });
}

#[test]
fn r35_a_row_of_an_unknown_codec_is_corrupt_and_stays() {
    support::run(async {
        let url = format!("sqlite:{}", support::folder().join("unknown.sqlite").display());
        let writer = open(url.as_str(), &Layout::native(), backwards()).await;
        writer.put(&key(1), Put::New, &full(), NOW).await.unwrap();
        let reader = SqlStore::builder(url.as_str()).sweep(Sweep::Off).build().await.unwrap();
        let error = reader.load(&key(1), NOW).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(format!("{error:?}").contains("also_reads"), "{error:?}");
        assert!(matches!(writer.load(&key(1), NOW).await.unwrap(), Loaded::Live(_)));
    });
}

#[test]
fn data_that_could_not_be_read_again_is_not_written() {
    support::run(async {
        let store = SqlStore::builder("sqlite::memory:").sweep(Sweep::Off).build().await.unwrap();
        let nested = |depth| (0..depth).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
        let mut record = full();
        record.data.insert("deep".to_owned(), nested(120));
        store.put(&key(1), Put::New, &record, NOW).await.unwrap();
        let Loaded::Live(stored) = store.load(&key(1), NOW).await.unwrap() else { panic!("not live") };
        assert_eq!(stored.record, record);
        record.data.insert("deep".to_owned(), nested(121));
        let error = store.put(&key(2), Put::New, &record, NOW).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(store.load(&key(2), NOW).await.unwrap(), Loaded::Absent);
    });
}

#[test]
fn errors_of_a_codec_are_the_writers_alone() {
    support::run(async {
        let refusing =
            Codec::own("refusing", |_| Err("no key to encrypt with".into()), |_| Err("never".into()))
                .unwrap();
        let store =
            SqlStore::builder("sqlite::memory:").codec(refusing).sweep(Sweep::Off).build().await.unwrap();
        let error = store.put(&key(1), Put::New, &full(), NOW).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(format!("{error:?}").contains("no key to encrypt with"));
    });
}

#[test]
fn marks_that_cannot_be_told_apart_are_refused() {
    let too_long = "x".repeat(33);
    for mark in ["", "json", "msgpack", "Json", "a b", "ä", too_long.as_str()] {
        assert!(
            Codec::own(mark, |_| Ok(Vec::new()), |_| Ok(cloakroom_core::Data::new())).is_err(),
            "{mark:?}"
        );
    }
}
