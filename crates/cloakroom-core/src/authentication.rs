//! How somebody signed in to a session, and the name under which they may end it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::clock::Timestamp;
use crate::random::{Random, RandomError};
use crate::record::UserId;

/// Who signed in is the record's [`user`](crate::Record::user); this is how, when, and under what conditions it stays
/// believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// What the user sees of the session instead of its id.
    pub handle: SessionHandle,
    /// When the user last proved who they are. No activity moves it (ASVS 7.5.3).
    pub at: Timestamp,
    /// By what means.
    pub method: Method,
    /// Whether the user was there, or a browser was remembered.
    pub presence: Presence,
    /// What the user's credentials were then. When they have changed, the session is over.
    pub fingerprint: Option<Fingerprint>,
    /// How often everybody had been signed out before, see
    /// [`SessionManager::sign_everybody_out`](crate::SessionManager::sign_everybody_out).
    pub epoch: u64,
}

impl Authentication {
    /// The user was there at `now` and proved who they are by `method`. The session gets a new handle.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn new(method: Method, now: Timestamp, random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self {
            handle: SessionHandle::generate(random)?,
            at: now,
            method,
            presence: Presence::Present,
            fingerprint: None,
            epoch: 0,
        })
    }

    /// The bytes in which a store keeps what has no column of its own: presence, epoch, fingerprint.
    pub fn proof_bytes(&self) -> Vec<u8> {
        let presence = match self.presence {
            Presence::Present => 0,
            Presence::Remembered => 1,
        };
        let mut bytes = vec![presence];
        bytes.extend(self.epoch.to_be_bytes());
        if let Some(Fingerprint(digest)) = &self.fingerprint {
            bytes.extend(digest);
        }
        bytes
    }

    /// Puts together what a store kept; `None` when the parts are not those of an authentication.
    pub fn from_stored(handle: &[u8], at: Timestamp, method: &str, proof: &[u8]) -> Option<Self> {
        let (presence, rest) = proof.split_first()?;
        let (epoch, digest) = rest.split_first_chunk()?;
        let presence = match presence {
            0 => Presence::Present,
            1 => Presence::Remembered,
            _ => return None,
        };
        let fingerprint = match digest {
            [] => None,
            digest => Some(Fingerprint(digest.try_into().ok()?)),
        };
        Some(Self {
            handle: SessionHandle(handle.try_into().ok()?),
            at,
            method: Method::new(method).ok()?,
            presence,
            fingerprint,
            epoch: u64::from_be_bytes(*epoch),
        })
    }
}

/// Whether the user was there at the last authentication (NIST SP 800-63B-4 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Presence {
    /// They proved it in this session.
    #[default]
    Present,
    /// They asked to be remembered, so the browser may be anybody's who holds it by now. Never enough where a recent
    /// authentication is required.
    Remembered,
}

/// The public name of a signed-in session: 128 random bits, unrelated to its id and its key.
///
/// It opens nothing, so it may stand in pages and forms. With it a user ends one session of their own.
///
/// ```
/// use cloakroom_core::{SessionHandle, SystemRandom};
///
/// let handle = SessionHandle::generate(&SystemRandom)?;
/// assert_eq!(SessionHandle::parse(&handle.to_string()), Some(handle));
/// assert_eq!(SessionHandle::parse("mine"), None);
/// # Ok::<(), cloakroom_core::RandomError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionHandle([u8; Self::BYTES]);

impl SessionHandle {
    /// How many bytes a store keeps.
    pub const BYTES: usize = 16;

    /// Draws a new handle.
    ///
    /// # Errors
    /// When the random source fails.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; Self::BYTES];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads what [`Display`](fmt::Display) writes, 22 characters of base64url, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES + 2];
        match URL_SAFE_NO_PAD.decode_slice(text.as_bytes().get(..22)?, &mut bytes) {
            Ok(Self::BYTES) if text.len() == 22 => bytes.first_chunk().copied().map(Self),
            _ => None,
        }
    }

    /// The bytes that a store keeps.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for SessionHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// By what means somebody signed in: `password`, `passkey`, `github`.
