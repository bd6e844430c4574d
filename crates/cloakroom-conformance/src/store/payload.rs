//! What is put comes back: every value that JSON can hold, in its order, whatever its size.

use std::time::Duration;

use cloakroom_core::{
    Authentication, Data, Device, ErrorKind, Lifetime, Method, Presence, Put, Record, Scope, StoreKey,
    Timestamp, Version,
};
use serde_json::{Number, Value, json};

use super::Context;
use super::samples::{NOW, data, dead, found, full_record, holds, key, record, same, summary};
use crate::outcome::{Checked, Failure, ensure, ensure_eq};

/// Deeper than a session has reason to be, and within what every database's own JSON type takes.
const DEPTH_FOR_ALL: usize = 30;

pub(super) async fn one_megabyte_in_one_value(context: Context) -> Checked {
    round_trip(&context, json!({ "text": "0123456789abcdef".repeat(65_536) })).await
}

pub(super) async fn one_megabyte_in_many_values(context: Context) -> Checked {
    let values = (0..10_000).map(|index| (format!("key number {index}"), json!("x".repeat(100))));
    round_trip(&context, Value::Object(values.collect())).await
}

pub(super) async fn r34_what_is_too_large_is_refused_whole(context: Context) -> Checked {
    let before = record();
    let (key, version) = context.create(&before).await?;
    let large = Record { data: data(json!({ "text": "\u{e9}'\\".repeat(4 * 1_048_576) })), ..record() };
    let (kept, version) = match context.store().put(&key, Put::At(version.clone()), &large, NOW).await {
        Ok(version) => (&large, version),
        Err(error) if error.kind() == ErrorKind::TooLarge => (&before, version),
        Err(error) => return Err(error.into()),
    };
    holds(&context, &key, kept, &version, NOW).await?;
    // Whatever the refusal did to the connection, the store still works.
    let (other, version) = context.create(&before).await?;
    holds(&context, &other, &before, &version, NOW).await
}

pub(super) async fn every_character_of_unicode(context: Context) -> Checked {
    // Every scalar value there is: all planes, NUL, noncharacters, private use, both directions.
    let all: String = ('\0'..=char::MAX).collect();
    round_trip(&context, json!({ "all": all })).await
}

pub(super) async fn text_that_quoting_and_collation_stumble_over(context: Context) -> Checked {
    let texts = [
        "",
        " ",
        "  two  ",
        "\0",
        "a\0b",
        "\u{1}\u{8}\u{b}\u{1f}\u{7f}",
        "\t\r\n",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\",
        "\\'",
        "\\u0000",
        "\\0",
        "/*",
        "--",
        ";",
        "%s",
        "{}",
        "$1",
        "?",
        ":name",
        "@p1",
        "</script>",
        "NULL",
        "é",
        "e\u{301}",
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "\u{1f1e9}\u{1f1ea}",
        "\u{202e}mirror",
        "\u{5d0}\u{5d1}\u{661}",
        "\u{feff}bom",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{2028}\u{2029}",
    ];
    round_trip(&context, json!({ "texts": texts.to_vec() })).await
}

pub(super) async fn any_text_as_a_key(context: Context) -> Checked {
    let planes = (0..17_u32).filter_map(|plane| char::from_u32(plane * 0x1_0000 + 0x42)).map(String::from);
    let hostile = [
        "",
        " ",
        ".",
        "..",
        "a.b",
        "$where",
        "$set",
        "$",
        "'",
        "\"",
        "\\",
        "\0",
        "a\0b",
        "__proto__",
        "constructor",
        "a b",
        "A",
        "a",
        "\u{e9}",
        "e\u{301}",
        "[0]",
        "$.a",
        "*",
        "%",
        "0",
        "00",
        "-1",
        "\n",
    ];
    let mut entries: Data = hostile.iter().map(|key| ((*key).to_owned(), json!(key))).collect();
    entries.extend(planes.map(|key| (key, json!(1))));
    entries.insert("k".repeat(10_000), json!("long"));
    round_trip(&context, json!({ "inner": entries.clone() })).await?;
    round_trip(&context, Value::Object(entries)).await
}

