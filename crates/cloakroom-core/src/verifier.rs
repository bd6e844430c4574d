//! What the store keeps of an id's secret half: enough to check it, not enough to make it.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::clock::Timestamp;
use crate::id::{SALT_BYTES, SessionId};

/// Checks the ids of one session: the current one, and for a moment the one before it.
///
/// A store keeps it with the record as bytes and never looks inside. A session keeps its key in the store while its id
/// changes, so a change of the id is one write of one record, and whoever ends the session ends it under every id.
///
/// The default accepts nothing. `Debug` shows nothing.
///
/// ```
/// use cloakroom_core::{SessionId, SystemRandom, Timestamp, Verifier};
///
/// let id = SessionId::generate(&SystemRandom)?;
/// let verifier = Verifier::issue("__Host-id", &id, Timestamp::from_millis(0));
/// assert!(verifier.accepts("__Host-id", &id));
/// assert!(!verifier.accepts("another", &id));
/// assert_eq!(Verifier::from_bytes(&verifier.to_bytes()), Some(verifier));
/// # Ok::<(), cloakroom_core::RandomError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Verifier(Option<Issued>);

#[derive(Clone, PartialEq, Eq)]
struct Issued {
    id: Digest,
    at: Timestamp,
    previous: Previous,
}

/// The id before the current one, when it was replaced because of its age.
#[derive(Clone, PartialEq, Eq)]
enum Previous {
    /// There is none, or it died when it was replaced.
    None,
    /// The current id has not been shown yet. Whoever holds the previous one is told it again: it is made of both
    /// the previous id, which only the browser has, and the salt, which only the store has.
    Waiting { id: Digest, until: Timestamp, salt: [u8; SALT_BYTES] },
    /// The current id has been shown. Requests that were on their way have until `until`; then the previous id means
    /// that there is a copy of the cookie.
    Over { id: Digest, until: Timestamp },
}

type Digest = [u8; 32];

/// Two digests, two instants, a salt.
const LONGEST: usize = 2 * (32 + 8) + SALT_BYTES;

/// What an id is to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its id.
    Current,
    /// The id before, which is still accepted; and the current one, unless the browser is known to have it.
    Previous(Option<SessionId>),
    /// An id that it had before.
    Superseded,
    /// An id that it had before, after the browser has shown the one that replaced it.
    Reused,
}

impl Verifier {
    /// Accepts `id` under the cookie called `cookie_name`, and no other.
    pub fn issue(cookie_name: &str, id: &SessionId, now: Timestamp) -> Self {
        Self(Some(Issued { id: digest(cookie_name, id), at: now, previous: Previous::None }))
    }

    /// Whether `id` is the session's current id.
    pub fn accepts(&self, cookie_name: &str, id: &SessionId) -> bool {
        self.0.as_ref().is_some_and(|issued| same(&issued.id, &digest(cookie_name, id)))
    }

    /// Whether there is an id that it accepts.
    pub const fn is_issued(&self) -> bool {
        self.0.is_some()
    }

    /// When the current id was made.
    pub fn issued_at(&self) -> Option<Timestamp> {
        self.0.as_ref().map(|issued| issued.at)
    }

    /// The bytes that a store keeps: none, 40, 80 or 112.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Some(Issued { id, at, previous }) = &self.0 else { return Vec::new() };
        let mut bytes = Vec::with_capacity(LONGEST);
        bytes.extend(id);
        bytes.extend(at.as_millis().to_be_bytes());
        if let Previous::Waiting { id, until, .. } | Previous::Over { id, until } = previous {
            bytes.extend(id);
            bytes.extend(until.as_millis().to_be_bytes());
        }
        if let Previous::Waiting { salt, .. } = previous {
            bytes.extend(salt);
        }
        bytes
    }

    /// Reads what [`Verifier::to_bytes`] wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (id, rest) = bytes.split_first_chunk()?;
        let (at, rest) = time(rest)?;
        let previous = Previous::from_bytes(rest)?;
        Some(Self(Some(Issued { id: *id, at, previous })))
    }

    /// What `id` is to this session, for a request that begins at `now`.
    pub(crate) fn standing(&self, cookie_name: &str, id: &SessionId, now: Timestamp) -> Standing {
        let Some(issued) = &self.0 else { return Standing::Superseded };
        let shown = digest(cookie_name, id);
        if same(&issued.id, &shown) {
            return Standing::Current;
        }
        match &issued.previous {
            Previous::Waiting { id: previous, until, salt } if same(previous, &shown) && now < *until => {
                Standing::Previous(Some(id.successor(salt)))
            }
            Previous::Over { id: previous, until } if same(previous, &shown) => {
                if now < *until {
                    Standing::Previous(None)
                } else {
                    Standing::Reused
                }
            }
            _ => Standing::Superseded,
        }
    }

    /// What `id` is to this session, for a request that was accepted with it earlier and is still under way: the
    /// moment that a previous id has does not run out for it.
    pub(crate) fn standing_under_way(&self, cookie_name: &str, id: &SessionId) -> Standing {
        self.standing(cookie_name, id, Timestamp::from_millis(i64::MIN))
    }

    /// The verifier of `successor`, which was made of `previous` and `salt`, accepting `previous` until `until`.
    pub(crate) fn succeeded(
        &self,
        (cookie_name, successor): (&str, &SessionId),
        salt: [u8; SALT_BYTES],
        now: Timestamp,
        until: Timestamp,
    ) -> Self {
        let previous =
            self.0.as_ref().map_or(Previous::None, |issued| Previous::Waiting { id: issued.id, until, salt });
        Self(Some(Issued { id: digest(cookie_name, successor), at: now, previous }))
    }

    /// Whether the current id replaced one that is accepted until it has been shown.
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(&self.0, Some(Issued { previous: Previous::Waiting { .. }, .. }))
    }

    /// The same after the current id was shown: the previous one is accepted until `until` at most.
    pub(crate) fn confirmed(&self, until: Timestamp) -> Self {
        let mut confirmed = self.clone();
        if let Some(issued) = &mut confirmed.0
            && let Previous::Waiting { id, until: limit, .. } = issued.previous
        {
            issued.previous = Previous::Over { id, until: limit.min(until) };
        }
        confirmed
    }
}

