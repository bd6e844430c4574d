//! What an application can watch.

use std::fmt;
use std::net::IpAddr;

use crate::error::StoreError;

/// Sees every event of every session, for audit logs, counters and alarms.
///
/// Called on the request's own task, so it should hand over and return. An observer that panics is caught and
/// reported; it cannot stop the session from being ended (Jetty's CVE-2021-34428).
///
/// ```
/// use cloakroom_core::{Event, Observer};
///
/// #[derive(Debug)]
/// struct Audit;
///
/// impl Observer for Audit {
///     fn observe(&self, event: &Event<'_>) {
///         if let Event::Rejected(reason) = event {
///             eprintln!("a session cookie was refused: {reason:?}");
///         }
///     }
/// }
/// ```
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Takes note of one event.
    fn observe(&self, event: &Event<'_>);
}

/// Something that happened to a session. No event carries an id, a store key or data.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A first write made a session.
    Created,
    /// A request's cookie named a live session.
    Loaded,
    /// Changes were written.
    Saved,
    /// Activity moved the expiry of a session that was not changed.
    Touched,
    /// The session got a new id. The old one is dead, or is about to be when the session was rotated because of its
    /// id's age.
    Rotated,
    /// A request's cookie held an id that had been replaced, although the browser has shown the id that replaced it:
    /// somebody else may hold a copy. [`Rotation::on_reuse`](crate::Rotation::on_reuse) decides what follows.
    Reused,
    /// The application ended the session.
    Destroyed,
    /// A request's cookie named a session that had expired.
    Expired,
    /// A request's cookie was not accepted.
    Rejected(Rejection),
    /// More different ids that name no session came from one address than [`Policy::guessing`](crate::Policy::guessing)
    /// lets pass. Once in each window.
    Guessing {
        /// The address; of an IPv6 address the /64.
        address: IpAddr,
        /// How many ids there were so far.
        ids: u32,
    },
    /// Another request wrote first: the changes are applied again to what it wrote. Attempts count from 1.
    Conflict {
        /// How many conflicts this save has met.
        attempt: u32,
    },
    /// The session ended (signed out, ended by another device, rotated) while a request was still using it.
    Gone,
    /// A value in the session no longer decodes into the type the application asks for.
    Undecodable {
        /// The name of the value inside the session.
        key: &'a str,
    },
    /// The store failed; the policy decided what the client sees.
    StoreFailed(&'a StoreError),
}

/// Why a cookie was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejection {
    /// It is not written as a session cookie is. The store was not asked.
    Malformed,
    /// Its signature or encryption does not verify with any key of the ring. The store was not asked.
    Tampered,
    /// Several different cookies of the session's name were sent; none was believed. The store was not asked.
    Ambiguous,
    /// It is well-formed but names no session: ended, swept, or made up. It is never adopted.
    Unknown,
    /// It names a session that has another id by now.
    Superseded,
    /// It names a session in which somebody signed in before everybody was signed out.
    SignedOut,
}
