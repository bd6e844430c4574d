//! What a stored hash may cost.

use super::error::PasswordError;
use super::scheme::{Algorithm, Scheme};

/// What a stored hash may ask for. One that asks for more is [`PasswordError::TooCostly`] and is not begun.
///
/// A row names its own cost, so whoever can write a row (an import, an injection) could otherwise occupy a thread for
/// hours or all memory with one sign-in. The defaults are above what the usual libraries choose, and keep the dearest
/// check at a few seconds and 256 MiB:
///
/// | hash | default ceiling | usual |
/// |---|---|---|
/// | argon2 | 256 MiB, and memory × passes of 1 GiB | 19 to 100 MiB, 2 to 4 passes; libsodium *moderate* 256 MiB × 3 |
/// | bcrypt | cost 15 | 10 to 13 |
/// | scrypt | 256 MiB (128 × N × r), and that × p of 1 GiB | 16 to 128 MiB |
/// | PBKDF2 | 5 million iterations | 210 000 to 1 200 000 |
///
/// ```
/// use cloakroom_auth::password::{Ceiling, Passwords};
///
/// // For rows that libsodium made with its "sensitive" settings: 1 GiB, four passes.
/// let ceiling = Ceiling::default().memory_kib(1 << 20).memory_work_kib(4 << 20);
/// let passwords = Passwords::builder().ceiling(ceiling).build()?;
/// # Ok::<(), cloakroom_auth::password::PasswordConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    memory_kib: u64,
    memory_work_kib: u64,
    bcrypt_cost: u32,
    pbkdf2_iterations: u32,
}

impl Ceiling {
    /// Memory in KiB that one check may take, for argon2 and scrypt. Default: 256 MiB.
    #[must_use]
    pub const fn memory_kib(mut self, kib: u32) -> Self {
        self.memory_kib = kib as u64;
        self
    }

    /// Memory in KiB times the passes over it (argon2) or the parallel blocks (scrypt), which is what takes time.
    /// Default: 1 GiB, about a second.
    #[must_use]
    pub const fn memory_work_kib(mut self, kib: u64) -> Self {
        self.memory_work_kib = kib;
        self
    }

    /// bcrypt's cost, at most 31; each step doubles the time. Default: 15, about two seconds.
    #[must_use]
    pub const fn bcrypt_cost(mut self, cost: u32) -> Self {
        self.bcrypt_cost = cost;
        self
    }

    /// PBKDF2's iterations. Default: 5 million, about two seconds.
    #[must_use]
    pub const fn pbkdf2_iterations(mut self, iterations: u32) -> Self {
        self.pbkdf2_iterations = iterations;
        self
    }

    /// # Errors
    /// [`PasswordError::TooCostly`] when `scheme` is above this ceiling.
    pub(super) fn admit(&self, scheme: &Scheme) -> Result<(), PasswordError> {
        let is_below = match *scheme {
            // Lanes are computed one after the other and cost nothing.
            Scheme::Argon2 { memory_kib, passes, .. } => self.holds_memory(memory_kib.into(), passes.into()),
            Scheme::Bcrypt { cost } => cost <= self.bcrypt_cost,
            // 128 × N × r bytes, filled p times.
            Scheme::Scrypt { log_n, r, p } => {
                let blocks = 1_u64.checked_shl(log_n).and_then(|n| n.checked_mul(r.into()));
                blocks.is_some_and(|blocks| self.holds_memory(blocks.div_ceil(8), p.into()))
            }
            Scheme::Pbkdf2 { iterations, .. } => iterations <= self.pbkdf2_iterations,
        };
        if is_below { Ok(()) } else { Err(PasswordError::TooCostly(Algorithm::of(scheme))) }
    }

    fn holds_memory(&self, kib: u64, times: u64) -> bool {
        kib <= self.memory_kib && kib.checked_mul(times).is_some_and(|work| work <= self.memory_work_kib)
    }
}

impl Default for Ceiling {
    fn default() -> Self {
        Self {
            memory_kib: 256 << 10,
            memory_work_kib: 1 << 20,
            bcrypt_cost: 15,
            pbkdf2_iterations: 5_000_000,
        }
    }
}
