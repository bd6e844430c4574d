//! Cloakroom's contract, executable.
//!
//! A store is right when it passes [`StoreSuite`], and a framework's binding when it passes [`HttpSuite`]. Both are
//! run by this project's own stores and bindings and may be run by anybody's. A case that is added here reaches every
//! one of them without being listed there.
//!
//! ```
//! use std::sync::Arc;
//! use cloakroom_conformance::{StoreSuite, block_on, spawn_thread};
//! use cloakroom_core::{MemoryStore, Store};
//!
//! let suite = StoreSuite::new(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).spawner(spawn_thread);
//! block_on(suite.run()).assert_passed();
//! ```
//!
//! [`store_tests!`] and [`http_tests!`] stamp one `#[test]` per case instead.
//!
//! # What a case is
//! Each sentence of [`Store`](cloakroom_core::Store) is a case, and so are its races, its limits and what happens
//! when a caller goes away. A case that guards against a defect which session libraries have shipped carries its
//! number (`r06_…`), one that answers a requirement of OWASP ASVS 5.0 carries that (`asvs_7_2_4_…`).
//!
//! Cases never sleep and never read a clock: times are passed in. They know no runtime: concurrency is interleaved on
//! one task, or spread over threads by the [`Spawner`] that the store's author names.
//!
//! # Tools
//! [`SpyStore`] counts round trips, [`DelayingStore`] decides who comes first, [`Schedule`] and [`Orders`] try every
//! order of the calls of several requests, [`FailingStore`] fails before or after an effect, [`ManualClock`] stands
//! still, [`BrokenRandom`] and [`SequenceRandom`] take chance away. They serve applications' own tests as well. Every
//! decorator is a store and passes the suite itself.
//!
//! # What it does not do
//! It measures nothing: speed has its benchmarks. It opens no database: the factory does. And it cannot show that a
//! store survives a power cut.

mod http;
mod outcome;
mod run;
mod store;
mod tools;

pub use self::http::{App, CASES as HTTP_CASES, HttpCase, HttpSuite, respond};
pub use outcome::{Checked, Failure, Report};
pub use run::{Spawner, block_on, spawn_thread};
pub use store::{CASES as STORE_CASES, Case, Nodes, StoreSuite};
pub use tools::{
    BrokenRandom, Call, DelayingStore, Dice, FailingStore, Fault, Faults, Gate, Log, ManualClock, Moment,
    Orders, Outcome, Parked, Release, Schedule, ScheduledStore, SequenceRandom, SpyStore, Waiting, effort,
    seed,
};
