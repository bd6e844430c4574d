//! Letting somebody in who signs in.

use std::num::NonZeroU32;

use super::Summary;
use crate::clock::Timestamp;
use crate::id::StoreKey;
use crate::record::{Record, Version};

/// Under what conditions a user who signs in is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The key of a record that stands for the user's right to sign in. Whoever ends all sessions of the user writes it
    /// anew first, so that no sign-in which began before comes after.
    pub mark: StoreKey,
    /// The version that it had when the sign-in began.
    pub version: Version,
    /// How many sessions the user may have, if that is limited.
    pub limit: Option<SessionLimit>,
}

/// How many live sessions one user may have, and what happens to one more (ASVS 7.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    /// At most so many.
    pub most: NonZeroU32,
    /// What happens to one more.
    pub when_full: WhenFull,
}

/// What happens when a user who has as many sessions as they may signs in once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// The session in which they signed in longest ago ends. Sessions without a time of authentication come first, in
    /// the order in which they began.
    EndOldest,
    /// The session that was not used for longest ends, as far as throttled touches tell.
    EndLeastRecentlySeen,
    /// They are refused.
    Refuse,
}

/// What became of a [`Store::admit`](crate::Store::admit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The record is stored.
    In {
        /// The version that it now has.
        version: Version,
        /// The sessions that made room for it.
        ended: Vec<Summary>,
    },
    /// There is no room. Nothing changed.
    Full,
    /// The user's sessions were ended after the sign-in had begun. Nothing changed.
    Superseded,
}

impl SessionLimit {
    /// What has to end so that a user who has `others` besides the session that is to be let in has no more than the
    /// limit; `None` when that session is to be refused instead. Those from before everybody was signed out do not
    /// count. For stores, which call it where nothing can come in between.
    pub fn make_room(&self, record: &Record, mut others: Vec<Summary>) -> Option<Vec<Summary>> {
        let epoch = record.authentication.as_ref().map(|it| it.epoch);
        others.retain(|it| it.authentication.as_ref().is_none_or(|it| Some(it.epoch) == epoch));
        let room = usize::try_from(self.most.get()).unwrap_or(usize::MAX).saturating_sub(1);
        let surplus = others.len().saturating_sub(room);
        match self.when_full {
            _ if surplus == 0 => return Some(Vec::new()),
            WhenFull::Refuse => return None,
            WhenFull::EndOldest => others.sort_by_cached_key(|it| (age(it), it.key.clone())),
            WhenFull::EndLeastRecentlySeen => others.sort_by_cached_key(|it| (it.seen, it.key.clone())),
        }
        others.truncate(surplus);
        Some(others)
    }
}

/// When they signed in; before all that did, those of which that is not known.
fn age(session: &Summary) -> (Option<Timestamp>, Timestamp) {
    (session.authentication.as_ref().map(|it| it.at), session.created)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authentication::{Authentication, Method};
    use crate::lifetime::Lifetime;
    use crate::random::SystemRandom;

    fn session(name: u8, authenticated: Option<i64>, seen: i64) -> Summary {
        let at = Timestamp::from_millis;
        Summary {
            key: StoreKey::from_bytes([name]),
            user: None,
            authentication: authenticated
                .map(|millis| Authentication::new(Method::password(), at(millis), &SystemRandom).unwrap()),
            created: at(0),
            seen: at(seen),
            expires: at(1_000),
            device: None,
        }
    }

    fn ended(most: u32, when_full: WhenFull) -> Option<Vec<u8>> {
        let limit = SessionLimit { most: NonZeroU32::new(most).unwrap(), when_full };
        let mut over = session(4, Some(10), 10);
        over.authentication.as_mut().unwrap().epoch = 1;
        let others = vec![session(1, Some(30), 40), session(2, None, 60), session(3, Some(20), 50), over];
        let authentication =
            Authentication::new(Method::password(), Timestamp::from_millis(0), &SystemRandom).unwrap();
        let record = Record {
            authentication: Some(authentication),
            ..Record::new(Lifetime::default(), Timestamp::from_millis(0))
        };
        Some(limit.make_room(&record, others)?.iter().map(|it| it.key.as_bytes()[0]).collect())
    }

    #[test]
    fn only_as_many_end_as_it_takes_and_in_the_order_that_was_named() {
        assert_eq!(ended(4, WhenFull::Refuse), Some(vec![]));
        assert_eq!(ended(3, WhenFull::Refuse), None);
        assert_eq!(ended(4, WhenFull::EndOldest), Some(vec![]));
        assert_eq!(ended(3, WhenFull::EndOldest), Some(vec![2]));
        assert_eq!(ended(2, WhenFull::EndOldest), Some(vec![2, 3]));
        assert_eq!(ended(1, WhenFull::EndOldest), Some(vec![2, 3, 1]));
        assert_eq!(ended(2, WhenFull::EndLeastRecentlySeen), Some(vec![1, 3]));
    }
}
