//! Sources of random bits that misbehave on purpose.

use std::sync::{Mutex, PoisonError};

use cloakroom_core::{Random, RandomError};

/// A source that always fails, as an operating system without entropy does.
#[derive(Clone, Copy, Debug, Default)]
pub struct BrokenRandom;

impl Random for BrokenRandom {
    fn fill(&self, _bytes: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError::new("broken on purpose"))
    }
}

/// A source that fills every request with one byte of a given sequence, and starts over at its end.
///
/// `SequenceRandom::new([1, 1, 2])` makes the first two ids equal and the third a different one.
#[derive(Debug)]
pub struct SequenceRandom {
    sequence: Vec<u8>,
    drawn: Mutex<usize>,
}

impl SequenceRandom {
    /// A source that repeats `sequence`. An empty sequence always fails.
    pub fn new(sequence: impl Into<Vec<u8>>) -> Self {
        Self { sequence: sequence.into(), drawn: Mutex::new(0) }
    }
}

impl Random for SequenceRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.sequence.iter().cycle().nth(*drawn);
        bytes.fill(*next.ok_or_else(|| RandomError::new("an empty sequence"))?);
        *drawn = (*drawn + 1) % self.sequence.len();
        Ok(())
    }
}
