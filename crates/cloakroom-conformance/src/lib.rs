//! Cloakroom's contract, executable.

mod clock;
mod outcome;
mod random;
mod run;
mod store;

pub use clock::ManualClock;
pub use outcome::{Checked, Failure, Report};
pub use random::{BrokenRandom, SequenceRandom};
pub use run::{Spawner, block_on, spawn_thread};
pub use store::{CASES as STORE_CASES, Case, Nodes, StoreSuite};
