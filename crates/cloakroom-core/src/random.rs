//! Where random bits come from.

use std::fmt;

/// A source of random bytes that nobody can guess.
///
/// Production uses [`SystemRandom`]. Tests substitute a source that repeats itself or fails.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// Fills `bytes` completely.
    ///
    /// # Errors
    /// When the source cannot deliver. No caller falls back to a weaker source: the request fails instead
    /// (fiber's CVE-2025-66630 handed out one constant id).
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's generator (`getrandom`, `BCryptGenRandom`, …).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|error| RandomError(error.to_string()))
    }
}

/// The random source could not deliver; nothing was generated.
#[derive(Debug, thiserror::Error)]
#[error(
    "the random source failed ({0}); no session id was made: check the operating system's entropy source"
)]
pub struct RandomError(String);

impl RandomError {
    /// An error of a source other than the system's.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
