//! The two names of one session: what the browser holds and what the store sees.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::random::{Random, RandomError};

/// Length in bytes of the random part of a native id: 256 bits.
const RANDOM_BYTES: usize = 32;
/// Length in characters of a native id in base64url without padding.
const TEXT_LENGTH: usize = 43;
/// Length in characters of the half that finds the session: 126 bits.
const LOOKUP_LENGTH: usize = 21;
/// Length in bytes of what the store adds when an id follows from the one before it.
pub(crate) const SALT_BYTES: usize = 32;

/// What the browser holds: 256 random bits, written as 43 characters of base64url.
///
/// The first 21 characters (126 bits) find the session, and stay when its id changes. The other 22 (130 bits, more
/// than the 128 that ASVS 7.2.3 asks) prove that the browser may have it, and change; see
/// [`Verifier`](crate::Verifier).
///
/// Whoever has the id has the session, so `Debug` redacts it, comparison takes constant time, and there is no
/// `Display`: [`SessionId::expose`] says at the call site that a secret leaves its type.
///
/// ```
/// use cloakroom_core::{SessionId, SystemRandom};
///
/// let id = SessionId::generate(&SystemRandom)?;
/// assert_eq!(format!("{id:?}"), "SessionId(redacted)");
/// assert_eq!(SessionId::parse(id.expose()), Some(id));
/// assert_eq!(SessionId::parse("../../etc/passwd"), None);
/// # Ok::<(), cloakroom_core::RandomError>(())
/// ```
#[derive(Clone)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Draws a new id.
    ///
    /// # Errors
    /// When the random source fails; no id is made from anything weaker.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0_u8; RANDOM_BYTES];
        random.fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// Reads an id that a client sent. Anything but the one spelling that [`SessionId::generate`] writes is `None`,
    /// so that malformed values never reach a store.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT_LENGTH {
            return None;
        }
        let mut bytes = [0_u8; RANDOM_BYTES + 1];
        // The decoder refuses trailing bits that are not zero, so an id has exactly one spelling.
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(RANDOM_BYTES) => Some(Self(text.into())),
            _ => None,
        }
    }

    /// The id as text, for the cookie. Never log it, never put it into a page or a URL.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Another id of the same session: this one's lookup half and the secret half of `other`.
    pub(crate) fn with_secret_of(&self, other: &Self) -> Self {
        Self([self.halves().0, other.halves().1].concat().into())
    }

    /// The id that follows this one when the store chose `salt`. Neither the id nor the salt alone tells it.
    pub(crate) fn successor(&self, salt: &[u8; SALT_BYTES]) -> Self {
        let mut hash = Sha256::new();
        // Everything hashed has a fixed length, so nothing runs together.
        hash.update(b"cloakroom successor");
        hash.update(self.expose().as_bytes());
        hash.update(salt);
        let secret = Self(URL_SAFE_NO_PAD.encode(hash.finalize()).into());
        self.with_secret_of(&secret)
    }

    /// What finds the session, and what proves that the browser may have it.
    fn halves(&self) -> (&str, &str) {
        self.0.split_at_checked(LOOKUP_LENGTH).unwrap_or((&self.0, ""))
    }
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SessionId {}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionId(redacted)")
    }
}

/// What the store sees: natively the SHA-256 of the cookie's name and the id's lookup half, 32 bytes.
///
/// A dump of the table therefore signs nobody in, a key shown as a cookie opens nothing (rack's CVE-2019-16782,
/// TYPO3's CVE-2020-26228), and an id issued under one cookie name means nothing under another even when both
/// share a table (CodeIgniter CVE-2022-46170). A plain hash suffices because the half has 126 random bits
/// (ASVS 6.5.2 asks 112).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey(Arc<[u8]>);

impl StoreKey {
    /// The native key of `id` as presented in the cookie called `cookie_name`.
    pub fn native(cookie_name: &str, id: &SessionId) -> Self {
        let mut hash = Sha256::new();
        hash.update(cookie_name.as_bytes());
        // A cookie name never contains a NUL, so no two pairs of name and id run together.
        hash.update([0]);
        hash.update(id.halves().0.as_bytes());
        Self(Arc::from(hash.finalize().as_slice()))
    }

    /// The key of a record that is no session: of something that is kept beside the sessions of the cookie called
    /// `cookie_name`, for `purpose`, under `name`. No id leads to it.
    pub fn reserved(cookie_name: &str, purpose: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(cookie_name.as_bytes());
        hash.update([0]);
        // The half of an id is 21 characters of base64url, so it never begins like this; the length keeps purpose and
        // name apart.
        hash.update(b"cloakroom reserved\0");
        hash.update(u64::try_from(purpose.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(purpose.as_bytes());
        hash.update(name.as_bytes());
        Self(Arc::from(hash.finalize().as_slice()))
    }

    /// A key as a store holds it.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The key's bytes, for the store's column.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoreKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn r36_only_the_exact_spelling_is_an_id() {
        let good = SessionId::generate(&SystemRandom).unwrap();
        let text = good.expose();
        for bad in [
            String::new(),
            text[1..].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!("{}+", &text[1..]),
            format!("{}/", &text[1..]),
            format!("{}\0", &text[1..]),
            format!("{}é", &text[2..]),
            "../../../../../../../../../../../etc/passwd".to_owned(),
            // All zero but for the two bits that 32 bytes leave over in the last character.
            format!("{}B", "A".repeat(42)),
        ] {
            assert!(SessionId::parse(&bad).is_none(), "accepted {bad:?}");
        }
        assert!(SessionId::parse(&"A".repeat(43)).is_some());
    }

    #[test]
    fn an_id_that_follows_another_is_an_id_of_the_same_session() {
        let first = SessionId::generate(&SystemRandom).unwrap();
        let second = first.successor(&[1; SALT_BYTES]);
        assert_eq!(SessionId::parse(second.expose()), Some(second.clone()));
        assert_ne!(second, first);
        assert_eq!(StoreKey::native("id", &second), StoreKey::native("id", &first));
        assert_eq!(first.successor(&[1; SALT_BYTES]), second);
        assert_ne!(first.successor(&[2; SALT_BYTES]), second);
        assert_ne!(
            SessionId::generate(&SystemRandom).unwrap().successor(&[1; SALT_BYTES]).halves().1,
            second.halves().1
        );
        assert_eq!((first.halves().0.len(), first.halves().1.len()), (21, 22));
    }

    #[test]
    fn r28_the_key_depends_on_the_name_of_the_cookie() {
        let id = SessionId::generate(&SystemRandom).unwrap();
        assert_ne!(StoreKey::native("user", &id), StoreKey::native("admin", &id));
        assert_eq!(StoreKey::native("user", &id).as_bytes().len(), 32);
    }
}
