//! What scenarios are made of: time and chance by hand, and stores that watch, wait and fail.

#[macro_use]
mod decorate;

mod clock;
mod delay;
mod effort;
mod fail;
mod random;
mod schedule;
mod spy;

pub use clock::ManualClock;
pub use delay::{DelayingStore, Gate, Parked};
pub use effort::{Dice, effort, seed};
pub use fail::{FailingStore, Fault, Faults, Moment};
pub use random::{BrokenRandom, SequenceRandom};
pub use schedule::{Orders, Release, Schedule, ScheduledStore, Waiting};
pub use spy::{Call, Log, Outcome, SpyStore};
