use super::super::{CookieKey, CookieKeyError, Protection};
use super::{TAMPERED, current, key, older, present, ring, with, written};

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Whether two keys are the same: each reads what the other wrote.
fn same(left: CookieKey, right: CookieKey) -> bool {
    let [left, right] = [left, right].map(|key| with(Protection::Signed(super::KeyRing::new(key))));
    present(&left, written(&right)) == current()
}

#[test]
fn a_key_reads_alike_from_bytes_hex_and_base64() {
    for text in [HEX, &HEX.to_uppercase(), &format!("  {HEX}\r\n")] {
        assert!(same(CookieKey::from_hex(text).unwrap(), key(0)));
    }
    for text in [BASE64, BASE64.trim_end_matches('='), &format!("{BASE64}\n")] {
        assert!(same(CookieKey::from_base64(text).unwrap(), key(0)));
    }
    // 0xfb and 0xff are where the two alphabets differ.
    let bytes = [[0xfb, 0xff].as_slice(), &[7; 31]].concat();
    for text in
        ["+/8HBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH", "-_8HBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"]
    {
        assert!(same(CookieKey::from_base64(text).unwrap(), CookieKey::from_bytes(&bytes).unwrap()));
    }
    assert!(!same(key(0), key(1)));
}

#[test]
fn r44_what_is_not_a_key_is_refused() {
    assert_eq!(CookieKey::from_bytes(&[]).unwrap_err(), CookieKeyError::TooShort { bytes: 0 });
    assert_eq!(CookieKey::from_bytes(b"hunter2").unwrap_err(), CookieKeyError::TooShort { bytes: 7 });
    let almost = &(0..31).collect::<Vec<u8>>();
    assert_eq!(CookieKey::from_bytes(almost).unwrap_err(), CookieKeyError::TooShort { bytes: 31 });
    for weak in [[0; 32].as_slice(), &[b'x'; 64]] {
        assert_eq!(CookieKey::from_bytes(weak).unwrap_err(), CookieKeyError::Weak);
    }
    assert_eq!(CookieKey::from_hex("").unwrap_err(), CookieKeyError::TooShort { bytes: 0 });
    assert_eq!(CookieKey::from_hex(&HEX[2..]).unwrap_err(), CookieKeyError::TooShort { bytes: 31 });
    for text in [&HEX[1..], BASE64, &HEX.replace('0', "O"), &HEX.replace("00", "0x"), &HEX.replace("00", "é")]
    {
        assert_eq!(CookieKey::from_hex(text).unwrap_err(), CookieKeyError::NotHex, "{text}");
    }
    for text in ["change me, change me, change me, change me!", "====", "é", "+/-_AAAA"] {
        assert_eq!(CookieKey::from_base64(text).unwrap_err(), CookieKeyError::NotBase64, "{text}");
    }
    assert_eq!(CookieKey::from_base64("").unwrap_err(), CookieKeyError::TooShort { bytes: 0 });
}

#[test]
fn asvs_16_2_5_neither_keys_nor_their_errors_show_the_secret() {
    assert_eq!(format!("{:?} {:?}", key(0), ring(0)), "CookieKey(redacted) KeyRing(1 keys, redacted)");
    let error = CookieKey::from_hex("correct horse battery staple").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("horse"));
    let error = CookieKey::from_bytes(b"correct horse").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("horse"));
}

#[test]
fn asvs_13_3_4_asvs_11_2_2_asvs_9_1_3_keys_are_rotated_twice_without_a_logout_and_retired_keys_are_refused() {
    for protect in [Protection::Signed, Protection::Encrypted] {
        let first = with(protect(ring(0)));
        let second = with(protect(ring(50).also_reads(key(0))));
        let third = with(protect(ring(100).also_reads(key(50)).also_reads(key(0))));
        let retired = with(protect(ring(100).also_reads(key(50))));
        let [by_first, by_second, by_third] = [&first, &second, &third].map(written);

        assert_eq!(present(&first, &by_first), current());
        assert_eq!(present(&second, &by_first), older());
        assert_eq!(present(&second, &by_second), current());
        assert_eq!(present(&third, &by_first), older());
        assert_eq!(present(&third, &by_second), older());
        assert_eq!(present(&third, &by_third), current());

        assert_eq!(present(&retired, &by_first), TAMPERED);
        assert_eq!(present(&retired, &by_second), older());
        // A server that does not know the new key yet cannot read what another already writes with it.
        assert_eq!(present(&first, &by_second), TAMPERED);
    }
}
