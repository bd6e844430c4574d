//! What stands in the cookie: the id alone, the id with a signature, or the id encrypted.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::CookiePrintError;
use super::key_ring::{KeyRing, Ring};
use super::presented::{Freshness, Presented};
use crate::event::Rejection;
use crate::id::SessionId;
use crate::random::Random;

/// How the cookie carries the session's id.
///
/// # Default
/// [`Protection::Plain`]: the id is 256 random bits, so a forged one names nothing, and the table holds only its
/// hash. The other two make forged cookies fail before the store is asked, and let a leaked table alone open nothing
/// even where a layout keeps ids in clear. Their cost is a secret to keep and to rotate, and a keyed hash or a
/// decryption of 43 bytes for each request that brings the cookie.
///
/// With keys set, values of any other form are refused (rack-session's CVE-2026-39324 fell back to reading them), so
/// changing the protection of a running site ends its sessions.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Protection {
    /// The id itself: 43 characters.
    #[default]
    Plain,
    /// The id, a dot, and base64url of its HMAC-SHA-256: 87 characters.
    Signed(KeyRing),
    /// base64url of a random nonce and the id under XChaCha20-Poly1305: 111 characters. Nobody who sees the cookie
    /// learns the id. The value differs each time it is written.
    Encrypted(KeyRing),
}

/// Length of a native id as text.
const ID_LENGTH: usize = 43;
const TAG_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Nonce, encrypted id and the cipher's tag of 16 bytes.
const SEALED_BYTES: usize = NONCE_BYTES + ID_LENGTH + 16;

/// A protection whose keys are derived for one cookie name.
pub(super) enum Sealer {
    Plain,
    Signed(Ring<Hmac<Sha256>>),
    Encrypted(Ring<XChaCha20Poly1305>),
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "plain",
            Self::Signed(_) => "signed",
            Self::Encrypted(_) => "encrypted",
        })
    }
}

impl Sealer {
    pub(super) fn new(protection: &Protection, cookie_name: &str) -> Self {
        match protection {
            Protection::Plain => Self::Plain,
            Protection::Signed(keys) => {
                Self::Signed(keys.derive(|secret| {
                    Hmac::new(&(*derive::<64>(secret, "sign session id", cookie_name)).into())
                }))
            }
            Protection::Encrypted(keys) => Self::Encrypted(keys.derive(|secret| {
                XChaCha20Poly1305::new(&(*derive::<32>(secret, "encrypt session id", cookie_name)).into())
            })),
        }
    }

    /// The cookie's value for `id`.
    pub(super) fn seal(&self, id: &SessionId, random: &dyn Random) -> Result<String, CookiePrintError> {
        match self {
            Self::Plain => Ok(id.expose().to_owned()),
            Self::Signed(keys) => {
                let tag = keys.first().clone().chain_update(id.expose()).finalize().into_bytes();
                Ok(format!("{}.{}", id.expose(), URL_SAFE_NO_PAD.encode(tag)))
            }
            Self::Encrypted(keys) => {
                let mut nonce = [0_u8; NONCE_BYTES];
                random.fill(&mut nonce)?;
                let encrypted = keys
                    .first()
                    .encrypt(&XNonce::from(nonce), id.expose().as_bytes())
                    .map_err(|_| CookiePrintError::Unprintable)?;
                Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &encrypted].concat()))
            }
        }
    }

    /// Length in characters of every value that [`Sealer::seal`] writes.
    pub(super) fn value_length(&self) -> usize {
        match self {
            Self::Plain => ID_LENGTH,
            Self::Signed(_) => ID_LENGTH + 1 + base64_length(TAG_BYTES),
            Self::Encrypted(_) => base64_length(SEALED_BYTES),
        }
    }

    /// What a cookie's value says. Values of the wrong length or alphabet are refused before any key is used.
    pub(super) fn open(&self, value: &[u8]) -> Presented {
        let opened = match self {
            Self::Plain => plain(value).map(|id| (id, Freshness::Current)),
            Self::Signed(keys) => signed(value, keys),
            Self::Encrypted(keys) => encrypted(value, keys),
        };
        opened.map_or_else(Presented::Refused, |(id, freshness)| Presented::Id { id, freshness })
    }
}

fn plain(value: &[u8]) -> Result<SessionId, Rejection> {
    // A value of megabytes is not looked at.
    if value.len() != ID_LENGTH {
        return Err(Rejection::Malformed);
    }
    str::from_utf8(value).ok().and_then(SessionId::parse).ok_or(Rejection::Malformed)
}

fn signed(value: &[u8], keys: &Ring<Hmac<Sha256>>) -> Result<(SessionId, Freshness), Rejection> {
    let (id, rest) = value.split_at_checked(ID_LENGTH).ok_or(Rejection::Malformed)?;
    let tag = rest.strip_prefix(b".").and_then(decode::<TAG_BYTES>).ok_or(Rejection::Malformed)?;
    let parsed = plain(id)?;
    // The comparison inside takes the same time wherever two tags differ.
    let verify = |key: &Hmac<Sha256>| key.clone().chain_update(id).verify_slice(&tag).ok();
    let ((), freshness) = keys.open(verify).ok_or(Rejection::Tampered)?;
    Ok((parsed, freshness))
}

fn encrypted(value: &[u8], keys: &Ring<XChaCha20Poly1305>) -> Result<(SessionId, Freshness), Rejection> {
    let sealed = decode::<SEALED_BYTES>(value).ok_or(Rejection::Malformed)?;
    let (nonce, encrypted) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Rejection::Malformed)?;
    let decrypt = |key: &XChaCha20Poly1305| key.decrypt(&XNonce::from(*nonce), encrypted).ok();
    let (id, freshness) = keys.open(decrypt).ok_or(Rejection::Tampered)?;
    Ok((plain(&id)?, freshness))
}

/// Decodes exactly `N` bytes from the one spelling that the encoder writes. Another length is not looked at.
fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    if text.len() != base64_length(N) {
        return None;
    }
    (URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) == Ok(N)).then_some(bytes)
}

const fn base64_length(bytes: usize) -> usize {
    (bytes * 8).div_ceil(6)
}

/// One key for one purpose and one cookie (RFC 5869), so that a value means nothing under another name (Laravel's
/// advisory of 2020-07-27) or in another role (next-auth's CVE-2023-48309). Neither part holds a NUL, so no two
/// pairs run together.
fn derive<const N: usize>(secret: &[u8], purpose: &str, cookie_name: &str) -> Zeroizing<[u8; N]> {
    let mut key = Zeroizing::new([0_u8; N]);
    let info = ["cloakroom cookie 1", purpose, cookie_name].join("\0");
    #[allow(clippy::expect_used, reason = "the only error is a length over 8160 bytes, and N is 32 or 64")]
    Hkdf::<Sha256>::new(None, secret).expand(info.as_bytes(), key.as_mut_slice()).expect("a short key");
    key
}
