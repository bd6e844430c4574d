//! Keys are bytes: any 32 of them, compared exactly.

use cloakroom_core::{Put, Record, Scope, StoreKey, UserId};
use serde_json::json;

use super::Context;
use super::samples::{HOUR, LONG, NOW, after, data, dead, holds, mark, record};
use super::touch::touch;
use crate::outcome::{Checked, ensure, ensure_eq};

pub(super) async fn r36_any_bytes_make_a_key(context: Context) -> Checked {
    let mut keys: Vec<[u8; 32]> = Vec::new();
    // All 256 values of a byte, in eight keys; then what quoting, escaping, padding and collation stumble over.
    for block in 0..8_u8 {
        keys.push(std::array::from_fn(|index| block * 32 + u8::try_from(index).unwrap_or(0)));
    }
    keys.extend([
        [0; 32],
        [0xff; 32],
        [b'\''; 32],
        [b'"'; 32],
        [b'\\'; 32],
        [b'%'; 32],
        [b' '; 32],
        [b'\n'; 32],
    ]);
    keys.extend([
        *b"' OR '1'='1' -- and so on       ",
        *b"'); DROP TABLE sessions; -- 0123",
        *b"\\'; DELETE FROM sessions WHERE 1",
    ]);
    keys.extend([
        *b"../../../../../../../etc/passwd\0",
        *b"abcdefghijklmnopqrstuvwxyzabcdef",
        *b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF",
    ]);
    for last in [0_u8, 1, 0x20, 0x7f, 0x80, 0xff] {
        let mut key = [b'k'; 32];
        key[31] = last;
        keys.push(key);
    }
    let mut made = Vec::new();
    for (index, bytes) in keys.iter().enumerate() {
        let (key, record) = (StoreKey::from_bytes(*bytes), numbered(index));
        let version = context.store().put(&key, Put::New, &record, NOW).await?;
        made.push((key, record, version));
    }
    for (key, record, version) in &made {
        holds(&context, key, record, version, NOW).await?;
    }
    let mut expected: Vec<_> = made.iter().map(|(key, ..)| key.clone()).collect();
    expected.sort();
    let listed = super::users::listed(&context, &Scope::All, 7).await?;
    ensure!(listed == expected, "hostile keys are listed in another order or number");
    for (index, (key, ..)) in made.iter().enumerate() {
        context.store().delete(key).await?;
        dead(&context, key, NOW).await?;
        let left = made.len() - index - 1;
        ensure_eq!(context.store().count(&Scope::All, NOW).await?, left as u64, "records left");
    }
    Ok(())
}

pub(super) async fn hostile_keys_can_be_renamed_and_kept(context: Context) -> Checked {
    let user = UserId::new("' OR 1=1 --")?;
    let record = Record { user: Some(user.clone()), ..record() };
    let from = StoreKey::from_bytes(*b"' OR '1'='1' -- and so on       ");
    let to = StoreKey::from_bytes([0_u8; 32]);
    let version = context.store().put(&from, Put::New, &record, NOW).await?;
    let version = context.store().rename(&from, version, &to, &record, NOW).await?;
    ensure_eq!(context.store().end(&Scope::User(user), Some(&to), NOW).await?, 0, "ended but for the kept");
    holds(&context, &to, &record, &version, NOW).await
}

pub(super) async fn a_record_that_no_id_opens_is_kept_like_any_other(context: Context) -> Checked {
    let (first, key) = (mark(), StoreKey::reserved("conformance", "keys", "first"));
    let version = context.store().put(&key, Put::New, &first, NOW).await?;
    holds(&context, &key, &first, &version, NOW).await?;
    let again = context.store().put(&key, Put::New, &first, NOW).await;
    super::samples::refused(again, cloakroom_core::ErrorKind::Conflict)?;
    let second = Record { data: data(json!({ "signed_out": 1 })), ..first };
    let version = context.store().put(&key, Put::At(version), &second, NOW).await?;
    let (seen, expires) = (after(1), after(2 * HOUR));
    context.store().touch(&key, touch(&version, seen, expires), NOW).await?;
    let touched = Record { seen, expires, ..second };
    holds(&context, &key, &touched, &version, NOW).await?;
    let to = StoreKey::reserved("conformance", "keys", "second");
    let version = context.store().rename(&key, version, &to, &touched, NOW).await?;
    holds(&context, &to, &touched, &version, NOW).await?;
    ensure_eq!(super::sweep::sweep_all(context.store(), 10, after(LONG)).await?, 1, "swept");
    let version = context.store().put(&key, Put::New, &touched, NOW).await?;
    holds(&context, &key, &touched, &version, NOW).await?;
    context.store().delete(&key).await?;
    dead(&context, &key, NOW).await
}

fn numbered(index: usize) -> Record {
    Record { data: data(json!({ "number": index })), ..record() }
}
