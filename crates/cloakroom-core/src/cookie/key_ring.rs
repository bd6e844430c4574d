//! The secrets that sign or encrypt cookies.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::presented::Freshness;

/// As many bytes as the hash and the cipher have strength for.
const MIN_BYTES: usize = 32;

/// The secrets of one cookie: the first writes, all are read.
///
/// To rotate, put a new key in front and keep the old one: `KeyRing::new(new).also_reads(old)`. Once every cookie
/// has been written again or has expired, leave the old key out; what it wrote is refused from then on. Servers that
/// share visitors must all be able to read a new key before one of them writes with it: deploy
/// `KeyRing::new(old).also_reads(new)` first.
///
/// ```
/// use cloakroom_core::{CookieConfig, CookieKey, KeyRing, Protection};
///
/// // Made by `openssl rand -hex 32` and kept where the application keeps its secrets.
/// let new = CookieKey::from_hex("6a1d0c3f55e8b9724410fe9bd2a7c86381f6a25e0b94d37cc18f4e7296a0db35")?;
/// let old = CookieKey::from_base64("u9JzS3LrBuZ3jCtJ9w4fM0v2Fz1Qk8yYd5nO7hTgXaE=")?;
///
/// let keys = KeyRing::new(new).also_reads(old);
/// assert_eq!(format!("{keys:?}"), "KeyRing(2 keys, redacted)");
///
/// let cookie = CookieConfig::default().protection(Protection::Signed(keys)).build()?;
/// # let _ = cookie;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct KeyRing(Ring<CookieKey>);

impl KeyRing {
    /// A ring of one key, which writes and is read.
    pub const fn new(first: CookieKey) -> Self {
        Self(Ring { first, older: Vec::new() })
    }

    /// Adds a key that is read and never written with. Each such key costs one more attempt for every cookie that is
    /// older or forged.
    #[must_use]
    pub fn also_reads(mut self, key: CookieKey) -> Self {
        self.0.older.push(key);
        self
    }

    /// What `derive` makes of each secret, in the same order.
    pub(super) fn derive<K>(&self, derive: impl Fn(&[u8]) -> K) -> Ring<K> {
        Ring {
            first: derive(&self.0.first.0),
            older: self.0.older.iter().map(|key| derive(&key.0)).collect(),
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyRing({} keys, redacted)", self.0.older.len() + 1)
    }
}

/// Keys in the order in which they are tried. There is always one to write with.
#[derive(Clone)]
pub(super) struct Ring<K> {
    first: K,
    older: Vec<K>,
}

impl<K> Ring<K> {
    pub(super) const fn first(&self) -> &K {
        &self.first
    }

    /// What the first key that accepts makes of a value, and how fresh that key is.
    pub(super) fn open<T>(&self, accept: impl Fn(&K) -> Option<T>) -> Option<(T, Freshness)> {
        let older = || self.older.iter().find_map(&accept).map(|opened| (opened, Freshness::OlderKey));
        accept(&self.first).map(|opened| (opened, Freshness::Current)).or_else(older)
    }
}

/// One secret of at least 32 random bytes. Redacted in `Debug`, overwritten in memory when dropped.
///
/// What signs and what encrypts are keys derived from it (HKDF-SHA-256), one for each purpose and cookie name, so
/// one secret may serve several cookies.
#[derive(Clone)]
pub struct CookieKey(Zeroizing<Vec<u8>>);

impl CookieKey {
    /// A key of these bytes, which must come from a random generator: a password is not a key.
    ///
    /// # Errors
    /// When there are fewer than 32 bytes or all are equal.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CookieKeyError> {
        Self::checked(Zeroizing::new(bytes.to_vec()))
    }

    /// A key written as hexadecimal digits of either case, as `openssl rand -hex 32` prints it. White space around
    /// it, such as the line end of a secrets file, is ignored.
    ///
    /// # Errors
    /// When the text is not hexadecimal or not a key.
    pub fn from_hex(text: &str) -> Result<Self, CookieKeyError> {
        let (pairs, rest) = text.trim_ascii().as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(CookieKeyError::NotHex);
        }
        // Collected into a vector of its final size, so that no copy is left behind by growing.
        let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
        for [high, low] in pairs {
            bytes.push(nibble(*high)? << 4 | nibble(*low)?);
        }
        Self::checked(bytes)
    }

    /// A key written as base64, as `openssl rand -base64 32` prints it; the URL-safe alphabet is read as well, and
    /// padding may be missing. White space around it is ignored.
    ///
    /// # Errors
    /// When the text is not base64 or not a key.
    pub fn from_base64(text: &str) -> Result<Self, CookieKeyError> {
        let text = text.trim_ascii();
        let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let decoded = GeneralPurpose::new(alphabet, config).decode(text);
        Self::checked(Zeroizing::new(decoded.map_err(|_| CookieKeyError::NotBase64)?))
    }

    fn checked(bytes: Zeroizing<Vec<u8>>) -> Result<Self, CookieKeyError> {
        if bytes.len() < MIN_BYTES {
            return Err(CookieKeyError::TooShort { bytes: bytes.len() });
        }
        if bytes.windows(2).all(|pair| matches!(pair, [left, right] if left == right)) {
            return Err(CookieKeyError::Weak);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for CookieKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CookieKey(redacted)")
    }
}

/// Why something is not a key. The text never shows any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieKeyError {
    /// Fewer than 32 bytes.
    #[error("the cookie key has {bytes} bytes and needs at least 32: make one with `openssl rand -hex 32`")]
    TooShort {
        /// How many bytes there were.
        bytes: usize,
    },
    /// All bytes are equal, as in a placeholder.
    #[error("the cookie key is one byte repeated: make one with `openssl rand -hex 32`")]
    Weak,
    /// Not pairs of hexadecimal digits.
    #[error("the cookie key is not hexadecimal: make one with `openssl rand -hex 32`")]
    NotHex,
    /// Not base64.
    #[error("the cookie key is not base64: make one with `openssl rand -base64 32`")]
    NotBase64,
}

fn nibble(digit: u8) -> Result<u8, CookieKeyError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(CookieKeyError::NotHex),
    }
}
