//! Sign-in, and what its users ask for most: to see and end their own sessions.
//!
//! This crate knows no framework and no database. Applications depend on the `cloakroom` facade, which re-exports it.
//!
//! | noun | is |
//! |---|---|
//! | [`Strategy`] | one function from credentials to a [`Verdict`]; a closure is one |
//! | [`Verified`] | the proof that signing in takes; only a check of this crate makes one |
//! | [`Auth`] | the application's sign-in, shared by all requests |
//! | [`Visit`] | one request's view of it: who is signed in, sign in, sign out |
//! | [`UserSessions`] | the sessions of one user: list, end one, end the others, end all |
//! | [`Guard`], [`Denied`] | who is let through, and what the others are told |
//! | [`password::Passwords`] | hashes and checks passwords, away from the threads that serve |
//! | [`attempts::Attempts`] | how often somebody may try |
//! | [`csrf`] | whether a request that changes something was meant by the visitor |

pub mod attempts;
mod audience;
mod auth;
pub mod csrf;
mod device;
mod error;
mod event;
mod guard;
mod history;
mod marks;
pub mod password;
pub mod return_path;
mod sessions;
mod sign_in;
mod strategy;
mod user;
mod verified;
mod visit;

pub use self::audience::{Asked, Audience};
pub use self::auth::{Auth, AuthBuilder};
pub use self::device::{AddressKey, Addresses, ShortAddressKey};
pub use self::error::{AuthError, BoxError};
pub use self::event::{AuthEvent, AuthObserver, EndedBy};
pub use self::guard::{Denied, Guard, Pages, Permission};
pub use self::history::{EndedSession, History};
pub use self::sessions::{Ending, Place, SignedIn, UserSessions};
pub use self::sign_in::SignIn;
pub use self::strategy::{Challenge, Refusal, Strategy, Verdict};
pub use self::user::{User, Users};
pub use self::verified::Verified;
pub use self::visit::Visit;
