//! The deciding half of Cloakroom.
//!
//! This crate decides and never performs: what a session is, which store verb and which cookie follow from what a
//! request did ([`plan`]), and what every store must do ([`Store`]). It knows no runtime, no web framework and
//! no database driver, and reads the clock in one place ([`SystemClock`]).
//!
//! Applications depend on the `cloakroom` facade. Depend on this crate to write a store or to support a framework.

pub mod authentication;
pub mod clock;
pub mod cookie;
mod epoch;
pub mod error;
pub mod event;
pub mod id;
pub mod layout;
pub mod lifetime;
pub mod manager;
pub mod memory;
pub mod plan;
pub mod policy;
pub mod random;
pub mod record;
mod report;
pub mod rotation;
pub mod session;
pub mod store;
pub mod verifier;
mod watch;

pub use authentication::{Authentication, Fingerprint, InvalidMethod, Method, Presence, SessionHandle};
pub use clock::{Clock, SystemClock, Timestamp};
pub use cookie::{
    CookieConfig, CookieConfigError, CookieKey, CookieKeyError, CookiePrintError, Expiration, Freshness,
    KeyRing, Partitioning, Presented, Protection, SameSite, SessionCookie, Transport,
};
pub use error::{ErrorKind, Operation, StoreError};
pub use event::{Event, Observer, Rejection};
pub use id::{SessionId, StoreKey};
pub use lifetime::{Lifetime, Persistence};
pub use manager::{SessionManager, SessionManagerBuilder};
pub use memory::MemoryStore;
pub use policy::{Activity, LoadFailure, Policy, ServerErrorPolicy, Share, TouchPolicy};
pub use random::{Random, RandomError, SystemRandom};
pub use record::{Data, Device, InvalidUserId, Record, UserId, Version};
pub use rotation::{Reuse, Rotation};
pub use session::{
    DecodeError, EncodeError, Finished, Key, LazySession, LoadError, Outcome, SaveError, Section, Session,
    SessionKey, TimeLeft, ValueError,
};
pub use store::{
    Admission, Admitted, Loaded, Page, Put, Remaining, Scope, SessionLimit, Store, StoreFuture, Stored,
    Summary, Swept, Touch, WhenFull,
};
pub use verifier::Verifier;
pub use watch::Guessing;
