//! What a request brought.

use crate::event::Rejection;
use crate::id::SessionId;

/// What a request's `Cookie` headers say about its session. Only [`Presented::Id`] is worth asking a store about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// No cookie of the session's name.
    Nothing,
    /// A cookie of the session's name that is not believed. The visitor is anonymous, and the cookie is left alone.
    Refused(Rejection),
    /// A well-formed id. Whether it names a session, only the store knows.
    Id {
        /// The id.
        id: SessionId,
        /// Whether the cookie was written with the key that writes today.
        freshness: Freshness,
    },
}

/// Which key of the ring a cookie's value was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// The key that writes today, or a plain value, which needs none.
    Current,
    /// A key that is only read. Write the cookie again, so that the key can be retired one day.
    OlderKey,
}
