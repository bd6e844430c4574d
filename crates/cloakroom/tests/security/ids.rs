//! What ids are made of.

use std::collections::HashSet;

use cloakroom::{SessionId, StoreKey, SystemRandom};
use cloakroom_conformance::effort;

/// In the order of base64url.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Six bits for every character.
fn bits(id: &SessionId) -> Vec<bool> {
    let value = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte).unwrap();
    let values = id.expose().bytes().map(value);
    values.flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1 == 1)).collect()
}

/// How far a count of fair coin tosses is from its mean, in standard deviations.
fn deviation(heads: u32, tosses: u32) -> f64 {
    (f64::from(heads) - f64::from(tosses) / 2.0).abs() / (f64::from(tosses) / 4.0).sqrt()
}

/// Monobit and runs tests (NIST SP 800-22 sections 2.1 and 2.3), for every bit on its own and across ids. Chance
/// exceeds seven deviations in one of 10^9 runs.
#[test]
fn asvs_7_2_3_asvs_11_5_1_nist_5_1_random_bits_vary_on_their_own() {
    let count = 20_000 * effort();
    let first = bits(&SessionId::generate(&SystemRandom).unwrap());
    let (mut ones, mut changes) = (vec![0; first.len()], vec![0; first.len()]);
    let mut neighbours = vec![0; first.len() - 1];
    let mut before = first;
    let mut seen = HashSet::new();
    for _ in 0..count {
        let id = SessionId::generate(&SystemRandom).unwrap();
        let now = bits(&id);
        for (place, (now, before)) in now.iter().zip(&before).enumerate() {
            ones[place] += u32::from(*now);
            changes[place] += u32::from(now != before);
        }
        for (place, pair) in now.windows(2).enumerate() {
            neighbours[place] += u32::from(pair[0] != pair[1]);
        }
        assert!(seen.insert(id.expose().to_owned()), "an id came twice");
        before = now;
    }
    // The last character of an id stands for four bits.
    let random = 256;
    assert_eq!(ones[random..], [0, 0]);
    for (what, counts) in [
        ("is one", &ones[..random]),
        ("changes", &changes[..random]),
        ("differs from the next", &neighbours[..random - 1]),
    ] {
        for (place, heads) in counts.iter().enumerate() {
            let deviation = deviation(*heads, count);
            assert!(
                deviation < 7.0,
                "bit {place} {what} in {heads} of {count} ids: {deviation:.1} deviations"
            );
        }
    }
}

/// SHA-256 of the cookie's name, NUL and the 21 characters that find the session, as another implementation says.
#[test]
fn r41_asvs_6_5_2_the_key_is_a_hash_whose_parts_cannot_run_together() {
    let id = SessionId::parse(&"A".repeat(43)).unwrap();
    let hex = |name: &str| {
        let bytes = StoreKey::native(name, &id);
        bytes.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    assert_eq!(hex("__Host-id"), "3372771e344a6a523285ffeacc850631179bebc60081777d277fc2c08ca2873d");
    // Without what stands between them, names that end as ids begin would make one text of two.
    let texts: HashSet<String> = (0..30).map(|length| hex(&"A".repeat(length))).collect();
    assert_eq!(texts.len(), 30);
}
