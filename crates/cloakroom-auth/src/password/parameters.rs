//! What a new hash costs.

use super::error::PasswordConfigError;

/// OWASP's equally strong settings of argon2id, as (KiB of memory, passes over it). The last is the weakest memory it
/// names.
const FLOOR: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

const MOST_LANES: u32 = 16;

/// What a new argon2id hash costs. The default is 19 MiB of memory, two passes and one lane.
///
/// The default is what the [OWASP Password Storage Cheat Sheet] advises, and takes about 20 to 40 ms of one core. More
/// memory makes guessing dearer for everyone, the server included: a check holds this memory while it runs, and as many
/// run at once as [`PasswordsBuilder::threads`](super::PasswordsBuilder::threads) says.
///
/// [OWASP Password Storage Cheat Sheet]: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
///
/// ```
/// use cloakroom_auth::password::{Argon2Parameters, Passwords};
///
/// let passwords = Passwords::builder().parameters(Argon2Parameters::new(65_536, 3, 1)?).build()?;
/// assert!(Argon2Parameters::new(4_096, 3, 1).is_err());
/// # Ok::<(), cloakroom_auth::password::PasswordConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Parameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Argon2Parameters {
    /// Parameters of your own: memory in KiB, passes over it, and lanes (which are computed one after the other).
    ///
    /// The floor is OWASP's list of equally strong settings: 46 MiB with one pass, 19 MiB with two, 12 MiB with three,
    /// 9 MiB with four, 7 MiB with five or more. From 1 to 16 lanes.
    ///
    /// # Errors
    /// [`PasswordConfigError::WeakParameters`] below the floor or with another number of lanes.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, PasswordConfigError> {
        let is_strong = FLOOR.iter().any(|(memory, least)| memory_kib >= *memory && passes >= *least);
        if !is_strong || !(1..=MOST_LANES).contains(&lanes) {
            return Err(PasswordConfigError::WeakParameters);
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// The least that argon2 can do, for tests only: hashes like these are guessed millions of times faster. A log line
    /// at `warn` says so whenever a [`Passwords`](super::Passwords) is built with them.
    pub const fn weak_for_tests() -> Self {
        Self { memory_kib: 8, passes: 1, lanes: 1 }
    }

    /// Memory in KiB.
    pub const fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub const fn lanes(&self) -> u32 {
        self.lanes
    }

    pub(super) fn is_weak(self) -> bool {
        self == Self::weak_for_tests()
    }
}

impl Default for Argon2Parameters {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}