impl Previous {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::None);
        }
        let (id, rest) = bytes.split_first_chunk()?;
        let (until, salt) = time(rest)?;
        if salt.is_empty() {
            return Some(Self::Over { id: *id, until });
        }
        Some(Self::Waiting { id: *id, until, salt: salt.try_into().ok()? })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Verifier(redacted)")
    }
}

/// Bound to the cookie's name, so that an id means nothing under another.
fn digest(cookie_name: &str, id: &SessionId) -> Digest {
    let mut hash = Sha256::new();
    hash.update(cookie_name.as_bytes());
    // A cookie name never contains a NUL, so no two pairs of name and id run together.
    hash.update([0]);
    hash.update(id.expose().as_bytes());
    hash.finalize().into()
}

fn same(left: &Digest, right: &Digest) -> bool {
    left.ct_eq(right).into()
}

fn time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (millis, rest) = bytes.split_first_chunk()?;
    Some((Timestamp::from_millis(i64::from_be_bytes(*millis)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    const NAME: &str = "__Host-id";
    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(START.as_millis() + millis)
    }

    fn id() -> SessionId {
        SessionId::generate(&SystemRandom).unwrap()
    }

    fn succeeded(first: &SessionId) -> (SessionId, Verifier) {
        let salt = [7; SALT_BYTES];
        let second = first.successor(&salt);
        let verifier = Verifier::issue(NAME, first, START);
        (second.clone(), verifier.succeeded((NAME, &second), salt, at(10), at(1_000)))
    }

    #[test]
    fn what_accepts_nothing_accepts_nothing() {
        assert_eq!(Verifier::default().standing(NAME, &id(), START), Standing::Superseded);
        assert!(!Verifier::default().accepts(NAME, &id()));
    }

    #[test]
    fn an_id_of_the_same_session_with_another_secret_is_nobody() {
        let (issued, guessed) = (id(), id());
        let verifier = Verifier::issue(NAME, &issued, START);
        let guessed = issued.with_secret_of(&guessed);
        assert_eq!(verifier.standing(NAME, &issued, START), Standing::Current);
        assert_eq!(verifier.standing(NAME, &guessed, START), Standing::Superseded);
        assert_eq!(verifier.standing("other", &issued, START), Standing::Superseded);
    }

    #[test]
    fn a_previous_id_is_accepted_until_its_moment_is_over_and_is_told_the_new_one() {
        let first = id();
        let (second, verifier) = succeeded(&first);
        assert_eq!(verifier.standing(NAME, &second, at(10)), Standing::Current);
        assert_eq!(verifier.standing(NAME, &first, at(999)), Standing::Previous(Some(second)));
        assert_eq!(verifier.standing(NAME, &first, at(1_000)), Standing::Superseded);
        assert_eq!(verifier.standing(NAME, &first.with_secret_of(&id()), at(20)), Standing::Superseded);
    }

    #[test]
    fn once_the_new_id_was_shown_the_previous_one_ends_early_and_then_means_a_copy() {
        let first = id();
        let (second, verifier) = succeeded(&first);
        let confirmed = verifier.confirmed(at(100));
        assert!(verifier.is_waiting() && !confirmed.is_waiting());
        assert_eq!(confirmed.standing(NAME, &second, at(50)), Standing::Current);
        assert_eq!(confirmed.standing(NAME, &first, at(99)), Standing::Previous(None));
        assert_eq!(confirmed.standing(NAME, &first, at(100)), Standing::Reused);
        assert_eq!(confirmed.standing_under_way(NAME, &first), Standing::Previous(None));
        assert_eq!(verifier.confirmed(at(9_999)).standing(NAME, &first, at(1_000)), Standing::Reused);
    }

    #[test]
    fn bytes_are_read_back_and_nothing_else_is() {
        let (_, waiting) = succeeded(&id());
        for verifier in
            [Verifier::default(), Verifier::issue(NAME, &id(), START), waiting.confirmed(at(5)), waiting]
        {
            let bytes = verifier.to_bytes();
            assert!(bytes.len() <= LONGEST);
            assert_eq!(Verifier::from_bytes(&bytes), Some(verifier));
            for length in (1..bytes.len()).filter(|length| ![40, 80].contains(length)) {
                assert_eq!(Verifier::from_bytes(&bytes[..length]), None, "{length} bytes");
            }
        }
        assert_eq!(Verifier::from_bytes(&[0; LONGEST + 1]), None);
    }
}
