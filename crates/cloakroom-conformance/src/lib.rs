//! Cloakroom's contract, executable.

mod outcome;
mod run;
mod store;
mod tools;

pub use outcome::{Checked, Failure, Report};
pub use run::{Spawner, block_on, spawn_thread};
pub use store::{CASES as STORE_CASES, Case, Nodes, StoreSuite};
pub use tools::{
    BrokenRandom, Call, DelayingStore, FailingStore, Fault, Faults, Gate, Log, ManualClock, Moment, Outcome,
    Parked, SequenceRandom, SpyStore,
};
