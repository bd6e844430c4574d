//! When an id is replaced because of its age, and what becomes of the one before it.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::verifier::Verifier;

/// Replaces ids that have reached an age, without signing anybody out: OWASP's *renewal timeout*.
///
/// The first request that uses the session after that age gives it a new id. Requests that were under way with the
/// previous id go on, and for a grace it opens the session too; whoever shows it is told the new one, so a response
/// that got lost does no harm. As soon as the browser has shown the new id, the previous one has only a short overlap
/// left, for requests that were sent before. After that it opens nothing, and showing it is reported as
/// [`Event::Reused`](crate::Event::Reused).
///
/// # Cost
/// Two writes per age: one for the new id, one when the browser first shows it. No further look-up, ever.
///
/// ```
/// use std::time::Duration;
/// use cloakroom_core::{Policy, Reuse, Rotation};
///
/// let policy = Policy::default()
///     .rotation(Rotation::every(Duration::from_secs(30 * 60)).on_reuse(Reuse::End));
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    age: Duration,
    grace: Duration,
    overlap: Duration,
    pub(crate) reuse: Reuse,
}

/// What follows when a replaced id is shown after its successor was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// The request is anonymous, and the observer is told.
    #[default]
    Report,
    /// The session ends as well: one of its two holders is not the visitor, and nobody can say which.
    End,
}

impl Rotation {
    /// Replaces an id that is `age` old.
    pub const fn every(age: Duration) -> Self {
        let (grace, overlap) = (Duration::from_secs(60), Duration::from_secs(5));
        Self { age, grace, overlap, reuse: Reuse::Report }
    }

    /// How long the previous id opens the session while the new one has not been shown.
    ///
    /// # Default
    /// One minute. A browser that hears nothing for longer than that while it uses the site is signed out; a stolen
    /// id lives longer by this much.
    #[must_use]
    pub const fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// How long the previous id opens the session after the new one has been shown, within the grace.
    ///
    /// # Default
    /// Five seconds. A page sends many requests at once, and those that are slow to arrive still carry the previous
    /// id when a faster one has brought the new. Zero refuses them.
    #[must_use]
    pub const fn overlap(self, overlap: Duration) -> Self {
        Self { overlap, ..self }
    }

    /// What follows when a replaced id is shown after its successor was.
    ///
    /// # Default
    /// [`Reuse::Report`]. Why: ending the session is right when somebody stole the cookie, and wrong when a proxy or
    /// an old tab repeated a request.
    #[must_use]
    pub const fn on_reuse(self, reuse: Reuse) -> Self {
        Self { reuse, ..self }
    }

    /// Whether the id is old enough. One whose predecessor is still accepted is not: nobody follows two steps.
    pub(crate) fn is_due(&self, verifier: &Verifier, now: Timestamp) -> bool {
        !verifier.is_waiting() && verifier.issued_at().is_some_and(|issued| now >= issued.plus(self.age))
    }

    /// Until when the previous id opens the session.
    pub(crate) fn grace_from(&self, now: Timestamp) -> Timestamp {
        now.plus(self.grace)
    }

    /// Until when the previous id opens the session once the new one was shown at `now`. A policy that no longer
    /// rotates leaves nothing.
    pub(crate) fn overlap_from(rotation: Option<&Self>, now: Timestamp) -> Timestamp {
        rotation.map_or(now, |rotation| now.plus(rotation.overlap))
    }
}