pub(super) async fn keys_keep_their_order(context: Context) -> Checked {
    let names = ["zulu", "b", "aa", "a", "Z", "10", "9", "1", "\u{e9}", "_", "yankee", "ab"];
    let object =
        |names: &[&str]| -> Data { names.iter().map(|name| ((*name).to_owned(), json!(0))).collect() };
    let forward = json!({ "nested": object(&names), "list": [object(&names)], "b": 1, "a": 2 });
    let mut reversed = names;
    reversed.reverse();
    let record = Record { data: data(forward), ..record() };
    let (key, version) = context.create(&record).await?;
    in_order(&found(&context, &key, NOW).await?.record, &record)?;
    // The same content in another order is another record.
    let record = Record { data: object(&reversed), ..record };
    let version = context.store().put(&key, Put::At(version), &record, NOW).await?;
    in_order(&found(&context, &key, NOW).await?.record, &record)?;
    holds(&context, &key, &record, &version, NOW).await
}

pub(super) async fn numbers_keep_their_value_and_their_kind(context: Context) -> Checked {
    let integers = [
        0,
        1,
        -1,
        i64::from(i32::MAX) + 1,
        (1 << 53) - 1,
        (1 << 53) + 1,
        -(1 << 53) - 1,
        i64::MAX - 1,
        i64::MAX,
        i64::MIN,
    ];
    let large = [1 << 63, u64::MAX - 1, u64::MAX];
    // Shortest forms that a careless parser reads one unit off, the extremes, and whole numbers that are not integers.
    let fractions = [
        0.0,
        -0.0,
        0.1,
        0.2,
        0.300_000_000_000_000_04,
        1.0,
        -1.0,
        100.0,
        1e15,
        1e16,
        1e21,
        1e22,
        1e23,
        1.5e300,
        1.7e-300,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        2.225_073_858_507_201e-308,
        9_007_199_254_740_993.0,
        31.245_270_191_439_438,
        121.487_919_511_619_45,
        0.1 + 0.7,
        1.0 / 3.0,
        123_456_789.123_456_79,
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let random = std::iter::repeat_with(|| {
        // xorshift: any spread of bit patterns will do, as long as it is the same in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from_bits(state)
    });
    let fractions = fractions.into_iter().chain(random.filter(|number| number.is_finite()).take(500));
    let fractions: Vec<_> = fractions.filter_map(Number::from_f64).collect();
    let record = Record {
        data: data(json!({ "integers": integers, "large": large, "fractions": fractions })),
        ..record()
    };
    let (key, _) = context.create(&record).await?;
    let stored = found(&context, &key, NOW).await?.record;
    for (name, expected) in &record.data {
        let values = stored.data.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let expected = expected.as_array().cloned().unwrap_or_default();
        ensure_eq!(values.len(), expected.len(), "{name}");
        for (found, expected) in values.iter().zip(&expected) {
            // Text tells 1 from 1.0 and 0.0 from -0.0, which compare equal.
            ensure_eq!(found.to_string(), expected.to_string(), "a number among {name}");
            ensure_eq!(
                found.as_f64().map(f64::to_bits),
                expected.as_f64().map(f64::to_bits),
                "a number's bits"
            );
        }
    }
    same(&stored, &record)
}

pub(super) async fn every_kind_of_value(context: Context) -> Checked {
    let value = json!({
        "null": null, "true": true, "false": false, "text": "t", "number": 1, "empty": {}, "none": [], "blank": "",
        "list": [null, [], {}, [[]], [{}], "x", 1, 1.5, false], "object": { "null": null, "deep": { "a": [1, { "b": 2 }] } },
    });
    round_trip(&context, value).await
}

pub(super) async fn no_data_at_all(context: Context) -> Checked {
    round_trip(&context, json!({})).await
}

pub(super) async fn deep_values(context: Context) -> Checked {
    round_trip(&context, json!({ "list": nested(DEPTH_FOR_ALL), "object": nested_object(DEPTH_FOR_ALL) }))
        .await
}

pub(super) async fn r34_what_is_too_deep_is_refused_whole(context: Context) -> Checked {
    for depth in [32, 33, 64, 99, 100, 101, 126, 127, 128, 129, 200, 500] {
        for value in [nested(depth), nested_object(depth)] {
            let key = key()?;
            let deep = Record { data: data(json!({ "deep": value })), ..record() };
            // A row that is accepted and cannot be read again locks its visitor out.
            match context.store().put(&key, Put::New, &deep, NOW).await {
                Ok(version) => holds(&context, &key, &deep, &version, NOW).await?,
                Err(_) => dead(&context, &key, NOW).await?,
            }
        }
    }
    Ok(())
}

pub(super) async fn devices_come_back(context: Context) -> Checked {
    let long = "x".repeat(1_000);
    let devices = [
        None,
        Some(Device::default()),
        Some(Device::new("")),
        Some(Device::new("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36")),
        Some(Device::new("quotes ' \" \\ and \0 and \u{1f600}").with_address("192.0.2.7")),
        Some(Device::new(&"\u{10ffff}".repeat(300)).with_address("2001:db8::1%eth0")),
        Some(Device::default().with_address(&long)),
    ];
    for device in devices {
        let record = Record { device, ..record() };
        let (key, version) = context.create(&record).await?;
        holds(&context, &key, &record, &version, NOW).await?;
        let rows = context.store().list(&Scope::All, super::users::page(1)?, NOW).await?;
        ensure!(rows.first().is_some_and(|row| row.device == record.device), "the list shows another device");
        context.store().delete(&key).await?;
    }
    Ok(())
}

pub(super) async fn authentications_come_back(context: Context) -> Checked {
    let full = full_record()?;
    let Some(authentication) = full.authentication.clone() else {
        return Err(Failure::new("nobody has signed in"));
    };
    let with = |authentication| Record { authentication: Some(authentication), ..full.clone() };
    let ends = [i64::MIN, -1, 0, i64::MAX];
    let mut records = vec![
        full.clone(),
        with(Authentication { fingerprint: None, epoch: 0, ..authentication.clone() }),
        with(Authentication { presence: Presence::Present, ..authentication.clone() }),
        with(Authentication { method: Method::new("x")?, epoch: u64::MAX, ..authentication.clone() }),
        // A user who was recorded without saying how they signed in.
        Record { authentication: None, ..full.clone() },
    ];
    records.extend(
        ends.map(|at| with(Authentication { at: Timestamp::from_millis(at), ..authentication.clone() })),
    );
    let mut last: Option<(StoreKey, Version)> = None;
    for record in &records {
        let (key, version) = context.create(record).await?;
        holds(&context, &key, record, &version, NOW).await?;
        // Over every other one, by each verb that writes a record.
        let (to, version) = match last {
            None => (key, version),
            Some((last, last_version)) => {
                let version = context.store().put(&last, Put::At(last_version), record, NOW).await?;
                holds(&context, &last, record, &version, NOW).await?;
                let to = super::samples::key()?;
                let version = context.store().rename(&last, version, &to, record, NOW).await?;
                context.store().delete(&key).await?;
                (to, version)
            }
        };
        holds(&context, &to, record, &version, NOW).await?;
        let rows = context.store().list(&Scope::All, super::users::page(10)?, NOW).await?;
        ensure!(rows == [summary(&to, record)], "the list tells something else");
        last = Some((to, version));
    }
    Ok(())
}

pub(super) async fn lifetimes_come_back(context: Context) -> Checked {
    let (short, usual) = (Duration::from_millis(1), Duration::from_millis(3_600_001));
    let century = Duration::from_secs(100 * 366 * 86_400);
    for limit in [short, usual, century] {
        for lifetime in [
            Lifetime::idle(limit),
            Lifetime::absolute(limit),
            Lifetime::idle(limit).with_absolute(century),
            Lifetime::absolute(limit).with_idle(short),
        ] {
            for lifetime in [lifetime.browser_session(), lifetime.persistent()] {
                let record = Record { lifetime, ..record() };
                let (key, version) = context.create(&record).await?;
                holds(&context, &key, &record, &version, NOW).await?;
            }
        }
    }
    Ok(())
}

/// Creates a record with this data, reads it, saves it again and reads it again.
async fn round_trip(context: &Context, value: Value) -> Checked {
    let record = Record { data: data(value), ..record() };
    let (key, version) = context.create(&record).await?;
    holds(context, &key, &record, &version, NOW).await?;
    let version = context.store().put(&key, Put::At(version), &record, NOW).await?;
    holds(context, &key, &record, &version, NOW).await
}

/// Equality of JSON objects ignores the order of their keys; their text does not.
fn in_order(found: &Record, expected: &Record) -> Checked {
    let text = |record: &Record| Value::Object(record.data.clone()).to_string();
    if text(found) == text(expected) {
        Ok(())
    } else {
        Err(Failure::new(format!("order lost: {}", text(found))))
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!("bottom"), |value, _| json!([value]))
}

fn nested_object(depth: usize) -> Value {
    (0..depth).fold(json!("bottom"), |value, _| json!({ "in": value }))
}
