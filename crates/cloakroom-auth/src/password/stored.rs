//! A stored hash, read.

use argon2::password_hash::phc;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::ceiling::Ceiling;
use super::error::PasswordError;
use super::hash::PasswordHash;
use super::scheme::{Digest, Scheme, Variant};

/// The salt of a new hash, in bytes, as RFC 9106 (3.1) recommends.
pub(super) const SALT_BYTES: usize = 16;

/// A new hash, in bytes: 256 bits, as RFC 9106 (4) recommends.
pub(super) const HASH_BYTES: usize = 32;

/// The least length of a stored hash in bytes. scrypt and PBKDF2 give the beginning of the same bytes when they are asked
/// for fewer, so the shorter a column has cut them, the more passwords match.
const LEAST_HASH_BYTES: usize = 16;

/// Longer than any hash that is read here.
const LONGEST: usize = 512;

/// Some libraries leave random bits in the last character of a bcrypt salt, and every bcrypt ignores them.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A stored hash whose cost is below the ceiling.
pub(super) struct Stored {
    pub(super) scheme: Scheme,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Stored {
    /// # Errors
    /// [`PasswordError::UnknownFormat`] and [`PasswordError::TooCostly`].
    pub(super) fn read(text: &str, ceiling: &Ceiling) -> Result<Self, PasswordError> {
        if text.len() > LONGEST {
            return Err(PasswordError::UnknownFormat);
        }
        let stored = bcrypt(text).or_else(|| phc_string(text)).ok_or(PasswordError::UnknownFormat)?;
        ceiling.admit(&stored.scheme)?;
        Ok(stored)
    }

    /// What nobody's password matches, at the cost of `scheme`.
    pub(super) fn decoy(scheme: Scheme) -> Self {
        Self { scheme, salt: vec![0; SALT_BYTES], hash: vec![0; HASH_BYTES] }
    }

    /// Whether a new hash made as `scheme` would be no better.
    pub(super) fn is_as(&self, scheme: &Scheme) -> bool {
        self.scheme == *scheme && self.salt.len() >= SALT_BYTES && self.hash.len() >= HASH_BYTES
    }
}

/// `salt` and `hash` as a PHC string, where `scheme` is argon2id.
pub(super) fn print(scheme: &Scheme, salt: &[u8], hash: &[u8]) -> Option<PasswordHash> {
    let Scheme::Argon2 { variant: Variant::Id, version, memory_kib, passes, lanes } = *scheme else {
        return None;
    };
    let (version, salt, hash) =
        (u32::from(version), STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    Some(PasswordHash::new(format!(
        "$argon2id$v={version}$m={memory_kib},t={passes},p={lanes}${salt}${hash}"
    )))
}

/// `$2b$10$`, 22 characters of salt, 31 of hash. `$2x$` marks hashes of a faulty implementation and is not read.
fn bcrypt(text: &str) -> Option<Stored> {
    let rest = ["$2a$", "$2b$", "$2y$"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let (cost, encoded) = rest.split_once('$')?;
    let is_cost = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost = cost.parse().ok().filter(|cost| is_cost && (4..=31).contains(cost))?;
    if encoded.len() != 53 {
        return None;
    }
    let (salt, hash) = encoded.split_at_checked(22)?;
    Some(Stored {
        scheme: Scheme::Bcrypt { cost },
        salt: BCRYPT_BASE64.decode(salt).ok()?,
        hash: BCRYPT_BASE64.decode(hash).ok()?,
    })
}

fn phc_string(text: &str) -> Option<Stored> {
    let read = phc::PasswordHash::new(text).ok()?;
    let hash = read.hash?.as_bytes().to_vec();
    if hash.len() < LEAST_HASH_BYTES {
        return None;
    }
    let salt = read.salt?.as_ref().to_vec();
    let scheme = match read.algorithm.as_str() {
        "argon2id" => argon2(Variant::Id, &read)?,
        "argon2i" => argon2(Variant::I, &read)?,
        "scrypt" => scrypt(&read)?,
        "pbkdf2-sha256" => pbkdf2(Digest::Sha256, &read, hash.len())?,
        "pbkdf2-sha512" => pbkdf2(Digest::Sha512, &read, hash.len())?,
        _ => return None,
    };
    Some(Stored { scheme, salt, hash })
}

fn argon2(variant: Variant, read: &phc::PasswordHash) -> Option<Scheme> {
    let [memory_kib, passes, lanes] = numbers(read, ["m", "t", "p"])?;
    // The first argon2 did not write its version, which was 16.
    let version = argon2::Version::try_from(read.version.unwrap_or(0x10)).ok()?;
    let is_sound = passes >= 1 && lanes >= 1 && memory_kib >= lanes.checked_mul(8)?;
    is_sound.then_some(Scheme::Argon2 { variant, version, memory_kib, passes, lanes })
}

fn scrypt(read: &phc::PasswordHash) -> Option<Scheme> {
    let [log_n, r, p] = numbers(read, ["ln", "r", "p"])?;
    let is_sound = read.version.is_none() && (1..64).contains(&log_n) && r >= 1 && p >= 1;
    is_sound.then_some(Scheme::Scrypt { log_n, r, p })
}

fn pbkdf2(digest: Digest, read: &phc::PasswordHash, length: usize) -> Option<Scheme> {
    let with_length = || numbers(read, ["i", "l"]).filter(|[_, named]| usize::try_from(*named) == Ok(length));
    let iterations = numbers(read, ["i"]).map(|[i]| i).or_else(|| with_length().map(|[i, _]| i))?;
    (read.version.is_none() && iterations >= 1).then_some(Scheme::Pbkdf2 { digest, iterations })
}

/// The parameters of these names, when there are no others.
fn numbers<const N: usize>(read: &phc::PasswordHash, names: [&str; N]) -> Option<[u32; N]> {
    if read.params.iter().count() != N {
        return None;
    }
    let values = names.map(|name| read.params.get_decimal(name));
    let found: Vec<u32> = values.into_iter().flatten().collect();
    found.try_into().ok()
}
