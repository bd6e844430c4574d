//! How hard randomised tests try, and from where they start.

use std::env;
use std::hash::{BuildHasher as _, RandomState};

/// How many times its usual number of rounds a test of chance makes: what `CLOAKROOM_TEST_EFFORT` says, or 1.
///
/// ```
/// use cloakroom_conformance::effort;
///
/// for round in 0..20 * effort() {
///     // … one random story …
/// #   let _ = round;
/// }
/// ```
pub fn effort() -> u32 {
    env::var("CLOAKROOM_TEST_EFFORT").ok().and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// The seed of a test of chance: what `CLOAKROOM_TEST_SEED` says, or a new one. It is printed, so that a failing test
/// shows how to repeat it.
#[allow(clippy::print_stdout, reason = "a test's output is shown when it fails")]
pub fn seed() -> u64 {
    let given = env::var("CLOAKROOM_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| {
        // The standard library draws the keys of its hashers at random.
        RandomState::new().hash_one(0_u8)
    });
    println!("to repeat this: CLOAKROOM_TEST_SEED={seed}");
    seed
}

/// A small generator of numbers for tests: the same seed gives the same numbers on every machine.
///
/// ```
/// use cloakroom_conformance::Dice;
///
/// let mut dice = Dice::new(7);
/// assert_eq!(Dice::new(7).below(100), dice.below(100));
/// ```
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Begins at a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`; zero when `limit` is zero.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or(0)
    }

    /// One of `choices`; `None` when there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }

    /// `SplitMix64`: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
