//! The handle that an application keeps.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::builder::PasswordsBuilder;
use super::check::Check;
use super::error::PasswordError;
use super::hash::PasswordHash;
use super::hasher::{Hasher, MAXIMUM_BYTES};
use super::pool::Pool;
use super::secret::Password;

/// Hashes and checks passwords, on a few threads of its own and with a bounded queue.
///
/// Make one for the whole application and clone it; a clone shares the threads and the queue. It knows no runtime, so
/// it may be awaited in any. When the last clone is dropped its threads end.
#[derive(Clone)]
pub struct Passwords {
    // Held by each task while it runs.
    pub(super) hasher: Arc<Hasher>,
    pool: Arc<Pool>,
    minimum_length: usize,
}

impl Passwords {
    /// argon2id with OWASP's parameters, passwords of 8 characters or more, and the other defaults of
    /// [`PasswordsBuilder`].
    pub fn new() -> Self {
        Self::builder().assemble(None)
    }

    /// Configures one.
    pub fn builder() -> PasswordsBuilder {
        PasswordsBuilder::new()
    }

    pub(super) fn assembled(hasher: Hasher, pool: Pool, minimum_length: usize) -> Self {
        Self { hasher: Arc::new(hasher), pool: Arc::new(pool), minimum_length }
    }

    /// The hash of a new password, for sign-up and change. A password has at least
    /// [`PasswordsBuilder::minimum_length`] Unicode characters, blanks included, and at most 1024 bytes.
    ///
    /// Cancel safe: dropped while it waits, nothing is computed.
    ///
    /// # Errors
    /// [`PasswordError::TooShort`] and [`PasswordError::TooLong`] for the user; [`PasswordError::Busy`] and the other
    /// failures of hashing.
    pub async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError> {
        if password.as_bytes().len() > MAXIMUM_BYTES {
            return Err(PasswordError::TooLong { maximum: MAXIMUM_BYTES });
        }
        if password.characters() < self.minimum_length {
            return Err(PasswordError::TooShort { minimum: self.minimum_length });
        }
        let (hasher, password) = (Arc::clone(&self.hasher), password.clone());
        self.pool.run(move || hasher.hash(&password)).await?
    }

    /// Whether `stored` is a hash of `password`. Give `None` where there is no such user, or one without a password.
    ///
    /// One hash is computed in every case, so that the time does not tell whether the user exists: for `None` a hash
    /// of the current parameters that nobody matches ([`PasswordsBuilder::unknown_users_cost`]), for a missing
    /// (empty) or too long password and for a stored text that cannot be read as well. Only a right password whose
    /// hash is to be upgraded computes a second one.
    ///
    /// The least length is not asked for here: whoever has an older, shorter password can still sign in.
    ///
    /// Cancel safe: dropped while it waits, nothing is computed.
    ///
    /// # Errors
    /// [`PasswordError::UnknownFormat`] and [`PasswordError::TooCostly`] for the stored text;
    /// [`PasswordError::Busy`] and the other failures of hashing. A wrong password is no error.
    pub async fn verify(&self, password: &Password, stored: Option<&str>) -> Result<Check, PasswordError> {
        let (hasher, password, stored) =
            (Arc::clone(&self.hasher), password.clone(), stored.map(str::to_owned));
        self.pool.run(move || hasher.verify(&password, stored.as_deref())).await?
    }

    /// How many hashes were computed since it was built, by all clones: a figure to watch, and what a test looks at to
    /// see that an unknown user costs as much as a wrong password.
    pub fn computed(&self) -> u64 {
        self.hasher.computed.load(Ordering::Relaxed)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Passwords")
            .field("current", &self.hasher.current)
            .field("ceiling", &self.hasher.ceiling)
            .field("minimum_length", &self.minimum_length)
            .finish_non_exhaustive()
    }
}
