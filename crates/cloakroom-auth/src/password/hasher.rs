//! Computing and comparing, on whatever thread it is called.

use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_core::Random;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::ceiling::Ceiling;
use super::check::{Check, PasswordMatch};
use super::error::PasswordError;
use super::hash::PasswordHash;
use super::scheme::{BCRYPT_BYTES, Scheme};
use super::secret::Password;
use super::stored::{self, HASH_BYTES, SALT_BYTES, Stored};

/// More bytes than this are not hashed: PBKDF2 and argon2 read them all.
pub(super) const MAXIMUM_BYTES: usize = 1024;

/// Blocks until the hash is computed.
pub(super) struct Hasher {
    pub(super) current: Scheme,
    /// What is checked where there is nothing to check.
    pub(super) decoy: Stored,
    pub(super) ceiling: Ceiling,
    pub(super) random: Box<dyn Random>,
    pub(super) computed: AtomicU64,
}

impl Hasher {
    pub(super) fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError> {
        let mut salt = [0; SALT_BYTES];
        self.random.fill(&mut salt).map_err(PasswordError::Random)?;
        let hash = self.compute(&self.current, password.as_bytes(), &salt, HASH_BYTES)?;
        stored::print(&self.current, &salt, &hash).ok_or(PasswordError::Interrupted)
    }

    /// Computes one hash whatever it was given, and a second one only for a right password that is to be upgraded.
    pub(super) fn verify(&self, password: &Password, stored: Option<&str>) -> Result<Check, PasswordError> {
        let read = stored.map(|text| Stored::read(text, &self.ceiling).map(|read| (text, read)));
        let against = match &read {
            Some(Ok((_, stored))) => stored,
            Some(Err(_)) | None => &self.decoy,
        };
        let typed = Typed::of(password, &against.scheme);
        let computed = self.compute(&against.scheme, typed.bytes(), &against.salt, against.hash.len())?;
        let is_equal = bool::from(computed.ct_eq(&against.hash));
        match (read.transpose()?, typed) {
            (Some((text, stored)), Typed::Whole(_)) if is_equal => {
                Ok(Check::Right(PasswordMatch::new(text, self.upgrade(password, &stored))))
            }
            (Some(_), Typed::BeyondBcrypt) => Ok(Check::BeyondBcrypt),
            _ => Ok(Check::Wrong),
        }
    }

    /// The new hash of a right password. Failing to make one is no reason to refuse the password.
    fn upgrade(&self, password: &Password, stored: &Stored) -> Option<PasswordHash> {
        if stored.is_as(&self.current) {
            return None;
        }
        self.hash(password)
            .inspect_err(|error| {
                tracing::warn!(%error, "a password hash stays as it is until the next sign-in");
            })
            .ok()
    }

    /// The only place where a hash is computed.
    fn compute(
        &self,
        scheme: &Scheme,
        password: &[u8],
        salt: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, PasswordError> {
        self.computed.fetch_add(1, Ordering::Relaxed);
        let mut output = Zeroizing::new(vec![0; length]);
        scheme.compute(password, salt, &mut output)?;
        Ok(output)
    }
}

/// What of a typed password can be compared.
enum Typed<'a> {
    Whole(&'a [u8]),
    /// bcrypt would see a part of it.
    BeyondBcrypt,
    /// Missing, or longer than any password that was ever hashed here.
    Nothing,
}

impl<'a> Typed<'a> {
    fn of(password: &'a Password, scheme: &Scheme) -> Self {
        let bytes = password.as_bytes();
        if bytes.is_empty() || bytes.len() > MAXIMUM_BYTES {
            Self::Nothing
        } else if scheme.is_bcrypt() && (bytes.len() > BCRYPT_BYTES || bytes.contains(&0)) {
            Self::BeyondBcrypt
        } else {
            Self::Whole(bytes)
        }
    }

    /// What is hashed; the result counts for a whole password only.
    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::BeyondBcrypt | Self::Nothing => b"nothing",
        }
    }
}
