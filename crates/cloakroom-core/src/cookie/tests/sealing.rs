use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::{CookieConfig, Freshness, Presented, Protection};
use super::{ID, MALFORMED, TAMPERED, built, current, present, protections, ring, with, written};
use crate::id::StoreKey;

/// Computed by another implementation (Python's `hmac` and `cryptography`, with `HChaCha20` written out from its draft),
/// from the secret 00 01 … 1f, the name `__Host-id` and a nonce of sevens.
const SIGNED: &str =
    "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8.wmMBLeArTjIBucPSrVKN2M0x36Ef4e_zLmw-7mYOMwA";
const ENCRYPTED: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHv70Aa8cu-911guSUQYETLMtt8Pvqq1SKvrrJ80ZHH597pIkEDHo_sHMTvdXKuEDKPuf-\
     3jaH8hgREJM";

#[test]
fn asvs_11_3_2_values_are_written_as_another_implementation_writes_them() {
    for (protection, value) in protections().into_iter().zip([ID, SIGNED, ENCRYPTED]) {
        let cookie = with(protection);
        assert_eq!(written(&cookie), value);
        assert_eq!(present(&cookie, value), current());
    }
}

#[test]
fn r13_asvs_9_1_2_with_keys_set_every_other_form_is_refused() {
    let [plain, signed, encrypted] = protections().map(with);
    for (cookie, value) in [
        (&plain, SIGNED),
        (&plain, ENCRYPTED),
        (&signed, ID),
        (&signed, ENCRYPTED),
        (&encrypted, ID),
        (&encrypted, SIGNED),
    ] {
        assert_eq!(present(cookie, value), MALFORMED, "{cookie:?}");
    }
    // An id with an empty signature, or with one of zeros.
    assert_eq!(present(&signed, format!("{ID}.")), MALFORMED);
    assert_eq!(present(&signed, format!("{ID}.{}", "A".repeat(43))), TAMPERED);
    assert_eq!(present(&encrypted, "A".repeat(111)), TAMPERED);
}

#[test]
fn r27_asvs_9_2_2_a_value_is_bound_to_the_name_of_its_cookie() {
    for protect in [Protection::Signed, Protection::Encrypted] {
        let user = built(CookieConfig::new("__Host-user").protection(protect(ring(0))));
        let admin = built(CookieConfig::new("__Host-admin").protection(protect(ring(0))));
        // The full name counts: leaving a prefix out makes another cookie.
        let bare = built(CookieConfig::new("user").protection(protect(ring(0))));
        for (reader, writer) in [(&user, &admin), (&admin, &user), (&user, &bare), (&bare, &user)] {
            assert_eq!(present(reader, written(writer)), TAMPERED);
            assert_eq!(present(writer, written(writer)), current());
        }
    }
}

#[test]
fn r29_asvs_9_2_2_a_signature_of_the_same_secret_for_something_else_is_refused() {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let secret: Vec<u8> = (0..32).collect();
    let tag = Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap().chain_update(ID).finalize().into_bytes();
    let value = format!("{ID}.{}", URL_SAFE_NO_PAD.encode(tag));
    assert_eq!(present(&with(Protection::Signed(ring(0))), value), TAMPERED);
}

#[test]
fn asvs_9_1_1_asvs_11_3_3_a_changed_value_is_refused_at_every_position() {
    for (protection, value) in
        [(Protection::Signed(ring(0)), SIGNED), (Protection::Encrypted(ring(0)), ENCRYPTED)]
    {
        let cookie = with(protection);
        for position in 0..value.len() {
            assert!(refused(&present(&cookie, &value[..position])), "cut at {position}");
            assert!(refused(&present(&cookie, &value[position + 1..])), "begun after {position}");
            for bit in 0..8 {
                let mut changed = value.as_bytes().to_vec();
                changed[position] ^= 1 << bit;
                // Control characters cannot arrive: no header holds them.
                if http::HeaderValue::from_bytes(&changed).is_ok() {
                    assert!(refused(&present(&cookie, &changed)), "bit {bit} of {position}");
                }
            }
            // Every other letter, of which the last position takes some that differ in left-over bits only.
            for letter in (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"-_.+/=~") {
                let mut changed = value.as_bytes().to_vec();
                if std::mem::replace(&mut changed[position], letter) != letter {
                    assert!(refused(&present(&cookie, &changed)), "{} at {position}", letter as char);
                }
            }
        }
        for longer in
            [format!("{value}A"), format!("{value}="), format!("A{value}"), format!("{value}.{value}")]
        {
            assert_eq!(present(&cookie, longer), MALFORMED);
        }
    }
}

#[test]
fn r12_a_key_from_the_store_opens_nothing() {
    let [plain, signed, encrypted] = protections().map(with);
    let stored = StoreKey::native(plain.name(), &super::id());
    let shown = URL_SAFE_NO_PAD.encode(stored.as_bytes());
    let Presented::Id { id, freshness: Freshness::Current } = present(&plain, &shown) else {
        panic!("32 bytes in base64url look like an id")
    };
    assert_ne!(StoreKey::native(plain.name(), &id), stored);
    for cookie in [&signed, &encrypted] {
        assert_eq!(present(cookie, &shown), MALFORMED);
    }
}

#[test]
fn asvs_11_3_4_an_encrypted_value_hides_the_id_and_never_repeats() {
    let cookie = with(Protection::Encrypted(ring(0)));
    let set = || cookie.set(&super::id(), super::Expiration::Browser, &crate::SystemRandom).unwrap();
    let (one, other) = (set(), set());
    assert_ne!(one, other);
    assert!(!one.to_str().unwrap().contains(&ID[..8]));
}

fn refused(presented: &Presented) -> bool {
    matches!(presented, Presented::Refused(_))
}