///
/// 1 to 32 characters out of `a–z`, `0–9`, `-`, `_`, `:` and `.`, so that it may stand in logs and columns as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Method(Arc<str>);

impl Method {
    /// The longest name in bytes.
    pub const MAX_BYTES: usize = 32;

    /// Takes a name.
    ///
    /// # Errors
    /// When it is empty, too long or has other characters.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidMethod> {
        let name = name.into();
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_:.".contains(&c);
        if name.is_empty() || name.len() > Self::MAX_BYTES || !name.bytes().all(fits) {
            return Err(InvalidMethod);
        }
        Ok(Self(name.into()))
    }

    /// A password that was typed in.
    pub fn password() -> Self {
        Self("password".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that cannot stand for a means of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a method of signing in is named by 1 to 32 characters out of a-z, 0-9, '-', '_', ':' and '.'")]
pub struct InvalidMethod;

/// A digest of what a user's credentials were: of the stored hash of the password, for example.
///
/// Kept in the session and compared whenever the user is loaded, so that a change of the credentials ends the sessions
/// that were opened with the old ones, whoever made it and by whatever means (Contao's CVE-2019-10641, TYPO3's
/// CVE-2022-23502). Comparison takes constant time; `Debug` redacts.
#[derive(Clone)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of `credentials`, whatever bytes change when they do, of `user`.
    pub fn new(user: &UserId, credentials: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"cloakroom fingerprint\0");
        // The length first, so that no two pairs run together (Symfony's CVE-2019-10911).
        hash.update(u64::try_from(user.as_str().len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(user.as_str().as_bytes());
        hash.update(credentials);
        Self(hash.finalize().into())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Fingerprint {}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Fingerprint(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn what_a_store_keeps_is_read_back() {
        let user = UserId::new("ann").unwrap();
        let plain =
            Authentication::new(Method::password(), Timestamp::from_millis(7), &SystemRandom).unwrap();
        let full = Authentication {
            presence: Presence::Remembered,
            fingerprint: Some(Fingerprint::new(&user, b"hash")),
            epoch: u64::MAX,
            ..plain.clone()
        };
        for authentication in [plain, full] {
            let proof = authentication.proof_bytes();
            let handle = authentication.handle.as_bytes();
            let read = |proof: &[u8]| {
                Authentication::from_stored(handle, authentication.at, authentication.method.as_str(), proof)
            };
            assert_eq!(read(&proof), Some(authentication.clone()));
            for cut in (0..proof.len()).filter(|cut| *cut != 9) {
                assert_eq!(read(&proof[..cut]), None, "{cut} bytes");
            }
            assert_eq!(read(&[&proof[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn r41_no_two_pairs_of_user_and_credentials_run_together() {
        let fingerprint =
            |user: &str, hash: &str| Fingerprint::new(&UserId::new(user).unwrap(), hash.as_bytes());
        assert_ne!(fingerprint("ann", "ahash"), fingerprint("anna", "hash"));
        assert_ne!(fingerprint("ann", "hash"), fingerprint("ben", "hash"));
        assert_eq!(fingerprint("ann", "hash"), fingerprint("ann", "hash"));
    }

    #[test]
    fn a_handle_has_one_spelling() {
        let text = SessionHandle::generate(&SystemRandom).unwrap().to_string();
        assert_eq!(text.len(), 22);
        for bad in [
            "",
            &text[1..],
            &format!("{text}A"),
            &format!("{}é", &text[2..]),
            &format!("{}B", "A".repeat(21)),
        ] {
            assert_eq!(SessionHandle::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn methods_are_short_plain_words() {
        assert!(Method::new("oauth:github.com").is_ok());
        for bad in ["", "Pass", "a b", "a\n", &"a".repeat(33)] {
            assert_eq!(Method::new(bad), Err(InvalidMethod));
        }
    }
}
