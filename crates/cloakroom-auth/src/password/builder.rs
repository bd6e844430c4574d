//! How passwords are hashed, configured.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;
use std::thread;

use cloakroom_core::{Random, SystemRandom};

use super::ceiling::Ceiling;
use super::error::PasswordConfigError;
use super::hasher::Hasher;
use super::parameters::Argon2Parameters;
use super::passwords::Passwords;
use super::pool::Pool;
use super::scheme::Scheme;
use super::stored::Stored;

/// NIST SP 800-63B-4 (3.1.1.2): never fewer than eight, and verifiers should take at least 64.
const MINIMUM_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// More threads than this hash no faster than the memory answers.
const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

const DEFAULT_PLACES: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Configures [`Passwords`]. Every default is one for production.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PasswordsBuilder {
    parameters: Argon2Parameters,
    ceiling: Ceiling,
    minimum_length: usize,
    threads: NonZeroUsize,
    queue: NonZeroUsize,
    unknown_users: Option<String>,
    random: Box<dyn Random>,
}

impl PasswordsBuilder {
    pub(super) fn new() -> Self {
        Self {
            parameters: Argon2Parameters::default(),
            ceiling: Ceiling::default(),
            minimum_length: *MINIMUM_LENGTHS.start(),
            threads: thread::available_parallelism()
                .map_or(NonZeroUsize::MIN, |cores| cores.min(MOST_THREADS)),
            queue: DEFAULT_PLACES,
            unknown_users: None,
            random: Box::new(SystemRandom),
        }
    }

    /// What new hashes cost. A stored hash of other parameters is upgraded when its user signs in.
    pub const fn parameters(mut self, parameters: Argon2Parameters) -> Self {
        self.parameters = parameters;
        self
    }

    /// What stored hashes may cost.
    pub const fn ceiling(mut self, ceiling: Ceiling) -> Self {
        self.ceiling = ceiling;
        self
    }

    /// How many Unicode characters a new password must have, from 8 to 64. Default: 8, which is right where a second
    /// factor is asked for; NIST SP 800-63B-4 (3.1.1.2) asks for 15 where the password is the only factor.
    pub const fn minimum_length(mut self, characters: usize) -> Self {
        self.minimum_length = characters;
        self
    }

    /// How many hashes are computed at once, each on a thread of its own that starts when it is needed. Default: as
    /// many as there are cores, at most four. Each takes the memory of one hash.
    pub const fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// How many checks may wait for a thread; the next one is [`PasswordError::Busy`](super::PasswordError::Busy).
    /// Default: 64, about two seconds on two cores.
    pub const fn queue(mut self, places: NonZeroUsize) -> Self {
        self.queue = places;
        self
    }

    /// A stored hash at whose cost unknown users are checked. Default: one of the current parameters.
    ///
    /// While most rows still hold hashes of another kind, such as bcrypt's after a move from another application, a
    /// wrong password for those takes as long as bcrypt does, and an unknown user should too. Give any hash of that
    /// kind; what it is the hash of does not matter, nobody matches it. Users whose hash is of another kind than most
    /// can be told from unknown ones by time until their hash is like the others.
    pub fn unknown_users_cost(mut self, stored: impl Into<String>) -> Self {
        self.unknown_users = Some(stored.into());
        self
    }

    /// Where salts come from. Default: the operating system.
    pub fn random(mut self, random: impl Random) -> Self {
        self.random = Box::new(random);
        self
    }

    /// Builds it. No thread is started yet.
    ///
    /// # Errors
    /// See [`PasswordConfigError`].
    pub fn build(self) -> Result<Passwords, PasswordConfigError> {
        if !MINIMUM_LENGTHS.contains(&self.minimum_length) {
            return Err(PasswordConfigError::MinimumLength);
        }
        self.ceiling.admit(&self.parameters.into()).map_err(|_| PasswordConfigError::AboveCeiling)?;
        let decoy = match &self.unknown_users {
            Some(text) => {
                Some(Stored::read(text, &self.ceiling).map_err(|_| PasswordConfigError::UnknownUsers)?)
            }
            None => None,
        };
        if self.parameters.is_weak() {
            tracing::warn!("passwords are hashed with parameters for tests");
        }
        Ok(self.assemble(decoy))
    }

    /// What is configured, taken as it is.
    pub(super) fn assemble(self, decoy: Option<Stored>) -> Passwords {
        let current = Scheme::from(self.parameters);
        let hasher = Hasher {
            current,
            decoy: decoy.unwrap_or_else(|| Stored::decoy(current)),
            ceiling: self.ceiling,
            random: self.random,
            computed: AtomicU64::new(0),
        };
        Passwords::assembled(hasher, Pool::new(self.threads, self.queue), self.minimum_length)
    }
}
